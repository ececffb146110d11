"""The process that owns the queue: starts steps when it is their turn and notes how they end.

There is one for each state folder, started by `LocalEngine` when there is something to do, and gone
soon after the last run is over. Everything that it knows is in the store and in the folders of
the attempts, so that it can be killed at any moment and the next one goes on.
"""

from __future__ import annotations

import argparse
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Sequence

from pipeline.core.errors import EngineUnreachable
from pipeline.core.launch import utc_now
from pipeline.core.settings import Settings, load_settings
from pipeline.core.states import State
from pipeline.engines.local.document import read_document
from pipeline.engines.local.environment import gpu_names
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.plan import Plan
from pipeline.engines.local.progress import STOPPED, Ready, decide
from pipeline.engines.local.rows import RunRow, StepRow
from pipeline.engines.local.step_runner import StepRunner
from pipeline.engines.local.store import Store

TICK_S = 0.04
# Light steps follow each other within a second; a training is looked at less often, to leave it
# the processor.
CALM_TICK_S = 0.12
CALM_AFTER_S = 3.0
IDLE_S = 5.0
GRACE_S = 30.0

_log = logging.getLogger("slipway.controller")


def main() -> None:
    """Serve the queue of the state folder that the settings name, unless another process does."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.engines.local.controller")
    parser.add_argument("--lock-fd", type=int, help="the lock, already held by who started this")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings = load_settings()
    layout = Layout(settings.state)
    lock = arguments.lock_fd if arguments.lock_fd is not None else take_lock(layout)
    if lock is None:
        _log.info("another controller serves %s", settings.state)
        return
    os.set_inheritable(lock, False)
    Controller(settings).serve(lock)


def take_lock(layout: Layout) -> int | None:
    """Take the controller's lock, or give None when a controller holds it."""
    layout.base.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(layout.controller_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


class Controller:
    """Serves the queue of one state folder.

    Parameters
    ----------
    settings
        State folder and slots; what steps see of the settings is stored with each run.
    """

    def __init__(self, settings: Settings) -> None:
        self._layout = Layout(settings.state)
        self._store = Store(self._layout.database)
        self._job_slots = settings.job_slots
        self._gpus = gpu_names(settings)
        grace_s = float(os.environ.get("SLIPWAY_STOP_GRACE_S") or GRACE_S)
        self._steps = StepRunner(self._store, self._layout, grace_s)
        self._plans: dict[str, Plan] = {}
        self._jobs = 0
        self._devices: set[str] = set()
        self._seen: object = None
        self._changed_at = time.monotonic()

    def serve(self, lock: int) -> None:
        """Work until nothing has been left to do for a while, then let go of the lock."""
        _log.info("serving, pid %d", os.getpid())
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        idle_since = time.monotonic()
        while True:
            if self.tick():
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > IDLE_S:
                # Under the write lock: a run is queued either before this look at the queue, or
                # after the lock is free, and then whoever queued it starts the next controller.
                with self._store.transaction() as db:
                    if not self._store.has_unfinished(db):
                        os.close(lock)
                        _log.info("nothing left to do")
                        return
            is_calm = time.monotonic() - self._changed_at > CALM_AFTER_S
            time.sleep(CALM_TICK_S if is_calm else TICK_S)

    def tick(self) -> bool:
        """Take every unfinished run as far as it goes; say whether there was one."""
        runs = self._store.unfinished()
        if not runs:
            return False
        steps = self._store.steps(run.id for run in runs)
        if self._seen != (runs, steps):
            self._seen, self._changed_at = (runs, steps), time.monotonic()
        self._jobs = sum(run.state is State.RUNNING for run in runs)
        self._devices = {
            device
            for rows in steps.values()
            for step in rows
            if step.state is State.RUNNING
            for device in step.devices
        }
        waiting = 0
        for run in runs:
            try:
                waiting += not self._tend(run, steps[run.id], waiting)
            except EngineUnreachable:
                raise
            except Exception as reason:  # noqa: BLE001  one broken run must not hold up the others
                _log.exception("run %s", run.id)
                self._give_up(run, steps[run.id], reason)
        self._steps.reap()
        return True

    def _tend(self, run: RunRow, steps: Sequence[StepRow], waiting: int) -> bool:
        """Take a run as far as it goes; say whether it had its turn."""
        for step in steps:
            if step.state is State.RUNNING and not self._is_over(run, step):
                return True
        if run.state is State.PENDING:
            if run.stop_at:
                for step in steps:
                    if step.state is State.PENDING:
                        self._steps.end(run, step.name, State.SKIPPED, STOPPED)
                self._end_run(run, State.STOPPED)
                return True
            if self._jobs >= self._job_slots:
                self._say(run, f"waits for a job slot; {self._jobs + waiting} before it")
                return False
            self._jobs += 1
            self._store.update_run(
                run.id,
                state=State.RUNNING,
                message="",
                started_at=run.started_at or utc_now(),
            )
        while self._advance(run):
            pass
        return True

    def _advance(self, run: RunRow) -> bool:
        """Do the next thing of a run that has no running step; say whether to go on at once."""
        rows = {step.name: step for step in self._store.steps([run.id])[run.id]}
        values = {
            "workflow.uid": run.uid,
            "workflow.name": f"{self._plan(run).name}{run.id[:5]}",
            "workflow.namespace": "local",
            **{f"workflow.parameters.{name}": text for name, text in run.parameters.items()},
        }
        decision = decide(self._plan(run), rows, values, is_stopped=bool(run.stop_at))
        for name, reason in decision.skipped.items():
            self._steps.end(run, name, State.SKIPPED, reason)
        for name, reason in decision.broken.items():
            self._steps.end(run, name, State.FAILED, reason)
        if decision.broken:
            return True
        if decision.outcome is not None:
            self._end_run(run, decision.outcome)
            return False
        return decision.ready is not None and self._start(
            run, decision.ready, rows[decision.ready.step]
        )

    def _start(self, run: RunRow, ready: Ready, row: StepRow) -> bool:
        """Start a step when its GPUs are free; say whether it is over already."""
        free = [name for name in self._gpus if name not in self._devices]
        wanted = ready.template.container.gpus if ready.template.container else 0
        if wanted > len(free):
            message = f"waits for {wanted} GPU(s); {len(free)} of {len(self._gpus)} are free"
            if row.message != message:
                self._store.update_step(run.id, ready.step, message=message)
            return False
        if self._steps.start(run, ready, row, free[:wanted]):
            return True
        self._devices.update(free[:wanted])
        return False

    def _is_over(self, run: RunRow, step: StepRow) -> bool:
        """Look at a running step; a stop ends any but an exit handler that came after it."""
        plan = self._plan(run)
        is_stopping = bool(run.stop_at) and (
            step.name != plan.on_exit or step.started_at < run.stop_at
        )
        template = plan.template_of(step.name)
        if not self._steps.is_over(run, step, template, is_stopping=is_stopping):
            return False
        self._devices.difference_update(step.devices)
        return True

    def _end_run(self, run: RunRow, state: State, message: str = "") -> None:
        _log.info("run %s %s", run.id, state)
        if state is State.FAILED and not message:
            steps = self._store.steps([run.id])[run.id]
            failed = [step for step in steps if step.state is State.FAILED]
            message = "; ".join(f"{step.name} failed: {step.message}" for step in failed)
        if run.state is State.RUNNING:
            self._jobs -= 1
        self._store.update_run(run.id, state=state, message=message, finished_at=utc_now())
        self._plans.pop(run.id, None)
        if run.is_deleted and self._store.forget(run.id):
            shutil.rmtree(self._layout.run(run.id), ignore_errors=True)

    def _give_up(self, run: RunRow, steps: Sequence[StepRow], reason: Exception) -> None:
        for step in steps:
            if step.state is State.RUNNING:
                self._steps.stop(run, step)
            if not step.state.is_finished:
                self._steps.end(run, step.name, State.FAILED, f"the engine failed: {reason}")
        self._end_run(run, State.FAILED, f"the engine failed: {reason}")

    def _say(self, run: RunRow, message: str) -> None:
        if run.message != message:
            self._store.update_run(run.id, message=message)

    def _plan(self, run: RunRow) -> Plan:
        if run.id not in self._plans:
            self._plans[run.id] = read_document(self._store.workflow(run.id))
        return self._plans[run.id]


if __name__ == "__main__":
    main()
