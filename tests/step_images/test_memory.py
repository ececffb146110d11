"""A step that ran out of memory says of which, with what it had tried."""

from __future__ import annotations

import pytest

from pipeline.core.errors import SlipwayError
from step_images.memory import TEST, TRAIN, TUNE, memory_explained, out_of_memory

TRIED = {"batch": 8, "imgsz": 1280, "workers": 16, "cache": "ram", "lr0": 0.01}
WITH = "with batch=8, imgsz=1280, workers=16, cache=ram"


@pytest.mark.parametrize(
    ("reason", "said", "advice"),
    [
        (
            RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has …"),
            f"the GPU ran out of memory {WITH}.",
            "smaller batch or imgsz",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried …"),
            f"the machine ran out of memory (RAM) {WITH}.",
            "fewer workers",
        ),
        (MemoryError(), f"the machine ran out of memory (RAM) {WITH}.", "cache=False"),
        (
            RuntimeError("DataLoader worker (pid 4242) is killed by signal: Killed. "),
            f"the machine ran out of memory (RAM) {WITH}.",
            "fewer workers",
        ),
        (
            RuntimeError(
                "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
                "dataloader's workers are out of shared memory."
            ),
            f"/dev/shm was too small for the data loader {WITH}.",
            "--shm-size",
        ),
    ],
)
def test_memories_are_told_apart(reason: Exception, said: str, advice: str) -> None:
    with pytest.raises(SlipwayError) as caught, memory_explained(lambda: TRIED, TRAIN):
        raise reason
    assert caught.value.message == said
    assert advice in caught.value.next
    assert caught.value.__cause__ is reason


def test_memory_that_is_gone_before_anything_is_known() -> None:
    with (
        pytest.raises(SlipwayError, match=r"^the GPU ran out of memory\."),
        memory_explained(dict, TRAIN),
    ):
        raise RuntimeError("CUDA error: out of memory")


def test_each_step_gives_advice_that_it_can_follow() -> None:
    reason = RuntimeError("CUDA out of memory")
    said = [out_of_memory(reason, TRIED, advice) for advice in (TRAIN, TEST, TUNE)]
    assert [error.next.split()[0] for error in said if error] == ["Clone", "Retry", "Search"]


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="imgsz"), memory_explained(dict, TEST):
        raise ValueError("imgsz is odd")
