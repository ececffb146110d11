"""The steps that pipelines are made of."""

from __future__ import annotations

from pipeline.core.launch.kinds.kind import LaunchStep

VOLUME_MOUNT = LaunchStep("volume-mount", "Volume mount")
VERIFY = LaunchStep("verify", "Verify", reads_weights=True)
DISTRIBUTION = LaunchStep("distribution", "Data distribution", hands_on_files=True)
PLOT = LaunchStep("plot", "Plot distribution")
TRAIN = LaunchStep("train", "Train", computes=True)
TEST = LaunchStep("test", "Test", computes=True)
TUNE = LaunchStep("tune", "Tune", computes=True)
BUILD = LaunchStep("build", "Build", computes=True)
# Of every pipeline: runs last, whatever became of the others.
NOTIFY = LaunchStep("notify", "Notify")
