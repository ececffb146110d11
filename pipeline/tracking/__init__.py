"""MLflow: names, the writer that steps use, the reader that the dashboard uses."""

from __future__ import annotations

import os

# MLflow would report its use to its makers; it looks at this when it is imported, which is done in
# this package only.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
