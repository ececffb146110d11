from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from pipeline.core.dataset.slow_volume import over_files

NAMES = [f"{number}.txt" for number in range(500)]


def work_of(seconds: float) -> tuple[Callable[[Sequence[str]], list[str]], set[int]]:
    """Give work that takes that long for each file, and who did it."""
    threads: set[int] = set()

    def work(names: Sequence[str]) -> list[str]:
        threads.add(threading.get_ident())
        if seconds:  # even a sleep of no time may let others run for as long as a slow volume takes
            time.sleep(seconds * len(names))
        return [name.upper() for name in names]

    return work, threads


@pytest.mark.parametrize("seconds", [0, 0.001])
@pytest.mark.parametrize("count", [0, 1, 40, 500])
def test_results_are_in_the_order_of_the_files(count: int, seconds: float) -> None:
    work, _ = work_of(seconds)
    assert over_files(NAMES[:count], work) == [name.upper() for name in NAMES[:count]]


def test_only_files_that_take_long_are_shared_by_threads() -> None:
    work, threads = work_of(0)
    over_files(NAMES, work)
    assert threads == {threading.get_ident()}
    work, threads = work_of(0.001)
    over_files(NAMES, work)
    assert len(threads) > 2


@pytest.mark.parametrize("seconds", [0, 0.001])
def test_what_the_work_raises_is_raised(seconds: float) -> None:
    def work(names: Sequence[str]) -> list[str]:
        time.sleep(seconds * len(names))
        if "400.txt" in names:
            raise FileNotFoundError("400.txt")
        return list(names)

    with pytest.raises(FileNotFoundError, match=r"400\.txt"):
        over_files(NAMES, work)
