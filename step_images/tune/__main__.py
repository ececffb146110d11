"""Tune: a handful of trials around the current values, each from best.pt, on Ray Tune."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from pipeline.core.settings import load_settings
from pipeline.tracking.follower import Follower
from step_images.common import Step, run_step, step_parser, write_output
from step_images.guards.yamls import require_sound_data
from step_images.kfp_ui import image_page, metrics, table, ui_metadata, web_app
from step_images.ultralytics_home import (
    checked_cfg,
    named_weights,
    prepare,
    train_settings,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step and give its exit code."""
    parser = step_parser("tune", "Search better hyperparameters, starting from best.pt.")
    parser.add_argument("--last-pt", required=True)
    parser.add_argument("--best-pt", required=True)
    parser.add_argument("--data-yaml", required=True, help="data yaml with absolute paths")
    parser.add_argument("--best-hyperparameters-output", required=True)
    parser.add_argument("--trials-output", required=True)
    parser.add_argument("--mlpipeline-ui-metadata-output", required=True)
    parser.add_argument("--mlpipeline-metrics-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Search, and write the trials also when the search is stopped or fails."""
    args, folder = step.args, step.folder
    with Follower(folder, load_settings()):
        # Takes seconds to import, and reads its environment at import.
        prepare()
        from step_images.train.training import trained_arguments
        from step_images.tune.outcome import best_row, write_outcome
        from step_images.tune.plots import write_plots
        from step_images.tune.search import current_settings, make_setup, read_space, search

        require_sound_data(step.given("data_yaml"))
        weights = named_weights(checked_cfg(folder.cfg, step.volume), step.volume.root)
        cfg = {**train_settings(folder.cfg), **weights}
        current = current_settings(cfg, trained_arguments(folder))
        space = read_space(folder, current, step.volume)
        files = (step.given("best_pt"), step.given("data_yaml"))
        setup = make_setup(folder, space, current, *files)
        print(f"{space.trials} trials of {setup.base.get('epochs', 'several')} epochs.", flush=True)
        try:
            search(
                folder,
                space,
                current,
                setup,
                on_change=lambda: write_outcome(folder, space, current),
            )
        finally:
            rows = write_outcome(folder, space, current)
        best = best_row(rows, folder, space)
        write_plots(folder, space)
    print(f"Best: {best['trial']}, {space.metric} {best[space.metric]:.4f}.", flush=True)
    write_output(args.best_hyperparameters_output, folder.best_hyperparameters.read_text("utf-8"))
    write_output(args.trials_output, folder.trials.read_text("utf-8"))
    write_output(
        args.mlpipeline_ui_metadata_output,
        ui_metadata(_trials_table(rows), web_app(image_page("Tuning", [folder.tune_plots]))),
    )
    write_output(
        args.mlpipeline_metrics_output, metrics({f"best-{space.metric}": best[space.metric]})
    )


def _trials_table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    columns = list(rows[0])
    return table(columns, [[row[column] for column in columns] for row in rows])


if __name__ == "__main__":
    sys.exit(main())
