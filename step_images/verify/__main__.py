"""Check everything that would stop or spoil the run, and settle the files that it uses."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.checks.preflight import preflight
from pipeline.core.dataset.read import DatasetReport
from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, error, has_errors, ordered, warning
from pipeline.core.launch.choices import FILES, Choices
from pipeline.core.launch.kinds.registry import all_choices
from pipeline.core.launch.kinds.train import TRAIN
from pipeline.core.launch.launch import load_launch
from pipeline.core.launch.parameters import choices_from, defaults_of
from pipeline.core.said import said
from pipeline.core.settings import load_settings
from pipeline.core.volume.run_folder import run_folder
from step_images.common import Step, print_findings, run_step, step_parser, write_output
from step_images.verify.snapshot import as_launched, model_file, take_snapshot, verified_data

FLAGS = ("True", "False")
# What its component is given of a launch; the launch itself every step is.
_PARAMETERS = {name: value for name, value in defaults_of(TRAIN).items() if name != "launch"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = step_parser("verify", "Check model, cfg and data of a launch.")
    entries = {entry.parameter: entry for entry in all_choices()}
    for name, default in _PARAMETERS.items():
        entry = entries.get(name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            default=str(default),
            required=bool(entry and entry.name in FILES),
            help=entry.help if entry else "who launched",
        )
    parser.add_argument("--model-path-output", required=True)
    parser.add_argument("--cfg-yaml-output", required=True)
    parser.add_argument("--data-yaml-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Check the launch and write the outputs.

    Raises
    ------
    InputError
        Something stops the run; the findings are in the log and in ``failure.json``.
    """
    _check_volume(step)
    choices, findings = _choices(step.args)
    has_snapshot = step.folder.launch.is_file()
    if has_snapshot:
        choices, changed = as_launched(step.volume, step.folder)
        findings += changed
    allow = load_settings().weights_allow
    checked = preflight(step.volume, choices, deep=True, weights_allow=allow)
    findings = ordered([*findings, *checked.findings])
    print_findings(findings)
    _stop_on_errors(findings)
    if not has_snapshot:
        take_snapshot(step.volume, step.folder, choices, checked, step.args.user)
    launch = load_launch(step.folder.launch)
    model = model_file(step.volume, step.folder, launch)
    data = verified_data(step.volume, step.folder, launch)
    if checked.report:
        _print_counts(checked.report)
    print(f"model {model}\ncfg {step.folder.cfg}\ndata {data}")
    write_output(step.args.model_path_output, str(model))
    write_output(step.args.cfg_yaml_output, str(step.folder.cfg))
    write_output(step.args.data_yaml_output, str(data))


def _check_volume(step: Step) -> None:
    """Refuse a volume on which the dashboard did not record this launch."""
    launch = step.args.launch
    if launch and not run_folder(step.volume, launch).launch.is_file():
        raise InputError(
            said(
                "this volume is not the dashboard's: it has no record of launch {launch}.",
                launch=launch,
            ),
            where="SLIPWAY_VOLUME",
            next=said("Mount the volume that the dashboard uses (slipway doctor checks it)."),
        )


def _choices(args: argparse.Namespace) -> tuple[Choices, list[Finding]]:
    """Read what the workflow's parameters ask for; mistakes become findings."""
    given = {name: getattr(args, name) for name in _PARAMETERS}
    findings = [
        error(
            "flag-spelling",
            f"{name} is '{value}'; only True and False reach the conditions.",
            where=name,
            next="Write True or False, with a capital letter.",
        )
        for name, value in given.items()
        if isinstance(_PARAMETERS[name], bool) and value not in FLAGS
    ]
    choices = choices_from({**given, "overrides": ""})
    if choices.tune and not choices.train:
        message = "bool_tune does nothing: tuning starts from the weights of a training."
        findings.append(warning("tune-without-train", message, where="bool_tune"))
    overrides, mistakes = _overrides(args.overrides)
    findings += mistakes
    return replace(choices, tune=choices.train and choices.tune, overrides=overrides), findings


def _overrides(text: str) -> tuple[dict[str, Any], list[Finding]]:
    try:
        overrides = json.loads(text or "{}")
    except (ValueError, RecursionError) as reason:  # no JSON, or a number without end
        overrides, problem = None, f"not JSON: {reason}"
    else:
        problem = "not a JSON object"
    if isinstance(overrides, dict):
        return overrides, []
    message = f"the parameter overrides is {problem}."
    hint = 'Write an object such as {"epochs": 5}.'
    return {}, [error("overrides-unreadable", message, where="overrides", next=hint)]


def _stop_on_errors(findings: list[Finding]) -> None:
    if not has_errors(findings):
        return
    errors = [finding for finding in findings if finding.severity == "error"]
    first, *others = errors
    message = first.message
    if first.where:
        message = said("{where}: {message}", where=first.where, message=message)
    if others:
        message = said(
            "{message} (and {count} more errors, see above)", message=message, count=len(others)
        )
    raise InputError(message, findings=errors, where=first.where, next=first.next)


def _print_counts(report: DatasetReport) -> None:
    for split, counts in report.splits.items():
        print(f"{split}: {counts.images} images, {counts.instances} instances")


if __name__ == "__main__":
    sys.exit(main())
