"""What lies beside labels is read, and not run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from step_images.guards.fetching import load_cache, refuse_download


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def written(path: Path, content: Any) -> Path:
    with open(path, "wb") as file:  # as Ultralytics writes it
        np.save(file, content, allow_pickle=True)
    return path


def test_a_cache_of_labels_is_read(tmp_path: Path) -> None:
    label = {
        "im_file": "a.jpg",
        "shape": (64, 64),
        "cls": np.zeros((2, 1), dtype=np.float32),
        "bboxes": np.ones((2, 4), dtype=np.float32),
        "segments": [np.arange(6, dtype=np.float32).reshape(3, 2)],
        "score": np.float64(0.5),
        "keypoints": None,
        "normalized": True,
    }
    content = {"labels": [label], "hash": "abc", "results": (1, 0, 0, 0, 1), "version": "1.0.3"}
    read = load_cache(written(tmp_path / "train.cache", content))
    assert read["results"] == content["results"]
    assert read["labels"][0]["shape"] == (64, 64)
    for key in ("cls", "bboxes"):
        np.testing.assert_array_equal(read["labels"][0][key], label[key])


def test_a_cache_with_anything_else_runs_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    cache = written(tmp_path / "train.cache", {"labels": [Evil(made)]})
    with pytest.raises(pickle.UnpicklingError):
        load_cache(cache)
    cache.write_bytes(pickle.dumps(Evil(made)))
    with pytest.raises(ValueError, match="magic"):
        load_cache(cache)
    assert not made.exists()


def test_nothing_is_downloaded() -> None:
    with pytest.raises(ConnectionError, match="fetches nothing"):
        refuse_download("http://127.0.0.1:9/evil.pt")
