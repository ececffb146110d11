"""The store is opened by many at once, also for the first time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipeline.engines.local.store import Store


def test_many_threads_open_a_new_store(tmp_path: Path) -> None:
    for number in range(10):
        path = tmp_path / str(number) / "runs.db"
        with ThreadPoolExecutor(12) as threads:
            pages = list(threads.map(lambda _, at=path: Store(at).page(3, None), range(12)))
        assert pages == [[]] * 12
        assert [entry.name for entry in path.parent.iterdir() if entry.suffix == ".db"] == [
            path.name
        ]
