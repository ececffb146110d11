"""Many label files at once: the plain ones among them, by columns in place of line by line.

Plain is a file of numbers with one space between them and no empty line: what nearly all files are.
Whatever may be wrong with a file, or repeated in it, makes it not plain; `parse_label` reads those,
so that there is one place that says what a line's mistake is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.dataset.labels.lines import (
    BOX_COLUMNS,
    BOXES,
    POLYGONS,
    QUAD_COLUMNS,
    QUADS,
    bounds,
    valid_rows,
)

_NEWLINE, _SPACE = 10, 32
_OF_NUMBERS = b"0123456789.+-eE"
_SEPARATORS_OF_A_BOX = b" " * (BOX_COLUMNS - 1)
_Ints = NDArray[np.signedinteger[Any]]


@dataclass(frozen=True)
class PlainLabels:
    """The boxes of the plain files.

    Parameters
    ----------
    is_plain
        For each file; shape (files,).
    lines
        For each file its lines; 0 for those that are not plain.
    kind
        For each file what its lines are; `BOXES` for those that are not plain.
    file, line
        For each box the index of its file, ascending, and its line in it, from 1.
    table
        For each box class, centre x, y, width, height; shape (n, 5), float32.
    """

    is_plain: NDArray[np.bool_]
    lines: _Ints
    kind: NDArray[np.uint8]
    file: _Ints
    line: _Ints
    table: NDArray[np.float32]


@dataclass(frozen=True)
class _Lines:
    """Lines of joined files: their first token, number of tokens and file."""

    first: _Ints
    columns: _Ints
    file: _Ints
    of_file: _Ints


def parse_plain(texts: list[bytes], class_count: int, keypoint_columns: int) -> PlainLabels:
    """Read the plain ones of label files.

    Parameters
    ----------
    texts
        The files' bytes; together some megabytes, as the tables made of them are larger.
    class_count, keypoint_columns
        See `parse_label`.
    """
    texts = [text.rstrip() for text in texts]
    is_plain = np.ones(len(texts), bool)
    full, joined, ends = _joined(texts, is_plain)
    only_boxes = _are_only_boxes(joined)
    if not only_boxes and len(_odd_files(joined, ends)):
        texts = _simplified(texts)
        full, joined, ends = _joined(texts, is_plain)
        is_plain[full[_odd_files(joined, ends)]] = False
        full, joined, ends = _joined(texts, is_plain)
    counts, kind = np.zeros(len(texts), np.int64), np.full(len(texts), BOXES, np.uint8)
    if not len(full):
        none = np.empty(0, np.int64)
        return PlainLabels(is_plain, counts, kind, none, none, np.empty((0, 5), np.float32))
    lines = _boxes(texts, full) if only_boxes else _lines(joined, ends, keypoint_columns)
    starts = np.cumsum(lines.of_file) - lines.of_file
    polygon = np.maximum.reduceat(lines.columns, starts) > BOX_COLUMNS + 1
    table = _table(joined, lines, polygon[lines.file])
    with np.errstate(invalid="ignore"):
        is_bad = ~valid_rows(table, class_count) | _may_repeat(table, lines.file)
    is_good = np.ones(len(full), bool)
    is_good[lines.file[is_bad]] = False
    kept = is_good[lines.file]
    is_plain[full[~is_good]] = False
    counts[full[is_good]] = lines.of_file[is_good]
    is_quad = np.bitwise_or.reduceat(lines.columns ^ QUAD_COLUMNS, starts) == 0
    kind[full[is_good & polygon]] = POLYGONS
    kind[full[is_good & is_quad]] = QUADS
    return PlainLabels(
        is_plain=is_plain,
        lines=counts,
        kind=kind,
        file=full[lines.file[kept]],
        line=(np.arange(1, len(kept) + 1) - starts[lines.file])[kept],
        table=table[kept],
    )


def _joined(texts: list[bytes], is_plain: NDArray[np.bool_]) -> tuple[_Ints, bytes, _Ints]:
    """Give the indexes of plain texts that are not empty, their lines, and where each ends."""
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    full = np.flatnonzero((sizes > 0) & is_plain)
    some = texts if len(full) == len(texts) else [texts[index] for index in full.tolist()]
    return full, b"\n".join(some), np.cumsum(sizes[full] + 1) - 1


def _simplified(texts: list[bytes]) -> list[bytes]:
    """Write line ends and separators in the one plain way, where that changes no line number."""
    for other, plain in ((b"\r\n", b"\n"), (b"\t", b" "), (b" \n", b"\n")):
        texts = [text.replace(other, plain) for text in texts]
    return texts


def _are_only_boxes(joined: bytes) -> bool:
    """Say whether each line has the four spaces of a box and nothing else beside numbers.

    That nearly all datasets are so is told ten times as fast as where every column begins. A column
    may be empty: it then counts as no number.
    """
    separators = joined.translate(None, _OF_NUMBERS)
    lines = separators.count(b"\n") + 1
    return separators == b"\n".join([_SEPARATORS_OF_A_BOX] * lines)


def _odd_files(joined: bytes, ends: _Ints) -> _Ints:
    """Give the indexes of files with other bytes than those of numbers, or with empty columns."""
    data = np.frombuffer(joined, np.uint8)
    is_separator = (data == _SPACE) | (data == _NEWLINE)
    is_number = (data - ord("+") <= ord("9") - ord("+")) | (data | 0x20 == ord("e"))
    wrong = ~(is_number | is_separator)
    wrong[1:] |= is_separator[1:] & is_separator[:-1]
    wrong[:1] |= is_separator[:1]
    return np.unique(np.searchsorted(ends, np.flatnonzero(wrong)))


def _boxes(texts: list[bytes], full: _Ints) -> _Lines:
    of_file = np.array([texts[index].count(b"\n") + 1 for index in full.tolist()], np.int64)
    columns = np.full(of_file.sum(), BOX_COLUMNS)
    return _Lines(
        first=np.arange(len(columns)) * BOX_COLUMNS,
        columns=columns,
        file=np.repeat(np.arange(len(full)), of_file),
        of_file=of_file,
    )


def _lines(joined: bytes, ends: _Ints, keypoint_columns: int) -> _Lines:
    data = np.frombuffer(joined + b"\n", np.uint8)
    separators = np.flatnonzero(data <= _SPACE)
    last = np.flatnonzero(data[separators] == _NEWLINE)
    first = np.concatenate([[0], last[:-1] + 1])
    columns = last - first + 1
    columns[columns == BOX_COLUMNS + keypoint_columns] = BOX_COLUMNS  # keypoints are cut off
    of_file = np.diff(np.searchsorted(separators[last], ends), prepend=-1)
    file = np.repeat(np.arange(len(ends)), of_file)
    return _Lines(first, columns, file, of_file)


def _numbers(joined: bytes, columns: int) -> NDArray[np.float32]:
    """Give the numbers, shape (lines, columns); NaN for what is none."""
    import polars as pl  # takes a quarter of a second

    frame = pl.read_csv(
        joined,
        has_header=False,
        separator=" " if columns > 1 else "\t",
        quote_char=None,
        schema={str(column): pl.Float64 for column in range(columns)},
        ignore_errors=True,
    )
    numbers = np.empty((len(frame), columns), np.float32)
    with np.errstate(over="ignore"):
        # By way of float64, as Python's float and NumPy do it: the rounding is then the same.
        for column in range(columns):
            numbers[:, column] = frame[str(column)].to_numpy()
    return numbers


def _table(joined: bytes, lines: _Lines, is_polygon: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give the boxes of all lines; NaN for lines that do not have the columns of their kind."""
    columns = lines.columns
    spaces = len(columns) * (BOX_COLUMNS - 1)  # more are there when keypoints are cut off
    if (columns == BOX_COLUMNS).all() and joined.count(b" ") == spaces:
        return _numbers(joined, BOX_COLUMNS)
    numbers = _numbers(joined.replace(b" ", b"\n"), 1)[:, 0]
    table = np.full((len(columns), BOX_COLUMNS), np.nan, np.float32)
    boxes = np.flatnonzero(~is_polygon & (columns == BOX_COLUMNS))
    table[boxes] = numbers[lines.first[boxes, None] + np.arange(BOX_COLUMNS)]
    polygons = np.flatnonzero(
        is_polygon & (columns % 2 == 1) & (columns >= 3) & (columns != BOX_COLUMNS)
    )
    if len(polygons):
        first, sizes = lines.first[polygons], columns[polygons] - 1
        starts = np.cumsum(sizes) - sizes
        points = numbers[np.arange(sizes.sum()) + np.repeat(first + 1 - starts, sizes)]
        table[polygons, 0] = numbers[first]
        table[polygons, 1:] = bounds(points.reshape(-1, 2), starts // 2)
    return table


def _may_repeat(table: NDArray[np.float32], file: _Ints) -> NDArray[np.bool_]:
    """Say which rows are like another one of their file, or have the same hash by chance."""
    bits = (table + np.float32(0)).view(np.uint32)  # -0 is 0
    keys = file.astype(np.uint64)
    for column in bits.T:
        keys = (keys ^ column) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(29)
    ordered = np.sort(keys)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(keys, twice) if len(twice) else np.zeros(len(keys), bool)
