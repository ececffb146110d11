"""Build: does a model yaml make a model, how large is it, and does an image pass through?"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.checks.preflight import preflight
from pipeline.core.errors import InputError, refuse_errors
from pipeline.core.files import read_text, write_atomic, write_json
from pipeline.core.launch.kinds.build import BUILD
from pipeline.core.launch.launch import load_launch
from pipeline.core.volume.paths import scaled_name
from pipeline.core.yamltext.file import parse_yaml
from step_images.common import Step, print_findings, run_step, step_parser
from step_images.ultralytics_home import prepare
from step_images.verify.snapshot import model_file


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step and give its exit code."""
    parser = step_parser("build", "Build a model from its yaml.")
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--overrides", default="{}", help="JSON object; imgsz is used")
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Build the model and write ``build.json``.

    Raises
    ------
    InputError
        The model yaml is not acceptable, it does not build, or no image of that size passes;
        `where` is the line.
    """
    path, name = _model(step)
    document = parse_yaml(read_text(path), name=name)
    imgsz = _imgsz(step.args.overrides)
    prepare()  # before Ultralytics is imported, which takes seconds
    from step_images.build.building import build

    built = build(document, path, imgsz)
    write_json(step.folder.built, built)
    print(_summary(built), flush=True)


def _model(step: Step) -> tuple[Path, str]:
    """Give the yaml as it was at launch under its scale-bearing name, and its name on the volume.

    A run that was cloned in the engine's own UI has no record: it takes the file as it is now.
    """
    if step.folder.launch.is_file():
        launch = load_launch(step.folder.launch)
        return model_file(step.volume, step.folder, launch), launch.model_path
    checked = preflight(step.volume, replace(BUILD.defaults, model=step.args.model_name))
    print_findings(checked.findings)
    refuse_errors(checked.findings)
    source = checked.resolved["model_path"]
    name = Path(source).name
    path = step.path / (scaled_name(name, checked.scale) if checked.scale else name)
    write_atomic(path, read_text(step.volume.path(source), shown_as=source))
    return path, source


def _imgsz(overrides: str) -> int:
    try:
        given = json.loads(overrides or "{}").get("imgsz", SCHEMA["imgsz"].default)
        return int(given)
    except (ValueError, TypeError, AttributeError, RecursionError) as reason:
        raise InputError(
            f"the parameter overrides is no object with one imgsz: {reason}.",
            where="overrides",
            next='Write an object such as {"imgsz": 640}.',
        ) from reason


def _summary(built: dict[str, Any]) -> str:
    gflops = "" if built["gflops"] is None else f", {built['gflops']:.1f} GFLOPs"
    return (
        f"It builds: {built['layers']:,} layers, {built['parameters']:,} parameters{gflops}; "
        f"an image of {built['imgsz']} px took {built['forward_s']:.3f} s on {built['device']}."
    )


if __name__ == "__main__":
    sys.exit(main())
