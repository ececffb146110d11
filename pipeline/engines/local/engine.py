"""The embedded engine as the rest of Slipway sees it; the work is done by the controller."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.core.clock import utc_now
from pipeline.core.errors import InputError, NotFound, UsageError
from pipeline.core.findings import Finding, error, ordered
from pipeline.core.said import said
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.run_folder import folder_of_run
from pipeline.engines.argo.document import read_document
from pipeline.engines.argo.plan import Plan
from pipeline.engines.base import Engine, LogChunk, Queue, QueueEngine, Run, RunPage, Step, Workflow
from pipeline.engines.local.control.handover import entrust
from pipeline.engines.local.control.private import variables_of
from pipeline.engines.local.control.start import start_controller, why_stuck
from pipeline.engines.local.layout import Layout
from pipeline.engines.local.queue.estimate import starts_in_s
from pipeline.engines.local.queue.rows import RunRow, StepRow
from pipeline.engines.local.queue.store import Store
from pipeline.engines.local.queue.waiting import Waiting
from pipeline.engines.local.steps.environment import gpu_names, job_slots, settings_environment
from pipeline.engines.local.steps.logs import read_chunk
from pipeline.engines.local.steps.processes import is_alive
from pipeline.engines.local.steps.reasons import volume_of

_LIKE_THEM = 50  # so many past runs tell how long the waiting ones will take


def make(settings: Settings) -> Engine:
    """Make the local engine; see `pipeline.engines.registry`."""
    return LocalEngine(settings)


class LocalEngine(QueueEngine):
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
        self._waiting = Waiting(self._store)

    def submit(self, workflow: Workflow, launch: str) -> str:
        plan = read_document(workflow)
        self._check_machine(plan)
        if known := self._store.id_of(launch):
            self._ensure_controller()
            return known
        uid = str(uuid.uuid4())
        run_id = uid.replace("-", "")[:12]
        variables = variables_of(self._settings, plan.secrets)
        row = RunRow(
            seq=0,
            id=run_id,
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
            priority=0,
            parameters=plan.parameters,
            settings=variables.stored,
            secrets=variables.secrets,
        )
        self._entrust(run_id, variables.values)  # before there is a step that wants them
        run_id = self._store.add(row, workflow, plan.steps)
        self._ensure_controller()
        return run_id

    def get(self, run_id: str) -> Run:
        return self._runs([self._store.find(run_id)])[0]

    def list_runs(self, *, limit: int = 50, token: str = "") -> RunPage:
        if token and not token.isdecimal():
            raise UsageError(said("'{token}' is not a token of list_runs.", token=token))
        rows = self._store.page(limit + 1, int(token) if token else None)
        shown = rows[:limit]
        following = str(shown[-1].seq) if len(rows) > limit and shown else ""
        return RunPage(self._runs(shown), following)

    def stop(self, run_id: str) -> None:
        self._store.request_stop(self._store.find(run_id).id)
        self._ensure_controller()

    def retry(self, run_id: str) -> None:
        row = self._store.find(run_id)
        workflow = self._store.workflow(row.id)
        self._give_again(row, workflow)
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
                said("run '{run_id}' has no step '{step}'.", run_id=run_id, step=step),
                next=said("Choose one of {names}.", names=", ".join(steps)),
            )
        self._ensure_controller()
        return read_chunk(self._log(row, step), offset, is_over=steps[step].state.is_finished)

    def check(self, workflow: Workflow) -> list[Finding]:
        """Say what this engine ignores in a workflow, and what keeps it from running it."""
        try:
            plan = read_document(workflow)
            self._check_machine(plan)
        except InputError as reason:
            return ordered(reason.findings)
        return ordered(plan.notes)

    def queue(self) -> Queue:
        rows = [row for row in self._store.unfinished() if not row.is_deleted]
        runs, slots = self._runs(rows), job_slots(self._settings)
        is_paused, estimates = self._waiting.is_paused(), {}
        waiting = [run for run in runs if run.state is State.PENDING]
        if waiting and not is_paused:
            past = self._runs(self._store.succeeded(_LIKE_THEM))
            running = [run for run in runs if run.state is State.RUNNING]
            estimates = starts_in_s(running, waiting, past, slots)
        priorities = {row.id: row.priority for row in rows}
        return Queue(runs, priorities, slots, is_paused, estimates)

    def reorder(self, run_id: str, position: int) -> None:
        self._waiting.move(self._store.find(run_id).id, position)

    def prioritise(self, run_id: str, priority: int) -> None:
        self._waiting.set_priority(self._store.find(run_id).id, priority)

    def gpus(self) -> int:
        return len(gpu_names(self._settings))

    def leftovers(self) -> list[Path]:
        base = self._layout.run("")
        folders = list(base.iterdir()) if base.is_dir() else []
        known = self._store.all_ids()  # behind the look: a run is recorded before it has a folder
        return [folder for folder in folders if folder.name not in known and not _is_used(folder)]

    def pause(self, *, is_paused: bool) -> None:
        self._waiting.pause(is_paused=is_paused)
        self._ensure_controller()

    def wake(self) -> bool:
        if not self._layout.database.is_file() or not self._store.has_unfinished():
            return False
        return start_controller(self._layout, settings_environment(self._settings))

    def _runs(self, rows: Sequence[RunRow]) -> tuple[Run, ...]:
        """Read what is known of runs, beside what keeps them from going on."""
        cannot_start = self._ensure_controller()
        ailment = why_stuck(self._layout) or cannot_start
        steps = self._store.steps(row.id for row in rows)
        places, slots = self._waiting.places(), job_slots(self._settings)
        return tuple(_run(row, steps[row.id], ailment, places.why(row.id, slots)) for row in rows)

    def _give_again(self, row: RunRow, workflow: Workflow) -> None:
        """Let a retry have the secrets of who asks for it, unless they open another server."""
        own = variables_of(self._settings, read_document(workflow).secrets)
        fitting = {
            name: value
            for name, value in own.values.items()
            if not own.secrets[name] or own.secrets[name] == row.secrets.get(name)
        }
        names = {name: own.secrets[name] for name in fitting}
        if not names.items() <= row.secrets.items():
            self._store.update_run(row.id, secrets={**row.secrets, **names})
        self._entrust(row.id, fitting)

    def _entrust(self, run_id: str, values: Mapping[str, str]) -> None:
        environment = settings_environment(self._settings)
        entrust(self._layout, run_id, values, lambda: start_controller(self._layout, environment))

    def _check_machine(self, plan: Plan) -> None:
        """Refuse what this machine can never give: more GPUs than it has, secrets it lacks."""
        gpus = len(gpu_names(self._settings))
        mistakes = []
        for template in plan.templates.values():
            if template.container is None:
                continue
            where = f"spec.templates[{template.name}].container"
            if template.container.gpus > gpus:
                message = said(
                    "{name} asks for {asked} GPU(s); this machine has {gpus}.",
                    name=template.name,
                    asked=template.container.gpus,
                    gpus=gpus,
                )
                mistakes.append(
                    error(
                        "no-gpu", message, where=f"{where}.resources", next=said("Ask for fewer.")
                    )
                )
            for variable in template.container.variables:
                if (
                    variable.is_secret
                    and not variable.optional
                    and not os.environ.get(variable.name)
                ):
                    message = said(
                        "{name} needs the secret {secret}.",
                        name=template.name,
                        secret=variable.name,
                    )
                    advice = said("Set {name} in the environment.", name=variable.name)
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

    def _ensure_controller(self) -> str:
        """Wake the engine, or say why that cannot be."""
        try:
            self.wake()
        except OSError as reason:
            return said(
                "no controller can be started: {reason} ({file})",
                reason=reason.strerror,
                file=reason.filename,
            )
        return ""


def _run(row: RunRow, steps: list[StepRow], ailment: str, waits_for: str) -> Run:
    message = row.message
    if not row.state.is_finished:
        message = ailment or (waits_for if row.state is State.PENDING else message)
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
        message=message,
        parameters=row.parameters,
    )


def _is_used(folder: Path) -> bool:
    return any(is_alive(attempt) for attempt in folder.glob("*/attempt-*"))
