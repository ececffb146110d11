"""From a trial of a tuning to a trained detector: its values go into a cfg, and a run starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import PurePosixPath
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.launching.launches import Plan, prepare, submit
from pipeline.actions.runs.find import record_of
from pipeline.actions.runs.tuning import Tuning, tuning_of_run
from pipeline.core.cfg.merge import diff_text, merge_cfg
from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.errors import FileChanged, FileMissing, InputError
from pipeline.core.files import read_text
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.said import either, said
from pipeline.core.space.search_space import AUTO_IGNORES, is_auto
from pipeline.core.space.trials import KEPT, Trial
from pipeline.core.versions.editing import open_text, save_text
from pipeline.core.volume.paths import EXTENSIONS, FOLDERS, Volume
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.edit import same
from pipeline.core.yamltext.file import load_yaml
from pipeline.engines.base import Run

# What Ultralytics works out for optimizer=auto, and ignores as long as that stands there.
_BY_OPTIMIZER = ("optimizer", "lr0", "momentum", "warmup_bias_lr")
_NAMED = 3


@dataclass(frozen=True)
class Adoption:
    """A trial's values on their way into a cfg, to look at before anything is written.

    Parameters
    ----------
    trial
        Whose values they are.
    values
        What is written: what was drawn for the trial, and, where the cfg leaves the optimizer to
        Ultralytics, the one that the trial was trained with.
    path
        The cfg that is written, relative to the volume.
    sha256
        Of that file as it is now; empty for a new one.
    text, diff
        What it will hold, and what that changes.
    also_changed
        Other settings in which the run will differ from the tuned one, because its cfg was edited
        since: what was, and what is now.
    plan
        The launch, before the cfg is written; its findings count, and its id.
    """

    trial: Trial
    values: Mapping[str, Any]
    path: str
    sha256: str
    text: str
    diff: str
    also_changed: Mapping[str, tuple[Any, Any]]
    plan: Plan

    @property
    def message(self) -> str:
        """What the cfg's version is called unless a person calls it something else."""
        return f"values of {self.plan.launch.from_trial}"


def adopt(here: Installation, run: str, trial: str = "", cfg: str = "") -> Adoption:
    """Prepare a full training with the values of a trial; nothing is written.

    Parameters
    ----------
    run
        The run that tuned.
    trial
        Its name or number; empty for the best.
    cfg
        The tuned run's cfg, whatever became of it since, gets a new version; a name that is free
        becomes a new cfg with what the run used. Empty: the run's cfg, if it is as it was.

    Raises
    ------
    FileMissing
        There is no such trial, the run is not recorded, or its cfg is gone.
    FileChanged
        The run's cfg was edited since and is not named, or the name is another file's.
    InputError
        The trial has no result that counts.
    """
    found, folder, searched = tuning_of_run(here, run)
    record = record_of(folder)
    if record is None:
        raise FileMissing(
            said("the launch of {name} is not recorded.", name=folder.name),
            where=str(folder.launch),
        )
    chosen = _chosen(searched, trial)
    values = _values(folder, chosen)
    volume = here.volume
    path, is_new = _target(volume, record, cfg)
    if is_new:  # with what the launch changed, so that nothing is left to change
        before, sha256, kept = read_text(folder.cfg), "", {}
    else:
        before, sha256 = open_text(volume, path)
        kept = {key: v for key, v in record.choices.overrides.items() if key not in values}
    then = effective_cfg(read_text(folder.cfg), {})
    text = merge_cfg(before, values)
    if not same(effective_cfg(text, kept)["epochs"], then["epochs"]):
        kept["epochs"] = then["epochs"]  # those of the launch, whatever the cfg says by now
    others = _differing(then, effective_cfg(text, kept), except_for=values)
    if others and not cfg:
        raise _edited_since(path, folder, others)
    checked_as = volume.relative(folder.cfg) if is_new else record.choices.cfg
    choices = replace(
        record.choices, cfg=checked_as, train=True, tune=False, tune_space="", overrides=kept
    )
    trained = replace(choices, overrides={**kept, **values})
    plan = _from_trial(
        prepare(here.on(found.engine), trained), choices, f"{folder.name}/{chosen.name}"
    )
    diff = diff_text(before, text, f"{folder.name}/cfg.yaml" if is_new else path, path)
    return Adoption(chosen, values, path, sha256, text, diff, others, plan)


def train_adopted(here: Installation, adoption: Adoption, message: str = "") -> Run:
    """Save the cfg as a new version and launch with it; the same adoption twice is one run.

    Raises
    ------
    InputError
        The launch has errors, and nothing is saved; or the volume cannot be written.
    FileChanged
        The cfg was edited since the adoption was prepared; nothing is saved.
    Unreachable
        The engine did not answer; the cfg is saved.
    """
    if not adoption.plan.ok:
        raise InputError(
            said("The launch has errors."),
            findings=adoption.plan.findings,
            next=said("Correct what is named."),
        )
    _save(here, adoption, message)
    launch = adoption.plan.launch
    choices = replace(launch.choices, cfg=_name_of(here.volume, adoption.path))
    plan = prepare(here.on(launch.engine), choices)
    made = replace(plan.launch, id=launch.id, from_trial=launch.from_trial)
    return submit(here, replace(plan, launch=made))


