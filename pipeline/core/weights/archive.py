"""A zip archive of which two readers see the same files.

torch reads archives with miniz, this module with `zipfile`; what each makes of an odd archive
differs, so an odd one is refused. Layout: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import re
import struct
import zipfile
from typing import BinaryIO

_MAX_DIRECTORY_BYTES = 16 << 20
_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR_64 = struct.Struct("<4sIQI")
_LOCAL = struct.Struct("<4s5H3I2H")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_FIELD = struct.Struct("<2H")
_WIDE_FIELD, _PADDING_FIELD = 0x0001, 0x4246  # the latter, "FB", is torch's own
_HAS_DESCRIPTOR, _ENCRYPTED = 0x08, 0x2041
_FLAGS = 0x080E  # a descriptor, how hard it was packed, and UTF-8, of which ASCII is a part
_ALL_ONES = (1 << 64) - 1
_UNKNOWN = 0xFFFFFFFF
_NARROW = (0xFFFF, _UNKNOWN, _UNKNOWN)
_NAME = re.compile(r"[^/\\\0-\x1f\x7f-\U0010ffff]+(/[\w.+-]+)+", re.ASCII)


class BadArchive(Exception):
    """It is no archive, or not one that every reader reads alike."""


def open_archive(file: BinaryIO) -> zipfile.ZipFile:
    """Open an archive whose directory, local headers and end agree to the byte.

    Raises
    ------
    BadArchive
        See there.
    """
    try:
        start, entries, size = _directory(file)
        archive = zipfile.ZipFile(file)
        _check_entries(archive.infolist(), entries, size)
        _check_directory(file, archive.infolist(), start)
        _check_local_headers(file, archive.infolist(), start)
    except (
        *(zipfile.BadZipFile, struct.error, NotImplementedError),
        *(ValueError, EOFError, OverflowError),
    ) as reason:
        raise BadArchive("it is no whole zip archive") from reason
    return archive


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit_bytes: int) -> bytes:
    """Read a member that is not packed.

    Raises
    ------
    BadArchive
        It is larger than that, packed or damaged.
    """
    if member.file_size > limit_bytes:
        raise BadArchive(f"its {member.filename} has {member.file_size:,} bytes")
    if member.compress_type != 0:  # what two unpackers make of it need not be the same
        raise BadArchive(f"its {member.filename} is packed, as torch does not")
    try:
        return archive.read(member)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as reason:
        raise BadArchive(f"its {member.filename} is damaged") from reason


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """Give where the central directory starts, how many entries it has, and its size.

    Nothing may follow the end of the archive, and nothing lie between it and the directory.
    """
    length = file.seek(0, 2)
    if length < _END.size:
        raise BadArchive("it is no whole zip archive")
    file.seek(length - _END.size)
    magic, disk, first, here, entries, size, start, comment = _END.unpack(file.read(_END.size))
    if magic != b"PK\5\6" or disk or first or here != entries or comment:
        raise BadArchive("it does not end as a zip archive does")
    end = length - _END.size
    wide = _wide_end(file, end)
    if wide:
        end -= _LOCATOR_64.size + _END_64.size
        for narrow, value, most in zip((entries, size, start), wide, _NARROW, strict=True):
            if narrow not in (value, most):
                raise BadArchive("its two ends differ")
        entries, size, start = wide
    if start + size != end or size > _MAX_DIRECTORY_BYTES:
        raise BadArchive("its directory is not where its end says, or is too large")
    return start, entries, size


def _wide_end(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """Read the 64-bit end that torch writes; None when there is none."""
    if end < _LOCATOR_64.size + _END_64.size:
        return None
    place = end - _LOCATOR_64.size - _END_64.size
    file.seek(place)
    fields = _END_64.unpack(file.read(_END_64.size))
    magic, disk, at, disks = _LOCATOR_64.unpack(file.read(_LOCATOR_64.size))
    if magic != b"PK\6\7":
        return None
    rest, _, _, number, first, here, entries, size, start = fields[1:]
    is_whole = fields[0] == b"PK\6\6" and rest == _END_64.size - 12 and at == place
    if not is_whole or disk or number or first or disks != 1 or here != entries:
        raise BadArchive("its 64-bit end is damaged")
    return entries, size, start


def _check_entries(members: list[zipfile.ZipInfo], entries: int, size: int) -> None:
    used = sum(
        _ENTRY.size + len(member.orig_filename) + len(member.extra) + len(member.comment)
        for member in members
    )
    if len(members) != entries or used != size or not members:
        raise BadArchive("its directory has more or less than its end says")
    names = {member.orig_filename.lower() for member in members}  # miniz compares so
    if len(names) != len(members):
        raise BadArchive("two of its files have the same name")
    top = members[0].orig_filename.partition("/")[0]
    for member in members:
        _check_entry(member, top)


def _check_entry(member: zipfile.ZipInfo, top: str) -> None:
    name = member.orig_filename
    is_sane = name == member.filename and _NAME.fullmatch(name) and ".." not in name.split("/")
    if not is_sane or not name.startswith(f"{top}/"):
        raise BadArchive(f"it has a file {name[:100]!a}, as torch writes none")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in (0, 8):
        raise BadArchive(f"its {name} is encrypted, or packed as torch does not")
    is_folder = member.external_attr & 0xFFFF  # of which miniz reads nothing, without a word
    if member.flag_bits & ~_FLAGS or is_folder or member.volume:
        raise BadArchive(f"its {name} is no plain file of one archive")
    is_empty = not member.compress_size and member.file_size
    if is_empty or (member.compress_type == 0 and member.file_size != member.compress_size):
        raise BadArchive(f"its {name} has two sizes")


def _check_directory(file: BinaryIO, members: list[zipfile.ZipInfo], start: int) -> None:
    """Check the 64-bit numbers: of two, or of one too many, each reader takes another."""
    file.seek(start)
    for member in members:
        entry = _ENTRY.unpack(file.read(_ENTRY.size))
        file.seek(len(member.orig_filename) + len(member.extra) + len(member.comment), 1)
        packed, size, offset = entry[8], entry[9], entry[16]
        is_here = entry[0] == b"PK\1\2" and entry[10] == len(member.orig_filename)
        if not is_here or entry[11:13] != (len(member.extra), len(member.comment)):
            raise BadArchive("its directory is not what it seems")
        wide = [
            known
            for said, known in (
                *((size, member.file_size), (packed, member.compress_size)),
                (offset, member.header_offset),
            )
            if said == _UNKNOWN
        ]
        expected = [(_WIDE_FIELD, struct.pack(f"<{len(wide)}Q", *wide))] if wide else []
        if _fields(member.extra) != expected or _ALL_ONES in wide:
            raise BadArchive(f"its directory says about {member.filename} what torch does not")


def _fields(extra: bytes) -> list[tuple[int, bytes]]:
    """Split the extra fields; what is left over would be read by some and not by others."""
    fields, at = [], 0
    while at < len(extra):
        kind, length = _FIELD.unpack_from(extra, at)
        at += _FIELD.size + length
        fields.append((kind, extra[at - length : at]))
    if at != len(extra):
        raise BadArchive("its extra fields break off")
    return fields


def _check_local_headers(file: BinaryIO, members: list[zipfile.ZipInfo], start: int) -> None:
    """Compare each file's own header with the directory; files must not overlap."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    limits = [*(member.header_offset for member in ordered[1:]), start]
    if ordered[0].header_offset != 0:
        raise BadArchive("something lies before its first file")
    for member, limit in zip(ordered, limits, strict=True):
        file.seek(member.header_offset)
        magic, _, flags, method, _, _, *sizes, name_bytes, extra_bytes = _LOCAL.unpack(
            file.read(_LOCAL.size)
        )
        name = file.read(name_bytes)
        fields = _fields(file.read(extra_bytes))
        expected = (member.CRC, member.compress_size, member.file_size)
        unset = (0, _UNKNOWN) if flags & _HAS_DESCRIPTOR else (_UNKNOWN,)
        is_same = (
            magic == b"PK\3\4"
            and (flags, method) == (member.flag_bits, member.compress_type)
            and name == member.orig_filename.encode()
            and _are_usual(fields, member)
            and all(said in (known, *unset) for said, known in zip(sizes, expected, strict=True))
        )
        end = file.tell() + member.compress_size
        if not is_same or end > limit:
            raise BadArchive(f"its directory and the header of {member.filename} differ")


def _are_usual(fields: list[tuple[int, bytes]], member: zipfile.ZipInfo) -> bool:
    """Say whether a file's own header has no more than 64-bit numbers and torch's padding."""
    kinds = [kind for kind, _ in fields]
    wide = b"".join(content for kind, content in fields if kind == _WIDE_FIELD)
    known = (0, member.file_size, member.compress_size, member.header_offset)
    return (
        len(set(kinds)) == len(kinds)
        and set(kinds) <= {_WIDE_FIELD, _PADDING_FIELD}
        and len(wide) in (0, 8, 16, 24)
        and all(number in known for (number,) in struct.iter_unpack("<Q", wide))
    )
