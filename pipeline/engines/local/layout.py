"""The local engine's files under the state folder; the one place that knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOCK_NAME = "controller.lock"


@dataclass(frozen=True)
class Layout:
    """Where the engine keeps what.

    Parameters
    ----------
    state
        The installation's state folder.
    """

    state: Path

    @property
    def base(self) -> Path:
        return self.state / "engine"

    @property
    def database(self) -> Path:
        """Queue, runs and steps."""
        return self.base / "runs.db"

    @property
    def controller_lock(self) -> Path:
        """Held while the controller or its keeper lives; its content is the controller's pid."""
        return self.base / LOCK_NAME

    @property
    def socket(self) -> Path:
        """Where the controller takes what may be in memory only."""
        return self.base / "controller.sock"

    @property
    def controller_log(self) -> Path:
        """What the controller has to say."""
        return self.base / "controller.log"

    def run(self, run_id: str) -> Path:
        """Give the folder of a run."""
        return self.base / "runs" / run_id

    def log(self, run_id: str, step: str) -> Path:
        """Give what a step printed, all its attempts one after the other."""
        return self.run(run_id) / step / "output.log"

    def attempt(self, run_id: str, step: str, number: int) -> Path:
        """Give the folder of one attempt of a step."""
        return self.run(run_id) / step / f"attempt-{number}"
