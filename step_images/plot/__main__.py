"""Draw the class distribution, for the run folder and for the KFP UI."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.class_names import unique_labels
from pipeline.core.files import read_bytes
from step_images.common import Step, run_step, step_parser, write_output
from step_images.kfp_ui import image_page, ui_metadata, web_app
from step_images.plot.figure import draw

MAX_BYTES = 64 << 20  # counts of many classes with long lists of findings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the step."""
    parser = step_parser("plot", "Draw the class distribution.")
    parser.add_argument("--result-json", required=True)
    parser.add_argument("--cls-names-json", required=True)
    parser.add_argument("--mlpipeline-ui-metadata-output", required=True)
    return run_step(parser, body, argv)


def body(step: Step) -> None:
    """Write ``plot/distribution.png`` and a page with it inside."""
    result = json.loads(read_bytes(Path(step.args.result_json), limit_bytes=MAX_BYTES))
    names = json.loads(read_bytes(Path(step.args.cls_names_json), limit_bytes=MAX_BYTES))
    picture = step.path / "distribution.png"
    draw(result["splits"], unique_labels(names.values()), picture)
    page = image_page("Class distribution", [picture])
    write_output(step.args.mlpipeline_ui_metadata_output, ui_metadata(web_app(page)))
    print(f"{picture.name}: {len(names)} classes, splits {', '.join(result['splits'])}")


if __name__ == "__main__":
    sys.exit(main())
