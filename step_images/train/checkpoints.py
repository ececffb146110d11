"""Checkpoints that survive a kill at any moment.

Ultralytics writes last.pt in place, so a kill can tear it. After each save a verified copy is made
by rename; a start, and a stop, put it back where last.pt does not load. best.pt stands in when
there is no copy (training on several GPUs runs in processes that our callback does not reach).
"""

from __future__ import annotations

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a training came.

    Parameters
    ----------
    epochs_done
        Epochs that the checkpoint holds.
    epochs
        Epochs asked for.
    is_stripped
        True when Ultralytics has made the final checkpoint out of it (no optimizer).
    """

    epochs_done: int
    epochs: int
    is_stripped: bool

    @property
    def is_over(self) -> bool:
        """Whether no epoch is left to train."""
        return self.is_stripped or self.epochs_done >= self.epochs


def kept_copy(last: Path) -> Path:
    """Give the place of the verified copy."""
    return last.with_name("last.kept.pt")


def keep(last: Path) -> None:
    """Replace the verified copy by last.pt, when that is whole."""
    if not is_whole(last):
        return
    temporary = last.with_name(f".last.{os.getpid()}.tmp")
    shutil.copyfile(last, temporary)
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, kept_copy(last))


def mend(last: Path) -> bool:
    """Put a whole checkpoint where last.pt is torn or missing; False when there is none."""
    if is_whole(last):
        return True
    for source in (kept_copy(last), last.with_name("best.pt")):
        if is_whole(source):
            temporary = last.with_name(f".last.{os.getpid()}.tmp")
            shutil.copyfile(source, temporary)
            os.replace(temporary, last)
            return True
    return False


def is_whole(path: Path) -> bool:
    """Say whether a checkpoint can be read to its end: a zip file whose checksums fit."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (FileNotFoundError, zipfile.BadZipFile, EOFError, OSError):
        return False


def load(path: Path) -> dict[str, Any]:
    """Load a checkpoint that our own training wrote."""
    from ultralytics.nn.tasks import load_checkpoint

    return dict(load_checkpoint(str(path))[1])


def progress(checkpoint: dict[str, Any]) -> Progress:
    """Say how far the training that wrote a checkpoint came."""
    epoch = int(checkpoint.get("epoch", -1))
    epochs = int(checkpoint["train_args"].get("epochs", 0))
    return Progress(epoch + 1, epochs, is_stripped=checkpoint.get("optimizer") is None)


def forget_later_epochs(results: Path, epochs_done: int) -> None:
    """Drop lines of results.csv behind the checkpoint: those epochs are trained again."""
    if not results.is_file():
        return
    header, *rows = results.read_text(encoding="utf-8").splitlines()
    complete = [row for row in rows if row.count(",") == header.count(",")]
    kept = [row for row in complete if int(float(row.partition(",")[0])) <= epochs_done]
    temporary = results.with_name(f".{results.name}.tmp")
    temporary.write_text("\n".join([header, *kept]) + "\n", encoding="utf-8")
    os.replace(temporary, results)
