"""The whole pipeline: look at the data, train, test, tune."""

from __future__ import annotations

from dataclasses import replace

from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.kind import LaunchKind

TRAIN = LaunchKind(
    name="train",
    pipeline="slipway",
    description="Check the data, train YOLO, test, tune.",
    parameters=(
        *("model", "cfg", "data", "train", "tune"),
        *("launch", "overrides", "experiment", "user", "tune_space"),
    ),
    steps=(
        *(steps.VOLUME_MOUNT, steps.VERIFY, steps.DISTRIBUTION, steps.PLOT),
        replace(steps.TRAIN, when=("train",)),
        replace(steps.TEST, when=("train",)),
        replace(steps.TUNE, when=("train", "tune")),
    ),
)
