"""Starting a step, looking after it, and noting in the store how it ended."""

from __future__ import annotations

import errno
import logging
import subprocess
from collections import Counter
from pathlib import Path

from pipeline.core.clock import utc_now
from pipeline.core.errors import EngineUnreachable, InputError, SlipwayError
from pipeline.core.said import said, sentences
from pipeline.core.states import State
from pipeline.engines.argo.plan import Template
from pipeline.engines.local.control.private import missing_sentence, values_for
from pipeline.engines.local.control.vault import Vault
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.rows import RunRow, StepRow
from pipeline.engines.local.queue.store import Store
from pipeline.engines.local.steps import processes
from pipeline.engines.local.steps.limits import limits_of
from pipeline.engines.local.steps.placement import Place, claim_outputs, collect, prepare
from pipeline.engines.local.steps.progress import STOPPED, Ready
from pipeline.engines.local.steps.reasons import RETRY, volume_of, why_failed

MAX_FALSE_STARTS = 3
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

_log = logging.getLogger("slipway.controller")


class StepRunner:
    """Runs steps for the controller, which decides what runs when.

    Parameters
    ----------
    store, layout
        Where states and files are.
    vault
        Secret values of the runs.
    grace_s
        How long a step may take to stop before it is killed.

    Attributes
    ----------
    has_unheard_stop
        Whether a stop came before there was a supervisor to pass it to; set anew by who looks.
    """

    def __init__(self, store: Store, layout: Layout, vault: Vault, grace_s: float) -> None:
        self.has_unheard_stop = False
        self._store = store
        self._layout = layout
        self._vault = vault
        self._grace_s = grace_s
        self._children: list[subprocess.Popen[bytes]] = []
        self._false_starts: Counter[tuple[str, str]] = Counter()

    def start(self, run: RunRow, ready: Ready, row: StepRow, gpus: list[str]) -> bool:
        """Start a step; say whether it is over already."""
        if ready.template.container is None:
            self._mount(run, ready)
            return True
        number = row.attempt + 1
        attempt = self._layout.attempt(run.id, ready.step, number)
        place = Place(ready.template, attempt, volume_of(run).root)
        try:
            # Before the state says that it runs: where it says so, no folder means a removed one.
            secrets, missing = values_for(run.secrets, self._vault.get(run.id))
            lack = ""
            if missing:
                lack = missing_sentence(missing, can_be_handed=self._vault.is_listening)
            command = prepare(ready, place, {**run.settings, **secrets}, gpus)
            self._store.update_step(
                run.id,
                ready.step,
                state=State.RUNNING,
                message=lack,
                started_at=utc_now(),
                attempt=number,
                devices=gpus,
                is_stopping=0,
            )
            log = self._layout.log(run.id, ready.step)
            if lack:
                with open(log, "a", encoding="utf-8") as file:
                    file.write(f"{lack}\n")
            limits = limits_of(run, ready.template, self._grace_s)
            self._children.append(processes.start(attempt, command, log, limits))
        except EngineUnreachable:
            raise
        except (SlipwayError, OSError) as reason:
            raise_if_disk(reason)
            why = said("it could not be started: {reason}", reason=reason)
            self.end(run, ready.step, State.FAILED, why)
            return True
        self._false_starts[run.id, ready.step] += 1
        return False

    def is_over(self, run: RunRow, step: StepRow, template: Template, *, is_stopping: bool) -> bool:
        """Look at a running step, pass a stop on, and note its end."""
        attempt = self.attempt(step)
        end = processes.exit_of(attempt)
        if end is None and processes.is_alive(attempt):
            if is_stopping and not processes.stop(attempt):
                self.has_unheard_stop = True
            return False
        # It may have been written between the two looks.
        end = end or processes.exit_of(attempt)
        if end is None:
            return processes.end_all(attempt) and self._vanished(run, step, attempt, is_stopping)
        self._false_starts.pop((run.id, step.name), None)
        if end.code == 0:
            self._collect(run, step, template, end.finished_at)
        elif is_stopping:
            self.end(run, step.name, State.STOPPED, STOPPED, end.finished_at)
        else:
            log = self._layout.log(run.id, step.name)
            reason = why_failed(run, step, end, log, limits_of(run, template, self._grace_s))
            self.end(run, step.name, State.FAILED, reason, end.finished_at)
        return True

    def attempt(self, step: StepRow) -> Path:
        """Give the folder of a step's attempt."""
        return self._layout.attempt(step.run, step.name, step.attempt)

    def _vanished(self, run: RunRow, step: StepRow, attempt: Path, is_stopping: bool) -> bool:
        """Note what became of a step whose supervisor is gone without a word."""
        false_starts = self._false_starts[run.id, step.name]
        if is_stopping:
            self.end(run, step.name, State.STOPPED, STOPPED)
        elif not attempt.is_dir():
            reason = said(
                "its folder {folder} was removed while it ran, so it was ended.", folder=attempt
            )
            self.end(run, step.name, State.FAILED, sentences(reason, RETRY))
        elif processes.was_started(attempt):
            reason = said("its supervisor was killed, and the step was ended with it.")
            if not processes.is_of_this_boot(attempt):
                reason = said("the machine was started anew while it ran.")
            self.end(run, step.name, State.FAILED, sentences(reason, RETRY))
        elif false_starts < MAX_FALSE_STARTS:
            _log.info("run %s: step %s had not been started; again", run.id, step.name)
            self._store.update_step(run.id, step.name, state=State.PENDING, devices=[])
        else:
            log = self._layout.log(run.id, step.name)
            reason = said(
                "it could not be started {count} times: see {log}.", count=false_starts, log=log
            )
            self.end(run, step.name, State.FAILED, sentences(reason, RETRY))
        return True

    def kill(self, step: StepRow) -> None:
        """End a running step at once, whatever it says."""
        processes.end_all(self.attempt(step))

    def end(
        self,
        run: RunRow,
        name: str,
        state: State,
        message: str,
        finished_at: str = "",
        *,
        is_stopping: bool = False,
    ) -> None:
        """Note the end of a step, and whether a stop is why it did not begin."""
        _log.info("run %s: step %s %s %s", run.id, name, state, message)
        at = "" if state is State.SKIPPED else finished_at or utc_now()
        values = {"state": state, "message": message, "finished_at": at, "devices": []}
        self._store.update_step(run.id, name, **values, is_stopping=is_stopping)

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
        missing = said("the volume {folder} is not a folder", folder=root)
        line = f"{claim} stands for {root}" if is_there else missing
        with open(log, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        state = State.SUCCEEDED if is_there else State.FAILED
        self._store.update_step(run.id, ready.step, outputs=outputs, started_at=utc_now())
        self.end(run, ready.step, state, "" if is_there else missing)

    def _collect(self, run: RunRow, step: StepRow, template: Template, finished_at: str) -> None:
        attempt = self._layout.attempt(run.id, step.name, step.attempt)
        try:
            outputs = collect(Place(template, attempt, volume_of(run).root))
        except (InputError, OSError, UnicodeDecodeError) as reason:
            self.end(run, step.name, State.FAILED, str(reason), finished_at)
            return
        self._store.update_step(run.id, step.name, outputs=outputs)
        self.end(run, step.name, State.SUCCEEDED, "", finished_at)


def raise_if_disk(reason: Exception) -> None:
    """Raise what will pass when the disk has room, or may be written, again.

    Raises
    ------
    EngineUnreachable
        The reason is a disk that is full or read-only.
    """
    if isinstance(reason, OSError) and reason.errno in _DISK:
        raise EngineUnreachable(
            f"the local engine's state cannot be written: {reason.strerror}.",
            where=str(reason.filename or ""),
            next="Free space on its disk.",
        ) from reason
