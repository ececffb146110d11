"""Train: YOLO training into the run folder, followed by MLflow.

A retry resumes at the last checkpoint; when the training is over it only writes the outputs again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.cfg.files import weight_paths
from pipeline.core.files import read_text, write_json
from pipeline.core.settings import load_settings
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.follower import Follower
from step_images.common import Step, run_step, step_parser, write_output
from step_images.kfp_ui import image_page, metrics, ui_metadata, web_app
from step_images.train import checkpoints
from step_images.train.applied import batch_note, compare
from step_images.train.machine import watched_machine
from step_images.ultralytics_home import checked_cfg, named_weights, prepare

PLOTS = ("labels.jpg", "train_batch0.jpg", "confusion_matrix.png", "results.png")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step and give its exit code."""
    parser = step_parser("train", "Train a YOLO model.")
    parser.add_argument("--model-path", required=True, help=".pt, or yaml named with its scale")
    parser.add_argument("--cfg-yaml", required=True, help="training settings after overrides")
    parser.add_argument("--data-yaml", required=True, help="data yaml with absolute paths")
    parser.add_argument("--last-pt-output", required=True)
    parser.add_argument("--best-pt-output", required=True)
    parser.add_argument("--data-yaml-output", required=True)
    parser.add_argument("--mlpipeline-ui-metadata-output", required=True)
    parser.add_argument("--mlpipeline-metrics-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Train, then write down what was applied and what the next steps and the KFP UI need."""
    args, cfg = step.args, step.given("cfg_yaml")
    last = step.folder.weights("last")
    with Follower(step.folder, load_settings()), watched_machine(step.folder.machine):
        # Takes seconds to import, and reads its environment at import.
        prepare()
        from step_images.train.training import train

        # A training that goes on needs its checkpoint, not what it once began with.
        goes_on = checkpoints.mend(last)
        settings = checked_cfg(cfg, None if goes_on else step.volume)
        model = Path(args.model_path) if goes_on else step.given("model_path")
        named = {"distill_model": settings["distill_model"]} if goes_on else settings
        try:
            weights = named_weights(named, step.volume.root)
            train(step.folder, model, cfg, step.given("data_yaml"), weights)
        finally:
            if last.exists():
                checkpoints.mend(last)  # a stop may have come in the middle of a save
        _write_applied(step, settings)
        checkpoints.kept_copy(last).unlink(missing_ok=True)
    best = step.folder.weights("best")
    write_output(args.last_pt_output, str(last))
    write_output(args.best_pt_output, str(best if best.exists() else last))
    write_output(args.data_yaml_output, args.data_yaml)
    page = web_app(image_page("Training", [step.path / name for name in PLOTS]))
    write_output(args.mlpipeline_ui_metadata_output, ui_metadata(page))
    write_output(args.mlpipeline_metrics_output, metrics(_best_values(step.folder)))


def _write_applied(step: Step, settings: Mapping[str, Any]) -> None:
    from step_images.train.training import trained_arguments

    folder = step.folder
    applied = compare(
        {**settings, **weight_paths(settings, step.volume)},
        yaml.safe_load(read_text(folder.step("train") / "args.yaml")),
        trained_arguments(folder),
    )
    write_json(folder.applied, applied)
    for key in applied["different"]:
        entry = applied["settings"][key]
        print(f"WARNING: {key} is {entry['applied']}, but {entry['requested']} was asked for.")
    if note := batch_note(applied):
        print(f"WARNING: {note}")


def _best_values(folder: RunFolder) -> dict[str, float]:
    """Give the best value of each metric over the epochs; KFP's lists tell them from test's."""
    from pipeline.tracking.run_data import launch_data
    from pipeline.tracking.schema import shown_name

    best: dict[str, float] = {}
    for point in launch_data(folder).points:
        if point.name.startswith("metrics/"):
            name = f"val-{shown_name(point.name)}"
            best[name] = max(point.value, best.get(name, point.value))
    return best


if __name__ == "__main__":
    sys.exit(main())
