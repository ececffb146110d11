"""Preparing a launch, looking at it, and starting it.

`prepare` starts nothing and leaves the volume as it is; in the state folder it keeps what it read
of the dataset. What it gives is shown in the form and is what `submit` starts: the launch id is
drawn once, and the files' texts are the ones that were checked.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.actions.installation import Installation
from pipeline.actions.launching.estimate import Estimate, estimate
from pipeline.actions.launching.placement import placement_findings
from pipeline.actions.launching.record import record
from pipeline.actions.launching.texts import texts_of
from pipeline.core.checks.resources import DISK_CODES, check_disk
from pipeline.core.clock import utc_now
from pipeline.core.errors import InputError, RunNotFound, SlipwayError, Unreachable
from pipeline.core.findings import Finding, has_errors, ordered
from pipeline.core.imports import IMPORTING
from pipeline.core.launch.choices import FILES, Choice, Choices, described
from pipeline.core.launch.launch import RESOLVED, Launch, load_launch, new_launch_id
from pipeline.core.launch.parameters import choices_from
from pipeline.core.launch.pod_settings import check_pod_settings
from pipeline.core.said import said
from pipeline.core.settings import Settings
from pipeline.core.version import code_version
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import folder_of_run, run_folder
from pipeline.engines.base import Engine, Run

if TYPE_CHECKING:
    from pipeline.core.checks.advice import Advice
    from pipeline.core.checks.preflight import Preflight
    from pipeline.core.dataset.read import DatasetReport


@dataclass(frozen=True)
class Plan:
    """A launch that is ready to look at and, when `ok`, to submit.

    Parameters
    ----------
    launch
        The record; its id is already drawn.
    ok
        Whether nothing stops the launch.
    findings
        What preflight has to say.
    resolved
        ``model_path``, ``cfg_yaml``, ``data_yaml``, relative to the volume.
    report
        The dataset's counts, or None when the data yaml cannot be read.
    cfg_before, cfg_after, cfg_diff
        The cfg file, the cfg with overrides, and what differs.
    data_text, tune_text, model_text
        The data yaml, the search space and the model yaml; empty when there is none.
    model_name
        Name of the model yaml in the run folder, with its scale.
    advice, taken
        What the dataset's figures suggest for the settings, and which of that is followed.
    estimate
        What it will take, by earlier runs.
    """

    launch: Launch
    ok: bool
    findings: tuple[Finding, ...]
    resolved: Mapping[str, str]
    report: DatasetReport | None
    cfg_before: str
    cfg_after: str
    cfg_diff: str
    data_text: str
    tune_text: str = ""
    model_text: str = ""
    model_name: str = ""
    advice: tuple[Advice, ...] = ()
    taken: tuple[Advice, ...] = ()
    estimate: Estimate = field(default_factory=Estimate)


def prepare(
    here: Installation, choices: Choices, *, deep: bool = False, cloned_from: str = ""
) -> Plan:
    """Check choices and work out everything that a launch of them would be; nothing is written.

    Parameters
    ----------
    here
        This installation; its user becomes the launch's.
    choices
        What was asked for.
    deep
        Whether images are opened too.
    cloned_from
        Launch id of the original.
    """
    # polars and ruamel take a quarter of a second to import; listing runs needs neither.
    from pipeline.core.checks.preflight import preflight

    checked = preflight(
        here.volume,
        choices,
        deep=deep,
        gpus=here.engine().gpus(),
        index_folder=here.settings.dataset_index,
        weights_allow=here.settings.weights_allow,
    )
    around = [*placement_findings(here, choices), *check_pod_settings(here.settings)]
    resolved = {**dict.fromkeys(RESOLVED.values(), ""), **checked.resolved}
    expected = estimate(here, choices, resolved["model_path"], checked.cfg, checked.report)
    findings = _with_space(here.volume, ordered([*checked.findings, *around]), expected)
    return Plan(
        launch=_launch(here, choices, checked, cloned_from),
        ok=not has_errors(findings),
        findings=tuple(findings),
        resolved=resolved,
        report=checked.report,
        advice=checked.advice,
        taken=checked.taken,
        estimate=expected,
        **texts_of(here.volume, choices, resolved, checked.scale),
    )


def workflow_of(settings: Settings, launch: Launch | None = None) -> dict[str, Any]:
    """Compile the very document that `submit` would send; without a launch the generic one."""
    with IMPORTING:
        from pipeline.workflow.compile import compile_workflow  # imports kfp

    if launch and launch.engine:
        settings = replace(settings, engine=launch.engine)
    workflow: dict[str, Any] = compile_workflow(settings, launch)
    return workflow


def submit(here: Installation, plan: Plan) -> Run:
    """Record the launch on the volume and start it; the same plan twice is one run.

    Raises
    ------
    InputError
        The plan has errors, or the engine refuses the workflow; nothing is left behind.
    Unreachable
        The engine did not answer. When it may have started the run, the record stays and the
        message says so.
    """
    if not plan.ok:
        raise InputError(
            said("The launch has errors."),
            findings=plan.findings,
            next=said("Correct what is named."),
        )
    workflow = workflow_of(here.settings, plan.launch)
    engine = here.engine(plan.launch.engine)
    engine.list_runs(limit=1)  # one that is out of reach says so before anything is written
    folder = run_folder(here.volume, plan.launch.id)
    is_new = record(here.volume, folder, plan, engine.render(workflow))
    try:
        return engine.get(engine.submit(workflow, plan.launch.id))
    except SlipwayError as reason:
        if isinstance(reason, Unreachable) and _may_run(engine, plan.launch.id):
            raise type(reason)(
                said(
                    "launch {launch} is recorded, but whether it started is not known: {reason}",
                    launch=plan.launch.id,
                    reason=reason.message,
                ),
                where=reason.where,
                next=said("Look at it with 'slipway show {launch}'.", launch=plan.launch.id),
            ) from reason
        if is_new:
            shutil.rmtree(folder.path, ignore_errors=True)
        raise


def choices_of(here: Installation, run: Run) -> Choices:
    """Give what was asked for, to clone a run.

    The record says it; a run that was started in the engine's own UI has none, and then the
    workflow's parameters do.

    Raises
    ------
    InputError
        The record or the parameter ``overrides`` cannot be read.
    """
    folder = folder_of_run(here.volume, run.launch, run.uid)
    if folder.launch.is_file():
        return load_launch(folder.launch).choices
    return choices_from({name: text for name, text in run.parameters.items() if text})


def command_line(choices: Choices, engine: str = "") -> str:
    """Give the command that launches these choices; what is the default is left out.

    Parameters
    ----------
    choices
        What is launched.
    engine
        Where, when that is not where a launch goes by itself.
    """
    words = ["slipway", "launch", *(["--engine", engine] if engine else [])]
    for entry in described(type(choices)):
        value = getattr(choices, entry.name)
        if entry.name in FILES or (entry.flag and value != entry.default):
            words += _as_words(entry, value)
    return shlex.join(words)


def _as_words(entry: Choice, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [entry.flag if value else entry.flag.replace("--", "--no-", 1)]
    given: Iterable[Any] = value if isinstance(value, tuple) else [value]
    if entry.name == "overrides":
        given = [f"{key}={_as_typed(setting)}" for key, setting in value.items()]
    elif isinstance(value, Mapping):
        given = [f"{key}={label}" for key, label in value.items()]
    return [word for each in given for word in (entry.flag, str(each))]


def _as_typed(value: Any) -> str:
    """Write a value as ``--set`` takes it; text that would be read as something else is quoted."""
    from pipeline.core.cfg.train_cfg import parse_override

    if isinstance(value, str) and parse_override(f"k={value}")[1] == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _launch(here: Installation, choices: Choices, checked: Preflight, cloned_from: str) -> Launch:
    return Launch(
        id=new_launch_id(choices),
        choices=choices,
        model_path=checked.resolved.get("model_path", ""),
        user=here.settings.user,
        created_at=utc_now(),
        code_version=code_version(),
        dataset_fingerprint=checked.report.fingerprint if checked.report else "",
        cloned_from=cloned_from,
        engine=here.settings.engine,
    )


def _with_space(volume: Volume, findings: list[Finding], expected: Estimate) -> list[Finding]:
    """Compare the space left with what the run is likely to need."""
    if not expected.bytes:
        return findings
    others = [finding for finding in findings if finding.code not in DISK_CODES]
    return ordered([*others, *check_disk(volume, expected.bytes)])


def _may_run(engine: Engine, launch: str) -> bool:
    try:
        engine.get(launch)
    except RunNotFound:
        return False
    except Unreachable:
        return True
    return True
