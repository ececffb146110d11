"""Which runs are one experiment repeated with other seeds, and what they come to together."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.launch.launch import load_launch
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml

# Names of places and people, and the seed itself: the same experiment may differ in them.
_NOT_COMPARED = ("seed", "project", "name", "save_dir", "exist_ok", "resume")


def seed_key(folder: RunFolder) -> str:
    """Give a text that launches have in common which differ in nothing but their seed.

    Empty when it cannot be told: the launch was not recorded, or its files are damaged.
    """
    if not (folder.launch.is_file() and folder.cfg.is_file()):
        return ""
    return _key(folder.path)


def key_of(params: Mapping[str, Any]) -> str:
    """Give the same of parameters alone, of a run that Slipway did not launch."""
    kept = {key: str(value) for key, value in params.items() if key not in _NOT_COMPARED}
    return json.dumps(kept, sort_keys=True) if kept else ""


def mean_and_std(values: Iterable[float]) -> tuple[float, float]:
    """Give mean and sample standard deviation; of one value the latter is 0."""
    numbers = list(values)
    spread = statistics.stdev(numbers) if len(numbers) > 1 else 0.0
    return statistics.fmean(numbers), spread


@lru_cache(maxsize=4096)
def _key(path: Path) -> str:
    """A launch's record and cfg are never edited, so they are read once."""
    folder = RunFolder(path)
    try:
        record = load_launch(folder.launch)
        params = load_yaml(folder.cfg).data
    except SlipwayError:
        return ""
    # The cfg's own digest is left out: it covers the seed. Tuning comes after the training and
    # changes nothing of it.
    files = {kind: digest for kind, digest in record.sha256.items() if kind not in ("cfg", "tune")}
    # One model yaml has several scales: what they are called tells them apart.
    chosen = (record.model_path, Path(record.choices.model).stem, record.choices.train)
    return f"{key_of(params)} {json.dumps([files, chosen], sort_keys=True)}"
