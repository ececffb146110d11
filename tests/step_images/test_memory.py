"""A training that ran out of memory says of which, with what it had tried."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pipeline.core.errors import SlipwayError
from step_images.train.memory import memory_explained

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
    yolo = SimpleNamespace(trainer=SimpleNamespace(args=SimpleNamespace(**TRIED)))
    with pytest.raises(SlipwayError) as caught, memory_explained(yolo):
        raise reason
    assert caught.value.message == said
    assert advice in caught.value.next
    assert caught.value.__cause__ is reason


def test_memory_that_is_gone_before_the_trainer_is_there() -> None:
    with (
        pytest.raises(SlipwayError, match=r"^the GPU ran out of memory\."),
        memory_explained(SimpleNamespace(trainer=None)),
    ):
        raise RuntimeError("CUDA error: out of memory")


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match="imgsz"), memory_explained(SimpleNamespace()):
        raise ValueError("imgsz is odd")
