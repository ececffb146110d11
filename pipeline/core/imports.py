"""The lock under which large libraries are imported."""

from __future__ import annotations

import threading

IMPORTING = threading.RLock()
"""Hold it while importing kfp, kubernetes or mlflow inside a function.

They import ``requests`` from different ends. When two threads do so at once, Python avoids the
deadlock by handing one of them a half-made module, and the import fails.
"""
