"""What was read of a folder of labels, as it is kept: only files that change are read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.labels.table import LabelTable
from pipeline.core.dataset.snapshot import FolderState


@dataclass(frozen=True)
class KeptLabels:
    """The label files of a folder, in the order of the state's names.

    Parameters
    ----------
    state
        What the files were when they were read.
    is_known
        For each whether the rest tells about it; those with mistakes are worked out each time.
    digests
        Of each one's content; shape (files, bytes), uint8.
    table
        What is in them, with a file in place of an image.
    """

    state: FolderState
    is_known: NDArray[np.bool_]
    digests: NDArray[np.uint8]
    table: LabelTable

    def unchanged(self, now: FolderState, class_count: int) -> NDArray[np.bool_]:
        """Say which files are what they were, and have no class that there is not any more."""
        stamps = now.stamps
        if now.names != self.state.names:
            current = dict(zip(now.names, now.stamps.tolist(), strict=True))
            stamps = np.array([current.get(name, 0) for name in self.state.names], np.int64)
        is_same: NDArray[np.bool_] = self.is_known & (stamps == self.state.stamps) & (stamps != 0)
        is_same[self.table.image[self.table.class_id >= class_count]] = False
        return is_same

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give all but the state, by name."""
        return {
            "is_known": self.is_known,
            "digests": self.digests,
            "per_file": self.table.per_image,
            "class_id": self.table.class_id,
            "boxes": self.table.boxes,
            "line": self.table.line,
            "lines": self.table.lines,
            "kind": self.table.kind,
        }


def from_arrays(state: FolderState, arrays: Mapping[str, NDArray[Any]]) -> KeptLabels:
    """Build what `KeptLabels.to_arrays` took apart."""
    per_file = arrays["per_file"]
    table = LabelTable(
        image=np.repeat(np.arange(len(per_file), dtype=np.int32), per_file),
        class_id=arrays["class_id"],
        boxes=arrays["boxes"],
        line=arrays["line"],
        lines=arrays["lines"],
        kind=arrays["kind"],
    )
    return KeptLabels(state, arrays["is_known"], arrays["digests"], table)
