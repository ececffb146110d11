"""Count images and instances of every class, by split."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.class_names import unique_names
from pipeline.core.dataset.loading import EVERYTHING, Loading, loading_of
from pipeline.core.dataset.read import DatasetReport, inspect_dataset
from pipeline.core.errors import InputError
from pipeline.core.files import read_text, write_json
from pipeline.core.volume.run_folder import RunFolder
from step_images.common import Step, print_findings, run_step, step_parser, write_output
from step_images.kfp_ui import table, ui_metadata

# What nobody draws from the output: a parameter of a workflow has to be small.
_LARGE = frozenset(("boxes", "image_sizes"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = step_parser("distribution", "Count the classes of a dataset by split.")
    parser.add_argument("--data-yaml", required=True, help="data yaml with absolute paths")
    parser.add_argument("--result-json-output", required=True)
    parser.add_argument("--cls-names-json-output", required=True)
    parser.add_argument("--mlpipeline-ui-metadata-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Write the counts as JSON, for the dashboard and for the plot, and as a KFP table.

    Raises
    ------
    InputError
        The dataset is not acceptable any more.
    """
    data = step.volume.relative(Path(step.args.data_yaml))
    report = inspect_dataset(step.volume, data)
    loaded = inspect_dataset(step.volume, data, loading=_loading(step.folder))
    print_findings(loaded.findings)
    if not loaded.ok:
        raise InputError(
            "the dataset has errors, see above.",
            findings=loaded.findings,
            where=loaded.data,
            next="Correct the dataset and launch again.",
        )
    document = {key: value for key, value in report.as_dict().items() if key not in _LARGE}
    header, rows = _cells(report)
    for cells in [header, *rows]:
        print("  ".join(f"{cell:>12}" for cell in cells))
    write_json(step.folder.distribution, document)
    write_output(step.args.result_json_output, json.dumps(document, ensure_ascii=False))
    write_output(step.args.cls_names_json_output, json.dumps(document["names"], ensure_ascii=False))
    write_output(step.args.mlpipeline_ui_metadata_output, ui_metadata(table(header, rows)))


def _loading(folder: RunFolder) -> Loading:
    """Give what the training will load; errors in the rest of the dataset stop nothing."""
    if not folder.cfg.is_file():
        return EVERYTHING
    return loading_of(effective_cfg(read_text(folder.cfg), {}))


def _cells(report: DatasetReport) -> tuple[list[str], list[list[str]]]:
    """Lay the counts out: a row for each class, two columns for each split."""
    header = ["class"]
    for split in report.splits:
        header += [f"{split} images", f"{split} instances"]
    rows: list[list[str]] = []
    for name in unique_names(report.names).values():
        row = [name]
        for splits in report.splits.values():
            counts = splits.classes[name]
            row += [str(counts.images), str(counts.instances)]
        rows.append(row)
    return header, rows


if __name__ == "__main__":
    sys.exit(main())
