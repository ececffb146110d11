"""Nothing that a yaml says is run in a step's process, whatever became of the file since verify.

`require_sound_model` and `require_sound_data` say what is wrong with a file; `guard_yamls` stands
where Ultralytics evaluates: before its parse_model, which also builds what a checkpoint describes,
and before its check_det_dataset, which would run a data yaml's ``download``.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

from pipeline.core.checks.model import check_model_yaml
from pipeline.core.errors import InputError
from pipeline.core.findings import Finding, error
from pipeline.core.model.data import check_model_data
from pipeline.core.said import said
from pipeline.core.yamltext.file import YamlFile, load_yaml
from step_images.common import print_findings


def require_sound_model(model: YamlFile) -> None:
    """Refuse a model yaml with anything in it that Ultralytics must not get to see.

    Raises
    ------
    InputError
        With every mistake as a finding.
    """
    _refuse(check_model_yaml(model))


def require_sound_data(path: Path) -> None:
    """Refuse a data yaml that Ultralytics would run something of; verify writes none.

    Raises
    ------
    InputError
        It has a ``download``; `where` is its line.
    """
    file = load_yaml(path, shown_as=path.name)
    if "download" in file.data:
        message = "'download' is in the data yaml; Ultralytics would run what it says."
        hint = "Launch again: verify writes a data yaml without it."
        _refuse([error("data-download", message, where=file.where("download"), next=hint)])


def guard_yamls() -> None:
    """Let Ultralytics, in this process and those forked from it, evaluate nothing of a yaml.

    Calling it again changes nothing.
    """
    from ultralytics.data import utils
    from ultralytics.nn import tasks

    parse, check = tasks.parse_model, utils.check_det_dataset
    if hasattr(parse, "guards"):
        return

    @functools.wraps(parse)
    def guarded_parse(d: Any, *args: Any, **options: Any) -> Any:
        _refuse(
            [
                error(
                    problem.code, problem.message, where=f"model {problem.path}", next=problem.next
                )
                for problem in check_model_data(d)
            ]
        )
        return parse(d, *args, **options)

    @functools.wraps(check)
    def guarded_check(dataset: Any, *_: Any, split: str = "") -> Any:
        require_sound_data(Path(dataset))
        return check(dataset, autodownload=False, split=split)

    guarded_parse.guards = parse  # type: ignore[attr-defined]
    _replace(parse, guarded_parse)
    _replace(check, guarded_check)


def _replace(theirs: Any, ours: Any) -> None:
    """Put a function in place of one of Ultralytics, wherever that was imported by now."""
    for name, module in [*sys.modules.items()]:
        if name.startswith("ultralytics.") and vars(module).get(theirs.__name__) is theirs:
            setattr(module, theirs.__name__, ours)


def _refuse(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity == "error"]
    if not errors:
        return
    print_findings(errors)
    first, *others = errors
    message = first.message
    if others:
        message = said(
            "{message} (and {count} more errors, see above)", message=message, count=len(others)
        )
    raise InputError(message, findings=errors, where=first.where, next=first.next)
