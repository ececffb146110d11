from __future__ import annotations

import io
import os
import pickle
import re
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.weights.container import NotWeights, read_weights
from tests.weights_files import (
    Runs,
    checked,
    legacy,
    outcome,
    sound_weights,
    zipped,
)


def archive(*members: tuple[str, bytes], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


SOUND = ("a/data.pkl", b"N.")
EVIL = ("a/data.pkl", b"cos\nsystem\n.")


def with_flags(content: bytes, own: int, listed: int) -> bytes:
    """Set the flags in the header of the first file, and in the directory."""
    made, place = bytearray(content), content.index(b"PK\1\2")
    made[6], made[place + 8] = own, listed
    return bytes(made)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 no checkpoint" * 1000, "does not end as a zip archive"),
        (b"PK\x03\x04", "no whole zip"),
        (b"<!DOCTYPE html>" * 100, "does not begin as weights"),
        (archive(("a/other", b"N.")), "without data.pkl"),
        (archive(("data.pkl", b"N.")), "data.pkl"),
        (archive(SOUND, ("b/data.pkl", b"N.")), "b/data.pkl"),
        (archive(SOUND, ("b/data.pkl", b"N.")).replace(b"b/data", b"a/data"), "same name"),
        (archive(SOUND, ("a/DATA.pkl", b"N.")), "same name"),
        (archive(SOUND, ("a/../b", b"")), "writes none"),
        (archive(SOUND, ("a/constants.pkl", b"N.")), "TorchScript"),
        (archive(SOUND, ("a/code/x.py", b"")), "TorchScript"),
        (archive(SOUND) + b"PK", "does not end"),
        (archive(SOUND) + archive(SOUND), "directory is not where"),
        (archive(EVIL) + archive(SOUND), "directory is not where"),
        (archive(SOUND)[:-30], "does not end"),
        (archive(SOUND).replace(b"a/data.pkl", b"b/data.pkl", 1), "differ"),
        (with_flags(archive(SOUND), 1, 1), "encrypted"),
        (with_flags(archive(SOUND), 0, 8), "differ"),
        (archive(("a/data.pkl", b"N" * 70_000_000)), "70,000,000 bytes"),
        (archive(SOUND, ("a/data/0", b"")).replace(b"a/data/0", b"a/dat\0/0"), ""),
    ],
)
def test_archives_that_readers_may_read_differently_are_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    (found,) = checked(tmp_path, content)
    assert (found.severity, found.code, found.where) == ("error", "not-weights", "model")
    assert re.search(said, found.message), found.message


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/data.pkl", b"N" * 70_000_000)
    (found,) = checked(tmp_path, file.getvalue())
    assert "70,000,000 bytes" in found.message


def test_each_pickle_of_an_archive_is_read() -> None:
    content = archive(SOUND, ("a/more.pkl", b"cos\nsystem\n)R."))
    assert "os.system" in read_weights(io.BytesIO(content)).foreign


