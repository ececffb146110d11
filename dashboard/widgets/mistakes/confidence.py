"""From where to where a slider of confidences goes."""

from __future__ import annotations

import math
from typing import Final

LEAST_CONF: Final = 0.01
MOST_CONF: Final = 0.99
_STEP: Final = 0.01


def least_on_slider(kept: float) -> float:
    """Give the first hundredth at which a test that kept boxes from there on can be judged."""
    return min(max(LEAST_CONF, math.ceil(round(100 * kept, 6)) / 100), MOST_CONF - _STEP)
