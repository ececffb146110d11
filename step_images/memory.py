"""Saying of which memory a step ran out, with what it had tried, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.said import said

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
    shm: str = said("Clone the run with more shared memory (--shm-size) or fewer workers.")


TRAIN = Advice(
    gpu=said("Clone the run with a smaller batch or imgsz, or batch=-1 to let it be measured."),
    ram=said("Clone the run with a smaller batch, fewer workers, or cache=False."),
)
TEST = Advice(
    gpu=said("Retry the run when nothing else uses the GPU, or clone it with a smaller imgsz."),
    ram=said("Retry the run when the machine has memory to spare, or clone it with fewer workers."),
)
TUNE = Advice(
    gpu=said("Search with a smaller batch or imgsz, or with fewer trials at a time."),
    ram=said("Search with a smaller batch, fewer workers, cache=False, or fewer trials at a time."),
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
    reason: Exception, settings: Mapping[str, Any], advice: Advice
) -> SlipwayError | None:
    """Give the error that says which memory was too small, or None when that was not it."""
    text = str(reason).lower()
    known = [f"{key}={settings[key]}" for key in _TAKES_MEMORY if key in settings]
    tried = said(" with {settings}", settings=", ".join(known)) if known else ""
    if any(sign in text for sign in _GPU):
        message = said("the GPU ran out of memory{tried}.", tried=tried)
        return SlipwayError(message, next=advice.gpu)
    if any(sign in text for sign in _SHM):
        message = said("/dev/shm was too small for the data loader{tried}.", tried=tried)
        return SlipwayError(message, next=advice.shm)
    if isinstance(reason, MemoryError) or any(sign in text for sign in _RAM):
        message = said("the machine ran out of memory (RAM){tried}.", tried=tried)
        return SlipwayError(message, next=advice.ram)
    return None
