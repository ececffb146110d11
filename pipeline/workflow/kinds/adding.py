"""What each kind is given to add its steps with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

# A step and its inputs, to the op; which launch and run it is of goes without saying.
Add = Callable[..., Any]
# The pipeline's parameters by name, without the launch.
Given = Mapping[str, Any]
