"""Test: best.pt on the split that is asked for, else on test, or val when the data has no test."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.settings import load_settings
from pipeline.tracking.follower import Follower
from pipeline.tracking.schema import TEST_METRICS
from step_images.common import Step, run_step, step_parser, write_output
from step_images.guards.yamls import require_sound_data
from step_images.kfp_ui import (
    confusion_matrix,
    image_page,
    metrics,
    table,
    ui_metadata,
    web_app,
)
from step_images.ultralytics_home import prepare

PLOTS = ("confusion_matrix.png", "confusion_matrix_normalized.png", "BoxPR_curve.png")
# KFP's page draws a cell for each pair of labels; beyond this the pictures have to do.
MAX_LABELS = 101
_COLUMNS = ("images", "instances", "precision", "recall", "mAP50", "mAP50-95")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step and give its exit code."""
    parser = step_parser("test", "Measure best.pt on the test split.")
    parser.add_argument("--last-pt", required=True)
    parser.add_argument("--best-pt", required=True)
    parser.add_argument("--data-yaml", required=True, help="data yaml with absolute paths")
    parser.add_argument("--split", default="", help="train, val or test; else test or val")
    parser.add_argument("--mlpipeline-ui-metadata-output", required=True)
    parser.add_argument("--mlpipeline-metrics-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Measure, and hand the numbers to MLflow and to the KFP UI."""
    args = step.args
    with Follower(step.folder, load_settings()):
        # Takes seconds to import, and reads its environment at import.
        prepare()
        from step_images.test.measuring import chosen_split, measure

        data = step.given("data_yaml")
        require_sound_data(data)
        split = args.split or chosen_split(data)
        measured, confusion = measure(step.folder, step.given("best_pt"), data, split)
    print(_summary(measured), flush=True)
    pictures = [*(step.path / name for name in PLOTS), *_worst(step, data, split)]
    page = web_app(image_page(f"Split: {measured['split']}", pictures))
    views = [_class_table(measured), *_matrix(confusion), page]
    write_output(args.mlpipeline_ui_metadata_output, ui_metadata(*views))
    values = {name: measured[name] for name in TEST_METRICS if measured[name] is not None}
    write_output(args.mlpipeline_metrics_output, metrics(values))


def _worst(step: Step, data: Path, split: str) -> list[Path]:
    """Draw the worst images; a picture for a page is no reason to lose a test."""
    from step_images.test.worst import draw_worst

    try:
        path = draw_worst(step.volume, step.folder, data, split)
    except Exception as reason:  # noqa: BLE001 - whatever it is, the figures are there
        print(f"The worst images were not drawn: {type(reason).__name__}: {reason}", flush=True)
        return []
    return [path] if path else []


def _class_table(measured: dict[str, Any]) -> dict[str, Any]:
    rows = [
        (name, measured["split"], *(_shown(entry[column]) for column in _COLUMNS))
        for name, entry in measured["classes"].items()
    ]
    return table(("class", "split", *_COLUMNS), rows)


def _matrix(confusion: dict[str, Any]) -> list[dict[str, Any]]:
    labels = confusion["labels"]
    if len(labels) > MAX_LABELS:
        return []
    return [confusion_matrix(labels, confusion["counts"], ("target", "predicted"))]


def _shown(value: float | None) -> object:
    return "–" if value is None else round(value, 4)


def _summary(measured: dict[str, Any]) -> str:
    values = ", ".join(f"{name} {_shown(measured[name])}" for name in TEST_METRICS)
    return f"On split {measured['split']}: {values}."


if __name__ == "__main__":
    sys.exit(main())
