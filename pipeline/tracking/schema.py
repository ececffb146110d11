"""The names that Slipway uses in MLflow; writer and reader both take them from here."""

from __future__ import annotations

import re

TAG_LAUNCH = "slipway.launch"
TAG_RUN = "slipway.run"
TAG_ENGINE = "slipway.engine"
TAG_USER = "slipway.user"
TAG_SHA256 = "slipway.sha256."
TAG_FINGERPRINT = "slipway.dataset_fingerprint"
TAG_CODE = "slipway.code_version"
TAG_CLONED_FROM = "slipway.cloned_from"
TAG_SWEEP = "slipway.sweep"
TAG_FROM_TRIAL = "slipway.from_trial"
TAG_TEST_SPLIT = "slipway.test_split"
# A tag: what people choose may change, and a parameter of MLflow may not.
TAG_OPERATING_CONF = "slipway.operating_conf"
TAG_TRIAL = "slipway.trial"
TAG_TAGS = "slipway.tags"
TAG_NOTE = "mlflow.note.content"
TAG_PARENT = "mlflow.parentRunId"
TAG_RUN_USER = "mlflow.user"

# MLflow's words for a run that is over.
ENDED = ("FINISHED", "FAILED", "KILLED")
# How a run is named that Slipway did not log: this and MLflow's id.
ELSEWHERE = "mlflow:"

TEST_PREFIX = "test/"
MACHINE_PREFIX = "system/"
NO_CURVES = (TEST_PREFIX, MACHINE_PREFIX)
LIST_METRIC = "mAP50-95"
TEST_METRICS = ("precision", "recall", "mAP50", "mAP50-95", "fitness")
NOT_METRICS = ("epoch", "time")

_LOGGED = re.compile(r"^metrics/(?P<name>.+?)\(?(?P<kind>[BMP])\)?$")


def logged_name(column: str) -> str:
    """Give the MLflow metric of a results.csv column, as Ultralytics' own callback names it.

    >>> logged_name("metrics/mAP50-95(B)")
    'metrics/mAP50-95B'
    """
    return column.strip().replace("(", "").replace(")", "")


def shown_name(name: str) -> str:
    """Give the name that people see for a results.csv column or an MLflow metric.

    Boxes need no mark, masks and poses keep theirs; what is no metric keeps its name.

    >>> shown_name("metrics/mAP50-95(B)"), shown_name("metrics/mAP50M"), shown_name("val/box_loss")
    ('mAP50-95', 'mAP50(M)', 'val/box_loss')
    """
    match = _LOGGED.match(name)
    if not match:
        return name
    return match["name"] if match["kind"] == "B" else f"{match['name']}({match['kind']})"


def epoch_to_step(epoch: int) -> int:
    """Turn an epoch as people count (from 1) into MLflow's step (from 0)."""
    return epoch - 1


def step_to_epoch(step: int) -> int:
    """Turn MLflow's step (from 0) into an epoch as people count (from 1)."""
    return step + 1
