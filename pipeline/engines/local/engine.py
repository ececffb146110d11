"""The embedded engine as the rest of Slipway sees it; the work is done by the controller."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from dataclasses import replace
from pathlib import Path

from pipeline.core.errors import InputError, NotFound, UsageError
from pipeline.core.findings import Finding, error, ordered
from pipeline.core.launch import utc_now
from pipeline.core.run_folder import folder_of_run
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, LogChunk, Run, RunPage, Step, Workflow
from pipeline.engines.local.controller import take_lock
from pipeline.engines.local.document import read_document
from pipeline.engines.local.environment import gpu_names, settings_environment
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.placement import REPOSITORY
from pipeline.engines.local.plan import Plan
from pipeline.engines.local.reasons import volume_of
from pipeline.engines.local.rows import RunRow, StepRow
from pipeline.engines.local.store import Store

LOG_CHUNK_BYTES = 1 << 20
_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d ")


def make(settings: Settings) -> Engine:
    """Make the local engine; see `pipeline.engines.registry`."""
    return LocalEngine(settings)


class LocalEngine(Engine):
    """Runs workflows as processes on this machine; `pipeline.engines.base` states its promises.

    Parameters
    ----------
    settings
        Volume, state folder and slots.
    """

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._layout = Layout(settings.state)
        self._store = Store(self._layout.database)

    def submit(self, workflow: Workflow, launch: str) -> str:
        plan = read_document(workflow)
        self._check_machine(plan)
        uid = str(uuid.uuid4())
        row = RunRow(
            seq=0,
            id=uid.replace("-", "")[:12],
            uid=uid,
            launch=launch,
            state=State.PENDING,
            message="",
            created_at=utc_now(),
            started_at="",
            finished_at="",
            position=0,
            stop_at="",
            is_deleted=False,
            parameters=plan.parameters,
            # Steps ask nothing of KFP, so they are not given what opens it.
            settings=settings_environment(replace(self._settings, kfp_token="", kfp_cookie="")),
        )
        run_id = self._store.add(row, workflow, plan.steps)
        self._ensure_controller()
        return run_id

    def get(self, run_id: str) -> Run:
        row = self._store.find(run_id)
        self._ensure_controller()
        return _run(row, self._store.steps([row.id])[row.id], self._why_no_controller())

    def list_runs(self, *, limit: int = 50, token: str = "") -> RunPage:
        if token and not token.isdecimal():
            raise UsageError(f"'{token}' is not a token of list_runs.")
        rows = self._store.page(limit + 1, int(token) if token else None)
        self._ensure_controller()
        shown = rows[:limit]
        steps = self._store.steps(row.id for row in shown)
        following = str(shown[-1].seq) if len(rows) > limit and shown else ""
        ailment = self._why_no_controller()
        return RunPage(tuple(_run(row, steps[row.id], ailment) for row in shown), following)

    def stop(self, run_id: str) -> None:
        self._store.request_stop(self._store.find(run_id).id)
        self._ensure_controller()

    def retry(self, run_id: str) -> None:
        row = self._store.find(run_id)
        workflow = self._store.workflow(row.id)
        self._store.requeue(row.id, workflow["spec"].get("onExit", ""))
        self._ensure_controller()

    def delete(self, run_id: str) -> None:
        row = self._store.find(run_id)
        if self._store.forget(row.id):
            shutil.rmtree(self._layout.run(row.id), ignore_errors=True)
        self._ensure_controller()

    def logs(self, run_id: str, step: str, offset: int = 0) -> LogChunk:
        row = self._store.find(run_id)
        steps = {entry.name: entry for entry in self._store.steps([row.id])[row.id]}
        if step not in steps:
            raise NotFound(
                f"run '{run_id}' has no step '{step}'.", next=f"Choose one of {', '.join(steps)}."
            )
        self._ensure_controller()
        return _chunk(self._log(row, step), offset, is_over=steps[step].state.is_finished)

    def check(self, workflow: Workflow) -> list[Finding]:
        """Say what this engine ignores in a workflow, and what keeps it from running it."""
        try:
            plan = read_document(workflow)
            self._check_machine(plan)
        except InputError as reason:
            return ordered(reason.findings)
        return ordered(plan.notes)

    def reorder(self, run_id: str, position: int) -> None:
        """Put a waiting run at a place in the queue, 0 being the next to start."""
        self._store.move(self._store.find(run_id).id, position)

    def queue(self) -> tuple[Run, ...]:
        """Give the runs that run or wait, in the order in which they start."""
        rows = self._store.unfinished()
        self._ensure_controller()
        steps = self._store.steps(row.id for row in rows)
        ailment = self._why_no_controller()
        return tuple(_run(row, steps[row.id], ailment) for row in rows if not row.is_deleted)

    def _check_machine(self, plan: Plan) -> None:
        """Refuse what this machine can never give: more GPUs than it has, secrets it lacks."""
        gpus = len(gpu_names(self._settings))
        mistakes = []
        for template in plan.templates.values():
            if template.container is None:
                continue
            where = f"spec.templates[{template.name}].container"
            if template.container.gpus > gpus:
                message = f"{template.name} asks for {template.container.gpus} GPU(s); "
                message += f"this machine has {gpus}."
                mistakes.append(
                    error("no-gpu", message, where=f"{where}.resources", next="Ask for fewer.")
                )
            for variable in template.container.variables:
                if variable.is_secret and not variable.optional and variable.name not in os.environ:
                    message = f"{template.name} needs the secret {variable.name}."
                    advice = f"Set {variable.name} in the environment."
                    mistakes.append(error("no-secret", message, where=f"{where}.env", next=advice))
        if mistakes:
            raise InputError(mistakes[0].message, findings=mistakes, next=mistakes[0].next)

    def _log(self, row: RunRow, step: str) -> Path:
        """Give what the engine took down itself: it has the lines before and after the step's own.

        The copy in the run folder is the fallback, so that one reader never sees two files.
        """
        own = self._layout.log(row.id, step)
        if own.exists():
            return own
        return folder_of_run(volume_of(row), row.parameters.get("launch", ""), row.uid).log(step)

    def _ensure_controller(self) -> None:
        """Start a controller when there is something to do and none lives.

        The lock is taken here and inherited by the controller, so that of many callers one starts
        it. It gets a session of its own: it outlives the browser, the dashboard and Ctrl-C.
        """
        if not self._store.has_unfinished():
            return
        lock = take_lock(self._layout)
        if lock is None:
            return
        os.ftruncate(lock, 0)  # the controller writes its pid when it serves
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
        }
        environment |= settings_environment(self._settings)
        command = [sys.executable, "-m", "pipeline.engines.local.controller"]
        command += ["--lock-fd", str(lock)]
        try:
            # The shell ends at once, so that nobody here has to wait for the controller's end.
            with open(self._layout.controller_log, "ab") as log:
                subprocess.run(
                    ["/bin/sh", "-c", '"$@" &', "sh", *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=REPOSITORY,
                    env=environment,
                    pass_fds=(lock,),
                    start_new_session=True,
                    check=True,
                )
        finally:
            os.close(lock)

    def _why_no_controller(self) -> str:
        """Say why nothing starts, when the last controller died before it served.

        While the next one is being started this stays so, so that a page does not flicker.
        """
        lock, log = self._layout.controller_lock, self._layout.controller_log
        if not log.is_file() or (lock.is_file() and lock.stat().st_size):
            return ""
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = next((line for line in reversed(lines) if line.strip()), "")
        if not last or _LOG_LINE.match(last):  # it has said nothing, or ended in good order
            return ""
        return (
            f"no controller runs, so no step starts: {last.strip().rstrip('.')}. Mend what"
            f" {log} says; whoever looks at the run then starts the controller again."
        )


def _run(row: RunRow, steps: list[StepRow], ailment: str) -> Run:
    return Run(
        id=row.id,
        uid=row.uid,
        launch=row.launch,
        engine="local",
        state=row.state,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        steps=tuple(
            Step(step.name, step.state, step.started_at, step.finished_at, step.message)
            for step in steps
        ),
        message=row.message if row.state.is_finished else ailment or row.message,
        parameters=row.parameters,
    )


def _chunk(path: Path, offset: int, *, is_over: bool) -> LogChunk:
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(LOG_CHUNK_BYTES)
            is_all = not file.read(1)
    except FileNotFoundError:
        return LogChunk("", offset, is_over)
    if not (is_over and is_all):
        end = data.rfind(b"\n") + 1
        # A line longer than a chunk is given in pieces rather than never.
        data = data[:end] if end or is_all else data
    return LogChunk(data.decode("utf-8", errors="replace"), offset + len(data), is_over and is_all)
