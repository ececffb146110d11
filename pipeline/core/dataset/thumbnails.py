"""Small pictures of a dataset's images, upright as Ultralytics reads them, kept on disk."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.dataset.files.data_yaml import outside, shown
from pipeline.core.dataset.files.images import read_small
from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.files import write_atomic
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

if TYPE_CHECKING:
    from PIL import Image

MAX_IMAGE_BYTES = 256 << 20
MAX_PIXELS = 80_000_000
_KEPT_BYTES = 256 << 20
_PRUNE_EVERY = 64
_QUALITY = 82
_HEAD = struct.Struct(">II")  # before the JPEG: the image's own width and height


@dataclass(frozen=True)
class Picture:
    """A picture to show.

    Parameters
    ----------
    jpeg
        The picture, no larger than what was asked for.
    width, height
        Of the image itself in pixels, with its orientation applied.
    """

    jpeg: bytes
    width: int
    height: int


class Thumbnails:
    """Pictures by image and size, in a folder that never grows beyond `limit_bytes` for long.

    Safe for threads and for several processes; the folder may be deleted at any time.

    Parameters
    ----------
    folder
        Where they are kept.
    limit_bytes
        Those that were not looked at for longest make room.
    """

    def __init__(self, folder: Path, limit_bytes: int = _KEPT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._written = 0
        self._lock = threading.Lock()

    def get(self, volume: Volume, image: str, side_px: int) -> Picture:
        """Give a picture of an image whose longer side is at most `side_px`.

        Raises
        ------
        UnsafePath
            It lies outside volume and data roots, or is no plain file.
        FileMissing
            There is no such image.
        InputError
            It is damaged, or larger than `MAX_IMAGE_BYTES` or `MAX_PIXELS`.
        """
        status = _checked(volume, image)
        identity = f"{image}\0{status.st_size}\0{status.st_mtime_ns}\0{side_px}"
        name = hashlib.blake2b(os.fsencode(identity), digest_size=16).hexdigest()
        path = self._folder / name[:2] / f"{name}.thumb"
        try:
            kept = path.read_bytes()
            os.utime(path)
        except OSError:
            kept = b""
        if len(kept) > _HEAD.size:
            return Picture(kept[_HEAD.size :], *_HEAD.unpack_from(kept))
        picture = make_picture(volume, image, side_px)
        self._keep(path, picture)
        return picture

    def _keep(self, path: Path, picture: Picture) -> None:
        try:
            write_atomic(path, _HEAD.pack(picture.width, picture.height) + picture.jpeg)
        except OSError:  # a full disk keeps nobody from looking at an image
            return
        with self._lock:
            is_due = self._written % _PRUNE_EVERY == 0
            self._written += 1
        if is_due:
            prune(self._folder, self._limit_bytes)


def make_picture(volume: Volume, image: str, side_px: int) -> Picture:
    """Make a picture without keeping it; see `Thumbnails.get`."""
    # Pillow costs 50 ms to import; only what shows images needs it.
    from PIL import Image, ImageOps

    _checked(volume, image)
    name = shown(volume, image)
    try:
        with Image.open(io.BytesIO(read_small(image))) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _too_large(name, f"{opened.width:,} x {opened.height:,} px")
            size = opened.size
            opened.thumbnail((side_px, side_px))  # a JPEG is decoded at a fraction of its size
            upright = ImageOps.exif_transpose(opened)
            is_turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            buffer = io.BytesIO()
            _as_rgb(upright).save(buffer, "JPEG", quality=_QUALITY)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as reason:
        raise _too_large(name, str(reason)) from reason
    except Exception as reason:
        text = str(reason).split("<_io", 1)[0].strip() or type(reason).__name__
        message = said("the image cannot be decoded ({reason}).", reason=text)
        raise InputError(message, where=name, next=said("Replace the image.")) from reason
    width, height = reversed(size) if is_turned else size
    return Picture(buffer.getvalue(), width, height)


def prune(folder: Path, limit_bytes: int) -> None:
    """Delete what was not used for longest, until four fifths of `limit_bytes` are taken."""
    files = []
    for path in folder.glob("??/*"):
        try:
            status = path.stat()
        except OSError:  # another process was faster
            continue
        files.append((status.st_mtime_ns, status.st_size, path))
    total = sum(size for _, size, _ in files)
    if total <= limit_bytes:
        return
    for _, size, path in sorted(files):
        if total <= limit_bytes * 4 // 5:
            return
        path.unlink(missing_ok=True)
        total -= size


def _checked(volume: Volume, image: str) -> os.stat_result:
    name = shown(volume, image)
    if not volume.allows_data(Path(image)):
        finding = outside(volume, image, name)
        raise UnsafePath(finding.message, where=name, next=finding.next)
    try:
        status = os.stat(image)
    except FileNotFoundError as reason:
        raise FileMissing(said("the image does not exist."), where=name) from reason
    except OSError as reason:
        message = said("the image cannot be read: {reason}.", reason=reason.strerror)
        raise InputError(message, where=name) from reason
    if not stat.S_ISREG(status.st_mode):
        raise UnsafePath(
            said("the image is not a plain file."), where=name, next=said("Remove it.")
        )
    if status.st_size > MAX_IMAGE_BYTES:
        raise _too_large(name, f"{status.st_size:,} bytes")
    return status


def _too_large(name: str, what: str) -> InputError:
    return InputError(
        said(
            "the image is too large to be shown ({size}); at most {pixels} megapixels and {bytes}"
            " MiB are opened.",
            size=what,
            pixels=MAX_PIXELS // 1_000_000,
            bytes=MAX_IMAGE_BYTES >> 20,
        ),
        where=name,
        next="Make the image smaller.",
    )


def _as_rgb(image: Image.Image) -> Image.Image:
    """Give what Ultralytics trains on: the high byte of 16 bits, no transparency."""
    if image.mode.startswith("I;16"):
        import numpy as np
        from PIL import Image

        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