def test_a_tensor_takes_no_more_than_its_storage_has(tmp_path: Path) -> None:
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0%dX\3\0\0\0cpuI%d\ntQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I0\n(I2\nt(I1\ntI00\nNtR."
    assert checked(tmp_path, zipped(tensor % (0, 2), {"data/0": bytes(8)})) == []
    for number, elements in ((0, 3), (0, 1 << 40), (1, 2)):
        content = zipped(tensor % (number, elements), {"data/0": bytes(8)})
        assert checked(tmp_path, content)[0].code == "not-weights"


def test_a_tar_archive_is_refused_even_if_it_looks_like_old_weights(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as made:
        made.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    (found,) = checked(tmp_path, file.getvalue())
    assert found.code == "not-weights"
    block = bytearray(legacy(b"N.")[:100] + tarfile.TarInfo("x").tobuf()[100:])
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (found,) = checked(tmp_path, bytes(block) + bytes(2000))
    assert "tar archive" in found.message


def test_old_weights_are_read_behind_their_first_pickles(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = pickle.dumps(Runs(os.mkdir, str(mark)), protocol=2)
    for content in (legacy(evil), legacy(b"N.", keys=evil), evil):
        assert checked(tmp_path, content)[0].severity == "error"
    for content in (legacy(b"N.")[:-1], legacy(b"N.")[:20], pickle.dumps(1), b"\x80"):
        assert checked(tmp_path, content)[0].code == "not-weights"
    assert not mark.exists()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_archives_give_findings_or_none(data: st.DataObject) -> None:
    content = bytearray(sound_weights(40))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for damaged in (content, content[:cut]):
        assert outcome(bytes(damaged))


NAME, MANY = b"a/data.pkl", 0xFFFFFFFF


def field(*numbers: int, kind: int = 1) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", kind, 8 * len(numbers), *numbers)


def crafted(
    listed: bytes = b"",
    own: bytes = b"",
    *,
    size: int = 2,
    packed: int = 2,
    offset: int = 0,
    flags: int = 0,
    disk: int = 0,
    attributes: int = 0,
) -> bytes:
    """Put an archive of one file together, with these extra fields and numbers of the directory."""
    crc = zlib.crc32(b"N.")
    header = struct.pack("<4s5H3I2H", b"PK\3\4", 0, flags, 0, 0, 0, crc, 2, 2, len(NAME), len(own))
    entry = struct.pack(
        *("<4s6H3I5H2I", b"PK\1\2", 0, 0, flags, 0, 0, 0, crc, packed, size, len(NAME)),
        *(len(listed), 0, disk, 0, attributes, offset),
    )
    start = len(header + NAME + own) + 2
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry + NAME + listed), start, 0)
    return header + NAME + own + b"N." + entry + NAME + listed + end


@pytest.mark.parametrize(
    "content",
    [
        crafted(),
        crafted(field(0), offset=MANY),
        crafted(field(2, 2, 0), size=MANY, packed=MANY, offset=MANY),
        crafted(own=b"FB\x02\0ZZ"),
        crafted(own=field(2, 2)),
        crafted(own=field(0) + b"FB\0\0"),
        crafted(flags=0x800),
    ],
)
def test_extra_fields_as_torch_writes_them_are_read(content: bytes) -> None:
    assert read_weights(io.BytesIO(content)).foreign == ()


@pytest.mark.parametrize(
    "content",
    [
        # two numbers, of which one reader takes the first and another the second
        crafted(field(MANY) + field(0), offset=MANY),
        crafted(field(0) + field(0), offset=MANY),
        crafted(field(0) + field(), offset=MANY),
        crafted(own=field(2, 2) + field(2, 2)),
        # more, fewer or other numbers than are missing
        crafted(field(0)),
        crafted(field()),
        crafted(field(0, 0), offset=MANY),
        crafted(field(2, 2, 0), offset=MANY),
        crafted(field(2, 2), size=MANY, packed=MANY, offset=MANY),
        crafted(field(2, 0), size=MANY),
        crafted(offset=MANY),
        crafted(size=MANY, packed=MANY),
        crafted(field((1 << 64) - 1), offset=MANY),
        crafted(field((1 << 64) - 1, 2), size=MANY, packed=MANY),
        crafted(field(0) + b"\1", offset=MANY),
        crafted(field(0) + b"\1\0\x08\0", offset=MANY),
        crafted(field(0)[:-1], offset=MANY),
        crafted(own=field(5)),
        crafted(own=field(2, 2)[:-1]),
        crafted(own=field(2, 2, 0, 0)),
        # fields that some reader may know
        crafted(field(0, kind=0x5455)),
        crafted(struct.pack("<2HBI", 0x7075, 15, 1, zlib.crc32(NAME)) + b"a/evil.pkl"),
        crafted(b"FB\0\0"),
        crafted(own=field(0, kind=0x5455)),
        crafted(own=b"FB\0\0FB\0\0"),
        crafted(own=b"\0"),
        # what miniz takes for a folder, and reads nothing of
        crafted(attributes=0x10),
        crafted(attributes=0x01),
        crafted(disk=1),
        crafted(disk=0xFFFF),
        crafted(flags=0x20),
        crafted(flags=0x10),
        archive(SOUND, ("a/CONSTANTS.pkl", b"N.")),
        archive(SOUND, ("a/Code/x.py", b"")),
    ],
)
def test_what_two_readers_of_archives_may_take_differently_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    (found,) = checked(tmp_path, content)
    assert found.code == "not-weights", found


def test_a_packed_pickle_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(*SOUND)
    (found,) = checked(tmp_path, file.getvalue())
    assert "packed" in found.message


def test_numbers_of_64_bits_are_read_as_torch_writes_them() -> None:
    """torch always writes the 64-bit end, which Python writes only for large archives."""
    content = archive(SOUND)
    end = content[-22:]
    entries, size, start = struct.unpack("<10xH2I2x", end)
    place = len(content) - 22
    wide = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 30, 45, 0, 0, entries, entries, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)
    whole = content[:-22] + wide + locator + end
    assert read_weights(io.BytesIO(whole)).foreign == ()
    for wrong in (
        content[:-22] + wide + locator.replace(b"\1\0\0\0", b"\2\0\0\0") + end,
        content[:-22] + wide.replace(b"PK\6\6", b"PK\6\5") + locator + end,
        content[:-22] + b"x" + wide + locator + end,
    ):
        with pytest.raises(NotWeights):
            read_weights(io.BytesIO(wrong))
