"""Images of a dataset: which files are images, where their labels lie, which are damaged."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.core.said import said

# Those of Ultralytics; a test compares.
IMAGE_SUFFIXES = frozenset(
    ("avif", "bmp", "dng", "heic", "heif", "jp2", "jpeg", "jpg", "mpo", "png", "tif", "tiff")
) | {"webp"}
_DOTTED = tuple(f".{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
_SMALLEST_PX = 10
_READ_BYTES = 64 << 10
_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


@dataclass(frozen=True)
class Folder:
    """One folder's plain names, as `os.scandir` tells them without opening anything.

    Parameters
    ----------
    path
        Absolute path.
    files, links, odd
        Names of regular files, of symbolic links to no folder, and of FIFOs, devices and sockets.
    folders
        Names of subfolders; links to folders count.
    """

    path: str
    files: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()
    folders: tuple[str, ...] = field(default=())


def is_image(name: str) -> bool:
    """Say whether Ultralytics takes the name for an image's, by what stands behind the last dot."""
    return name.rpartition(".")[2].lower() in IMAGE_SUFFIXES


def image_names(names: Iterable[str]) -> list[str]:
    """Give those of a folder's names that Ultralytics takes for images; hidden ones are left out.

    A hundred thousand of them are asked at once: the usual endings cost no call each.
    """
    return [
        name
        for name in names
        if (name.endswith(_DOTTED) or ("." in name and is_image(name))) and name[0] != "."
    ]


def folder_of(path: str) -> str:
    """Give the folder of an absolute path; a third of the time of `os.path.dirname`."""
    return path[: path.rfind("/")]


def label_path(image: str) -> str:
    """Give the label file of an image: the last ``images`` folder becomes ``labels``."""
    head, found, tail = image.rpartition("/images/")
    moved = f"{head}/labels/{tail}" if found else image
    return moved.rsplit(".", 1)[0] + ".txt"


def label_folder(folder: str) -> str:
    """Give the folder in which the labels of a folder's images lie."""
    return os.path.dirname(label_path(f"{folder}/x.jpg"))


def scan_folder(path: str) -> Folder:
    """List a folder; `OSError` when that is not possible."""
    files, links, odd, folders = [], [], [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):  # nearly all are
                files.append(entry.name)
            elif _is_folder(entry):
                folders.append(entry.name)
            elif entry.is_symlink():
                links.append(entry.name)
            else:
                odd.append(entry.name)
    return Folder(path, frozenset(files), frozenset(links), frozenset(odd), tuple(sorted(folders)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or into a folder that nobody may enter: no folder to read
        return False


def read_small(path: str, limit_bytes: int = 256 << 20, folder: int | None = None) -> bytes:
    """Read a whole file in pieces of 64 KiB; larger requests become an mmap each, which is slow.

    Parameters
    ----------
    folder
        Descriptor of an open folder that the path starts from.

    Raises
    ------
    OSError
        It cannot be read, or is larger than the limit.
    """
    descriptor = os.open(path, _READ_ONLY, dir_fd=folder)
    try:
        piece = os.read(descriptor, _READ_BYTES)
        if len(piece) < _READ_BYTES:
            return piece
        pieces = [piece]
        while len(pieces[-1]) == _READ_BYTES:
            pieces.append(os.read(descriptor, _READ_BYTES))
            if len(pieces) * _READ_BYTES > limit_bytes:
                raise OSError(
                    errno.EFBIG, f"it is too large (at most {limit_bytes >> 20} MiB)", path
                )
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def read_many(
    names: Sequence[str], folder: int, stamp: Callable[[os.stat_result], int]
) -> list[tuple[bytes, int]]:
    """Read and stamp files of an open folder.

    Raises
    ------
    OSError
        One of them cannot be read, or is not so small; reading one by one says which.
    """
    read = []
    for name in names:
        descriptor = os.open(name, _READ_ONLY, dir_fd=folder)
        try:
            # Asked where it is open already, and before it is read: what is written to it
            # from here on makes another stamp.
            own = stamp(os.fstat(descriptor))
            text = os.read(descriptor, _READ_BYTES)
        finally:
            os.close(descriptor)
        if len(text) == _READ_BYTES:
            raise OSError(errno.EFBIG, "it is not small", name)
        read.append((text, own))
    return read


@dataclass(frozen=True)
class ImageCheck:
    """What opening an image told.

    Parameters
    ----------
    digest
        Of the file's content; empty when it cannot be read.
    mistake
        Why Ultralytics drops the image; empty when it does not.
    unfinished
        A JPEG that does not end with its end mark; Ultralytics writes such a file anew.
    size
        Width and height in px as stored; (0, 0) when it cannot be decoded.
    """

    digest: str = ""
    mistake: str = ""
    unfinished: bool = False
    size: tuple[int, int] = (0, 0)


def count_channels(path: str) -> int:
    """Give how many channels an image has for a loader that changes nothing; 0 when unknown."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            bands = len(image.getbands())
            pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            has_alpha = image.mode == "LA" or "transparency" in image.info
            is_palette, is_cmyk = image.mode == "P", image.mode == "CMYK"
    except Exception:  # noqa: BLE001 - Pillow's decoders raise anything on damaged files
        return 0
    if bands == 1 and pages > 1:
        return int(pages)
    if has_alpha:
        return 4
    return 3 if is_palette or is_cmyk else bands


def check_image(path: str) -> ImageCheck:
    """Open an image as Ultralytics does."""
    # Pillow costs 50 ms to import and only the deep check needs it.
    from PIL import Image

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as reason:
        return ImageCheck(mistake=said("cannot be read: {reason}", reason=reason.strerror))
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, (width, height) = (image.format or "").lower(), image.size
            image.verify()
        unfinished = kind == "jpeg" and data[-2:] != b"\xff\xd9"
        if unfinished:
            with Image.open(io.BytesIO(data)) as image:
                image.load()
    except Exception as reason:  # noqa: BLE001 - Pillow's decoders raise anything on damaged files
        text = str(reason).split("<_io", 1)[0].strip() or type(reason).__name__
        return ImageCheck(digest, said("cannot be decoded ({reason})", reason=text))
    mistake = ""
    if width < _SMALLEST_PX or height < _SMALLEST_PX:
        mistake = said(
            "is {width}x{height} px; at least {least} a side",
            width=width,
            height=height,
            least=_SMALLEST_PX,
        )
    elif kind not in IMAGE_SUFFIXES | {"jpeg2000"}:
        mistake = said("is of format {kind}, which Ultralytics does not read", kind=kind)
    return ImageCheck(digest, mistake, unfinished and not mistake, (width, height))
