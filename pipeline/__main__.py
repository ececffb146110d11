"""``python -m pipeline``, which ``slipway`` (``tools/slipway``) does from any folder."""

import sys

from pipeline.cli.main import main

sys.exit(main())
