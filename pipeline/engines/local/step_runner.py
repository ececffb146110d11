"""Starting a step, looking after it, and noting in the store how it ended."""

from __future__ import annotations

import logging
import subprocess

from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.launch import utc_now
from pipeline.core.states import State
from pipeline.engines.local import processes
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.placement import Place, claim_outputs, collect, prepare
from pipeline.engines.local.plan import Template
from pipeline.engines.local.progress import STOPPED, Ready
from pipeline.engines.local.reasons import volume_of, why_failed
from pipeline.engines.local.rows import RunRow, StepRow
from pipeline.engines.local.store import Store

_log = logging.getLogger("slipway.controller")


class StepRunner:
    """Runs steps for the controller, which decides what runs when.

    Parameters
    ----------
    store, layout
        Where states and files are.
    grace_s
        How long a step may take to stop before it is killed.
    """

    def __init__(self, store: Store, layout: Layout, grace_s: float) -> None:
        self._store = store
        self._layout = layout
        self._grace_s = grace_s
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, run: RunRow, ready: Ready, row: StepRow, gpus: list[str]) -> bool:
        """Start a step; say whether it is over already."""
        if ready.template.container is None:
            self._mount(run, ready)
            return True
        number = row.attempt + 1
        attempt = self._layout.attempt(run.id, ready.step, number)
        place = Place(ready.template, attempt, volume_of(run).root)
        self._store.update_step(
            run.id,
            ready.step,
            state=State.RUNNING,
            message="",
            started_at=utc_now(),
            attempt=number,
            devices=gpus,
        )
        try:
            command = prepare(ready, place, run.settings, gpus)
            log = self._layout.log(run.id, ready.step)
            self._children.append(processes.start(attempt, command, log, self._grace_s))
        except (SlipwayError, OSError) as reason:
            self.end(run, ready.step, State.FAILED, f"it could not be started: {reason}")
            return True
        return False

    def is_over(self, run: RunRow, step: StepRow, template: Template, *, is_stopping: bool) -> bool:
        """Look at a running step, pass a stop on, and note its end."""
        attempt = self._layout.attempt(run.id, step.name, step.attempt)
        end = processes.exit_of(attempt)
        if end is None and processes.is_alive(attempt):
            if is_stopping:
                processes.stop(attempt)
            return False
        # It may have been written between the two looks.
        end = end or processes.exit_of(attempt)
        if end is None and not processes.was_started(attempt):
            _log.info("run %s: step %s had not been started; again", run.id, step.name)
            self._store.update_step(run.id, step.name, state=State.PENDING, attempt=step.attempt)
        elif end is None:
            reason = "its processes vanished: they were killed, or the machine was started anew"
            self.end(run, step.name, State.FAILED, reason)
        elif end.code == 0:
            self._collect(run, step, template, end.finished_at)
        elif is_stopping:
            self.end(run, step.name, State.STOPPED, STOPPED, end.finished_at)
        else:
            reason = why_failed(run, step, end, self._layout.log(run.id, step.name))
            self.end(run, step.name, State.FAILED, reason, end.finished_at)
        return True

    def stop(self, run: RunRow, step: StepRow) -> None:
        """Ask a running step to stop."""
        processes.stop(self._layout.attempt(run.id, step.name, step.attempt))

    def end(
        self, run: RunRow, name: str, state: State, message: str, finished_at: str = ""
    ) -> None:
        """Note the end of a step."""
        _log.info("run %s: step %s %s %s", run.id, name, state, message)
        at = "" if state is State.SKIPPED else finished_at or utc_now()
        self._store.update_step(
            run.id, name, state=state, message=message, finished_at=at, devices=[]
        )

    def reap(self) -> None:
        """Let go of the supervisors that are over."""
        self._children = [child for child in self._children if child.poll() is None]

    def _mount(self, run: RunRow, ready: Ready) -> None:
        """Let the volume's folder stand for the claim; there is nothing to start for that."""
        root = volume_of(run).root
        outputs = claim_outputs(ready.template)
        claim = (ready.template.claim or {}).get("metadata", {}).get("name", "the claim")
        log = self._layout.log(run.id, ready.step)
        log.parent.mkdir(parents=True, exist_ok=True)
        is_there = root.is_dir()
        line = f"{claim} stands for {root}" if is_there else f"the volume {root} is not a folder"
        with open(log, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        state = State.SUCCEEDED if is_there else State.FAILED
        self._store.update_step(run.id, ready.step, outputs=outputs, started_at=utc_now())
        self.end(run, ready.step, state, "" if is_there else line)

    def _collect(self, run: RunRow, step: StepRow, template: Template, finished_at: str) -> None:
        attempt = self._layout.attempt(run.id, step.name, step.attempt)
        try:
            outputs = collect(Place(template, attempt, volume_of(run).root))
        except (InputError, OSError, UnicodeDecodeError) as reason:
            self.end(run, step.name, State.FAILED, str(reason), finished_at)
            return
        self._store.update_step(run.id, step.name, outputs=outputs)
        self.end(run, step.name, State.SUCCEEDED, "", finished_at)
