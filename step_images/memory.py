"""Saying of which memory a step ran out, with what it had tried, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import SlipwayError

# What torch says; see `torch.OutOfMemoryError`, c10's CPU allocator and torch's data loader.
_GPU = ("cuda out of memory", "cuda error: out of memory", "cublas_status_alloc_failed")
_RAM = ("can't allocate memory", "cannot allocate memory", "killed by signal: killed")
_TAKES_MEMORY = ("batch", "imgsz", "workers", "cache")
_SHM = ("bus error", "shared memory (shm)")


@dataclass(frozen=True)
class Advice:
    """What to do when a step finds the GPU's memory, the machine's, or /dev/shm too small."""

    gpu: str
    ram: str
    shm: str = "Clone the run with more shared memory (--shm-size) or fewer workers."


TRAIN = Advice(
    gpu="Clone the run with a smaller batch or imgsz, or batch=-1 to let it be measured.",
    ram="Clone the run with a smaller batch, fewer workers, or cache=False.",
)
TEST = Advice(
    gpu="Retry the run when nothing else uses the GPU, or clone it with a smaller imgsz.",
    ram="Retry the run when the machine has memory to spare, or clone it with fewer workers.",
)
TUNE = Advice(
    gpu="Search with a smaller batch or imgsz, or with fewer trials at a time.",
    ram="Search with a smaller batch, fewer workers, cache=False, or fewer trials at a time.",
)


@contextmanager
def memory_explained(tried: Callable[[], Mapping[str, Any]], advice: Advice) -> Iterator[None]:
    """Turn the errors of a step that ran out of memory into a sentence.

    Parameters
    ----------
    tried
        Gives the settings as they are now: Ultralytics halves a training's batch a few times
        before it gives up.
    advice
        What to do.

    Raises
    ------
    SlipwayError
        It ran out of memory. Other errors pass.
    """
    try:
        yield
    except Exception as reason:
        found = out_of_memory(reason, tried(), advice)
        if found is None:
            raise
        raise found from reason


def out_of_memory(
    reason: Exception, tried: Mapping[str, Any], advice: Advice
) -> SlipwayError | None:
    """Give the error that says which memory was too small, or None when that was not it."""
    text = str(reason).lower()
    known = [f"{key}={tried[key]}" for key in _TAKES_MEMORY if key in tried]
    settings = f" with {', '.join(known)}" if known else ""
    if any(sign in text for sign in _GPU):
        return SlipwayError(f"the GPU ran out of memory{settings}.", next=advice.gpu)
    if any(sign in text for sign in _SHM):
        message = f"/dev/shm was too small for the data loader{settings}."
        return SlipwayError(message, next=advice.shm)
    if isinstance(reason, MemoryError) or any(sign in text for sign in _RAM):
        return SlipwayError(f"the machine ran out of memory (RAM){settings}.", next=advice.ram)
    return None