def _chosen(searched: Tuning, name: str) -> Trial:
    trial = searched.named(name)
    if trial.state not in KEPT or trial.score(searched.metric) is None:
        raise InputError(
            said(
                "{name} is {state}: it has no result that counts.",
                name=trial.name,
                state=trial.state,
            ),
            where="trial",
            next=said(
                "Choose one that is {states}.", states=either([", ".join(KEPT[:-1]), KEPT[-1]])
            ),
        )
    return trial


def _values(folder: RunFolder, trial: Trial) -> dict[str, Any]:
    """Give what was drawn; without an optimizer beside them, lr0 and momentum would be ignored."""
    drawn = dict(trial.values)
    is_ignored = drawn.keys() & set(AUTO_IGNORES) and "optimizer" not in drawn
    if not (is_ignored and is_auto(effective_cfg(read_text(folder.cfg), {}))):
        return drawn
    trained = load_yaml(folder.trial_folders / trial.name / "args.yaml").data
    return {key: trained[key] for key in _BY_OPTIMIZER if key in trained} | drawn


def _target(volume: Volume, record: Launch, cfg: str) -> tuple[str, bool]:
    """Give the file that is written, and whether it is a new one."""
    own = _existing(volume, record.choices.cfg)
    if not cfg and not own:
        raise FileMissing(
            said("cfg '{cfg}' is gone from the volume.", cfg=record.choices.cfg),
            where="cfg",
            next=said("Give the cfg a new name: it gets what the run used."),
        )
    named = _existing(volume, cfg) if cfg else own
    if not named:
        return _new_path(cfg, own), True
    if named != own:
        raise FileChanged(
            said("{named} exists already.", named=named),
            where="cfg",
            next=said("Choose a name that is free, or {own}.", own=own)
            if own
            else said("Choose a name that is free."),
        )
    return own, False


def _existing(volume: Volume, name: str) -> str:
    try:
        return volume.resolve("cfg", name).path
    except FileMissing:
        return ""


def _new_path(name: str, own: str) -> str:
    path = PurePosixPath(name if name.endswith(EXTENSIONS["cfg"]) else f"{name}.yaml")
    if path.name.startswith("tune-"):
        raise InputError(
            said("'{name}' would be taken for a search space.", name=name),
            where="cfg",
            next=said("Begin with 'cfg-'."),
        )
    folder = PurePosixPath(own).parent if own else PurePosixPath(FOLDERS["cfg"])
    return str(folder / path if len(path.parts) == 1 else path)


def _differing(
    then: Mapping[str, Any], now: Mapping[str, Any], *, except_for: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    keys = [key for key in dict.fromkeys((*then, *now)) if key not in except_for]
    pairs = {key: (then.get(key), now.get(key)) for key in keys}
    return {key: pair for key, pair in pairs.items() if not same(*pair)}


def _edited_since(
    path: str, folder: RunFolder, others: Mapping[str, tuple[Any, Any]]
) -> FileChanged:
    named = [
        said("{key} is {now}, not {then}", key=key, now=now, then=then)
        for key, (then, now) in list(others.items())[:_NAMED]
    ]
    changes = reduce(lambda one, two: said("{one}, {two}", one=one, two=two), named)
    if len(others) > _NAMED:
        more = len(others) - _NAMED
        changes = said("{changes}, and {more} more", changes=changes, more=more)
    return FileChanged(
        said(
            "{path} was edited since {name} used it: {changes}.",
            path=path,
            name=folder.name,
            changes=changes,
        ),
        where=path,
        next=said(
            "Name it as the cfg to put the values onto it as it is now, or give a new name "
            "to save what the run used with the values."
        ),
    )


def _from_trial(plan: Plan, choices: Choices, trial: str) -> Plan:
    """Give the plan with the choices as they will be when the values are in the cfg."""
    return replace(plan, launch=replace(plan.launch, choices=choices, from_trial=trial))


def _save(here: Installation, adoption: Adoption, message: str) -> None:
    volume = here.volume
    if _existing(volume, adoption.path) and open_text(volume, adoption.path)[0] == adoption.text:
        return  # the values are there already: the same adoption again, or they were the current
    save_text(
        volume,
        adoption.path,
        adoption.text,
        expected_sha256=adoption.sha256,
        user=here.settings.user,
        message=message or adoption.message,
    )


def _name_of(volume: Volume, path: str) -> str:
    """Give the name that a person would choose for a cfg, or its path where that is another's."""
    name = PurePosixPath(path).stem
    return name if _existing(volume, name) == path else path
