"""Saying of which memory a training ran out, with what it had tried, and what to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.core.errors import SlipwayError

# What torch says; see `torch.OutOfMemoryError`, c10's CPU allocator and torch's data loader.
_GPU = ("cuda out of memory", "cuda error: out of memory", "cublas_status_alloc_failed")
_RAM = ("can't allocate memory", "cannot allocate memory", "killed by signal: killed")
_TAKES_MEMORY = ("batch", "imgsz", "workers", "cache")
_SHM = ("bus error", "shared memory (shm)")


@contextmanager
def memory_explained(yolo: Any) -> Iterator[None]:
    """Turn the errors of a training that ran out of memory into a sentence.

    Parameters
    ----------
    yolo
        The model that is trained. Its trainer has the settings as they are now: Ultralytics halves
        the batch a few times before it gives up.

    Raises
    ------
    SlipwayError
        It ran out of memory. Other errors pass.
    """
    try:
        yield
    except Exception as reason:
        trainer = getattr(yolo, "trainer", None)
        found = out_of_memory(reason, vars(trainer.args) if trainer else {})
        if found is None:
            raise
        raise found from reason


def out_of_memory(reason: Exception, tried: Mapping[str, Any]) -> SlipwayError | None:
    """Give the error that says which memory was too small, or None when that was not it."""
    text = str(reason).lower()
    known = [
        f"{key}={tried[key]}" for key in ("batch", "imgsz", "workers", "cache") if key in tried
    ]
    settings = f" with {', '.join(known)}" if known else ""
    if any(sign in text for sign in _GPU):
        return SlipwayError(
            f"the GPU ran out of memory{settings}.",
            next="Clone the run with a smaller batch or imgsz, or batch=-1 to let it be measured.",
        )
    if any(sign in text for sign in _SHM):
        return SlipwayError(
            f"/dev/shm was too small for the data loader{settings}.",
            next="Clone the run with more shared memory (--shm-size) or fewer workers.",
        )
    if isinstance(reason, MemoryError) or any(sign in text for sign in _RAM):
        return SlipwayError(
            f"the machine ran out of memory (RAM){settings}.",
            next="Clone the run with a smaller batch, fewer workers, or cache=False.",
        )
    return None
