"""What runs when: takes every run as far as it goes, and starts waiting ones in free slots."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.clock import utc_now
from pipeline.core.errors import EngineUnreachable
from pipeline.core.said import joined, said
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.argo.document import read_document
from pipeline.engines.argo.plan import Plan
from pipeline.engines.local.control.vault import Vault
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.rows import RunRow, StepRow
from pipeline.engines.local.queue.store import Store
from pipeline.engines.local.queue.waiting import Waiting
from pipeline.engines.local.steps.environment import gpu_names, job_slots
from pipeline.engines.local.steps.progress import STOPPED, Ready, decide
from pipeline.engines.local.steps.runner import StepRunner, raise_if_disk

_log = logging.getLogger("slipway.controller")


class Scheduler:
    """Decides for the controller; all that it must remember is in the store.

    Parameters
    ----------
    settings
        State folder and slots; what steps see of the settings is stored with each run.
    vault
        What they see beside that, and is not stored.
    grace_s
        How long a step may take to stop before it is killed.

    Attributes
    ----------
    attempts
        Folders of the attempts that were at work when `tick` looked last.
    """

    def __init__(self, settings: Settings, vault: Vault, grace_s: float) -> None:
        self.attempts: set[Path] = set()
        self._layout = Layout(settings.state)
        self._store = Store(self._layout.database)
        self._waiting = Waiting(self._store)
        self._slots = job_slots(settings)
        self._gpus = gpu_names(settings)
        self._vault = vault
        self._steps = StepRunner(self._store, self._layout, vault, grace_s)
        self._plans: dict[str, Plan] = {}
        self._jobs = 0
        self._devices: set[str] = set()
        self._is_first = True

    def tick(self) -> bool:
        """Take every run as far as it goes; say whether one is unfinished.

        Raises
        ------
        EngineUnreachable
            The state cannot be used just now; what is at work goes on.
        """
        self._steps.has_unheard_stop = False
        if self._is_first:
            self._sweep()
            self._is_first = False
        active = self._store.active()
        steps = self._store.steps(run.id for run in active)
        self._jobs = sum(run.state is State.RUNNING for run in active)
        running = [step for rows in steps.values() for step in rows if step.state is State.RUNNING]
        self._devices = {device for step in running for device in step.devices}
        for run in active:
            self._try(run, steps[run.id])
        for run in self._waiting.next(self._slots - self._jobs):
            self._try(run, self._store.steps([run.id])[run.id])
        rows = self._store.steps(run.id for run in self._store.active())
        self.attempts = {
            self._steps.attempt(step)
            for steps_of_run in rows.values()
            for step in steps_of_run
            if step.state is State.RUNNING
        }
        self._vault.forget_all_but(self._store.unfinished_ids)
        return self._store.has_unfinished()

    @property
    def has_unheard_stop(self) -> bool:
        """Whether a stop has yet to reach a step that is just being started."""
        return self._steps.has_unheard_stop

    def reap(self) -> None:
        """Let go of the supervisors that are over."""
        self._steps.reap()

    def _try(self, run: RunRow, steps: Sequence[StepRow]) -> None:
        """Take a run as far as it goes; a broken one must not hold up the others."""
        try:
            self._tend(run, steps)
        except EngineUnreachable:
            raise
        except Exception as reason:  # noqa: BLE001  whatever it is, it is this run's alone
            raise_if_disk(reason)
            _log.exception("run %s", run.id)
            self._give_up(run, reason)

    def _tend(self, run: RunRow, steps: Sequence[StepRow]) -> None:
        for step in steps:
            if step.state is State.RUNNING and not self._is_over(run, step):
                return
        if run.state is State.PENDING:
            if run.stop_at:
                for step in steps:
                    if step.state is State.PENDING:
                        self._steps.end(run, step.name, State.SKIPPED, STOPPED)
                self._end_run(run, State.STOPPED)
                return
            self._jobs += 1
            started_at = run.started_at or utc_now()
            self._store.update_run(run.id, state=State.RUNNING, message="", started_at=started_at)
        while self._advance(run):
            pass

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
            self._steps.end(run, name, State.SKIPPED, reason, is_stopping=decision.is_cut_short)
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
            message = said(
                "waits for {wanted} GPU(s); {free} of {all} are free",
                wanted=wanted,
                free=len(free),
                all=len(self._gpus),
            )
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
        is_stopping = step.is_stopping or (bool(run.stop_at) and step.name != plan.on_exit)
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
            message = joined(
                said("{step} failed: {message}", step=step.name, message=step.message)
                for step in failed
            )
        if run.state is State.RUNNING:
            self._jobs -= 1
        self._store.update_run(run.id, state=state, message=message, finished_at=utc_now())
        self._plans.pop(run.id, None)
        self._sweep()

    def _sweep(self) -> None:
        """Remove what is left of deleted runs that are over, also where a kill came between."""
        for run_id in self._store.hidden_and_over():
            if self._store.forget(run_id):
                shutil.rmtree(self._layout.run(run_id), ignore_errors=True)

    def _give_up(self, run: RunRow, reason: Exception) -> None:
        message = said("the engine failed: {reason}", reason=reason)
        for step in self._store.steps([run.id])[run.id]:
            if step.state is State.RUNNING:
                self._steps.kill(step)
            if not step.state.is_finished:
                self._steps.end(run, step.name, State.FAILED, message)
        self._end_run(run, State.FAILED, message)

    def _plan(self, run: RunRow) -> Plan:
        if run.id not in self._plans:
            self._plans[run.id] = read_document(self._store.workflow(run.id))
        return self._plans[run.id]
