"""The steps that pipelines are made of."""

from __future__ import annotations

from pipeline.core.launch.kinds.kind import LaunchStep

VOLUME_MOUNT = LaunchStep("volume-mount", "Volume mount")
VERIFY = LaunchStep("verify", "Verify", "data.yaml", reads_weights=True)
DISTRIBUTION = LaunchStep("distribution", "Data distribution", "result.json", hands_on_files=True)
PLOT = LaunchStep("plot", "Plot distribution", "distribution.png")
TRAIN = LaunchStep("train", "Train", "applied.json", computes=True)
TEST = LaunchStep("test", "Test", "metrics.json", computes=True)
TUNE = LaunchStep("tune", "Tune", "tune.json", computes=True)
BUILD = LaunchStep("build", "Build", "build.json", computes=True)
# Of every pipeline: runs last, whatever became of the others.
NOTIFY = LaunchStep("notify", "Notify")
