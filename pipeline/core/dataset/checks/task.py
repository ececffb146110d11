"""For which task a dataset was made, and what a detector does with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

from pipeline.core import findings as say
from pipeline.core.dataset.files.data_yaml import Dataset
from pipeline.core.dataset.labels.lines import BOXES, QUADS
from pipeline.core.dataset.labels.table import LabelTable
from pipeline.core.findings import Finding
from pipeline.core.said import said


def check_task(
    dataset: Dataset, images: Mapping[str, list[str]], tables: Mapping[str, LabelTable]
) -> tuple[str, dict[str, dict[str, int]], list[Finding]]:
    """Recognise a dataset's task by its labels and folders.

    Parameters
    ----------
    images
        Absolute paths by split.
    tables
        Their labels.

    Returns
    -------
    tuple
        The task; by split the images in each class's folder, empty unless the task is ``classify``;
        and what a person should know.
    """
    if dataset.keypoint_columns:
        return "pose", {}, []  # reading the data yaml has said so
    polygons = sum(int((table.kind != BOXES).sum()) for table in tables.values())
    where = dataset.file.where("train")
    if polygons:
        is_obb = polygons == sum(int((table.kind == QUADS).sum()) for table in tables.values())
        what = said("four corners a line, as oriented boxes have,") if is_obb else said("polygons")
        message = said(
            "{polygons:,} label files hold {what}; a detector trains on upright boxes around.",
            polygons=polygons,
            what=what,
        )
        return (
            "obb" if is_obb else "segment",
            {},
            [say.info("polygon-labels", message, where=where, count=polygons)],
        )
    folders = _class_folders(dataset, images, tables)
    if not folders:
        return "detect", {}, []
    return "classify", folders, [_not_for_detection(dataset, folders, where)]


def _not_for_detection(
    dataset: Dataset, folders: Mapping[str, Mapping[str, int]], where: str
) -> Finding:
    count = sum(sum(of_split.values()) for of_split in folders.values())
    names = [name for name in dataset.names.values() if any(name in of for of in folders.values())]
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    message = said(
        "this dataset is for classification: its {count:,} images lie in folders named "
        "after their classes ({shown}), and none has a label file. A detector learns "
        "from boxes.",
        count=count,
        shown=shown,
    )
    hint = said(
        "Choose a dataset with boxes, or draw them: one label file an image. "
        "Classifiers are trained outside Slipway, with 'yolo classify train'."
    )
    return say.error("classify-dataset", message, where=where, count=count, next=hint)


def _class_folders(
    dataset: Dataset, images: Mapping[str, list[str]], tables: Mapping[str, LabelTable]
) -> dict[str, dict[str, int]]:
    """Count images by folder; nothing unless each image lies in a class's folder, without label."""
    if any((table.lines >= 0).any() for table in tables.values()):
        return {}
    counts = {}
    for split, paths in images.items():
        by_folder = Counter(os.path.basename(os.path.dirname(path)) for path in paths)
        counts[split] = dict(sorted(by_folder.items()))
        if not by_folder.keys() <= set(dataset.names.values()):
            return {}
    return counts if any(counts.values()) else {}
