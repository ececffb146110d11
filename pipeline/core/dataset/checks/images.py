"""The deep look at a dataset: every image is opened."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pipeline.core import findings as say
from pipeline.core.dataset.checked_images import CheckedImages
from pipeline.core.dataset.checks.splits import Marks
from pipeline.core.dataset.files.data_yaml import Dataset, shown
from pipeline.core.dataset.files.images import ImageCheck, check_image, count_channels
from pipeline.core.dataset.snapshot import stamp_of
from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.watch import Watch

_STEP = 500
_ASKED = 100


def open_images(
    images: Mapping[str, list[str]], watch: Watch, kept: CheckedImages
) -> dict[str, ImageCheck]:
    """Open every image of all splits that is not known yet, several at a time; by path.

    What is opened is kept at once, so that a check that is stopped goes on from there.
    """
    paths = list(dict.fromkeys(path for group in images.values() for path in group))
    checks: dict[str, ImageCheck] = {}
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), _STEP):
            watch("images", start, len(paths))
            now_ns = time.time_ns()
            stamps = {path: stamp_of(path, now_ns) for path in paths[start : start + _STEP]}
            known = kept.known(stamps)
            unknown = [path for path in stamps if path not in known]
            opened = dict(zip(unknown, pool.map(check_image, unknown), strict=True))
            kept.keep(stamps, opened)
            checks |= known | opened
    return checks


def check_contents(
    volume: Volume, images: Mapping[str, list[str]], checks: Mapping[str, ImageCheck], marks: Marks
) -> list[Finding]:
    """Find damaged images and the same content in two splits; `marks` says which."""
    damage = {path: bad for path in checks if (bad := _damage(volume, path, checks[path]))}
    found = list(damage.values())
    first: dict[str, tuple[str, str]] = {}
    for split, group in images.items():
        for index, path in enumerate(group):
            if path in damage:
                marks[split, damage[path].code].append(index)
            digest = checks[path].digest
            before = first.setdefault(digest, (split, path)) if digest else (split, path)
            if before[0] != split and before[1] != path:
                name = shown(volume, before[1])
                message = said(
                    "the same content as '{name}' of {before}, in {split}.",
                    name=name,
                    before=before[0],
                    split=split,
                )
                hint = said("Keep an image in one split: else the metrics are too good.")
                where = shown(volume, path)
                found.append(say.warning("same-content", message, where=where, next=hint))
                marks[split, "same-content"].append(index)
    return found


def check_channels(
    volume: Volume, dataset: Dataset, images: Mapping[str, list[str]]
) -> list[Finding]:
    """Find out whether images have as many channels as the data yaml says.

    Grey and colour can be had of any image; whatever else is asked for, each must have. Images that
    tell nothing are left to the deep look, and of each split some are asked.
    """
    if dataset.channels in (1, 3):
        return []
    some = [path for paths in images.values() for path in paths[:: len(paths) // _ASKED + 1]]
    wrong = [(path, has) for path in some if (has := count_channels(path)) != dataset.channels]
    wrong = [(path, has) for path, has in wrong if has]
    if not wrong:
        return []
    name, has = shown(volume, wrong[0][0]), wrong[0][1]
    message = said(
        "'channels' is {channels}, but '{name}' has {has}.",
        channels=dataset.channels,
        name=name,
        has=has,
    )
    where, hint = (
        dataset.file.where("channels"),
        said("Write 3 for images in colour, or remove it."),
    )
    return [say.error("channels-wrong", message, where=where, count=len(wrong), next=hint)]


def count_sizes(
    group: list[str], checks: Mapping[str, ImageCheck]
) -> tuple[tuple[int, int, int], ...]:
    """Count images by width and height, the most frequent size first; damaged ones are left out."""
    sizes = Counter(checks[path].size for path in group if checks[path].size != (0, 0))
    return tuple((width, height, count) for (width, height), count in sizes.most_common())


def _damage(volume: Volume, path: str, check: ImageCheck) -> Finding | None:
    if check.mistake:
        message = said("the image {mistake}; the training leaves it out.", mistake=check.mistake)
        where, hint = shown(volume, path), said("Replace the image.")
        return say.warning("image-damaged", message, where=where, next=hint)
    if check.unfinished:
        message = said(
            "the JPEG does not end with its end mark; Ultralytics would write the file anew."
        )
        where, hint = shown(volume, path), said("Save the image again.")
        return say.warning("image-unfinished", message, where=where, next=hint)
    return None
