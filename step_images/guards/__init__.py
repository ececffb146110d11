"""What Ultralytics may not do in a step: fetch, unpickle or evaluate what nobody has looked at.

Each module stands in front of a few functions of Ultralytics or torch. `guard` puts all of them in
place, in a process and in those that are forked from it, and in those that Ultralytics starts, one
a GPU; any other process that is started anew does it again.
"""

from __future__ import annotations

from step_images.guards.children import guard_children
from step_images.guards.fetching import guard_fetching
from step_images.guards.weights import guard_weights
from step_images.guards.yamls import guard_yamls


def guard() -> None:
    """Put every guard in place; again changes nothing."""
    guard_fetching()
    guard_weights()
    guard_yamls()
    guard_children()
