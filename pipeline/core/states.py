"""The states of runs and steps, the same for every engine."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a run or a step is."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen without a retry."""
        return self in _FINISHED

    @property
    def label(self) -> str:
        """The word that a person reads."""
        return _LABELS.get(self, self.value)


_FINISHED = frozenset({State.SUCCEEDED, State.FAILED, State.STOPPED, State.SKIPPED})
_LABELS = {State.PENDING: "queued", State.SUCCEEDED: "done"}
