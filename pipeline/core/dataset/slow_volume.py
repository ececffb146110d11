"""Work on many small files, also where a volume takes its time to answer for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_BLOCK = 4096
_PART = 32  # files that are worked on in one go
_SLOW_S = 1e-4  # a file; where its content is in memory already it takes a tenth of that
_THREADS = 16  # they wait for the volume, not for a CPU


def over_files(names: Sequence[str], work: Callable[[Sequence[str]], list[_T]]) -> list[_T]:
    """Do work on files, given in parts, and give the results in the files' order.

    It is done by several threads where the first files of some thousand take long, as on a network
    volume or a disk that nobody has read yet. Where they do not, threads would only stand in each
    other's way: two take twice as long as one.

    Parameters
    ----------
    names
        Of the files.
    work
        Gives a result for each of some of them; what it raises is raised here.
    """
    results: list[_T] = []
    for start in range(0, len(names), _BLOCK):
        end = start + _BLOCK
        first, rest = names[start : start + _PART], names[start + _PART : end]
        begin = time.perf_counter()
        results += work(first)
        if time.perf_counter() - begin < _SLOW_S * len(first):
            results += work(rest)
            continue
        parts = [rest[at : at + _PART] for at in range(0, len(rest), _PART)]
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="files") as pool:
            for part in pool.map(work, parts):
                results += part
    return results
