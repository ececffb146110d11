"""Reading what a step printed, piece by piece: a log may be larger than the memory."""

from __future__ import annotations

from pathlib import Path

from pipeline.engines.base import LogChunk

LOG_CHUNK_BYTES = 1 << 20


def read_chunk(path: Path, offset: int, *, is_over: bool) -> LogChunk:
    """Give what stands in a log from an offset on, by whole lines until its step is over."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            data = file.read(LOG_CHUNK_BYTES)
            is_all = not file.read(1)
    except FileNotFoundError:
        return LogChunk("", offset, is_over)
    if not (is_over and is_all):
        end = data.rfind(b"\n") + 1
        # A line longer than a chunk is given in pieces rather than never.
        data = data[:end] if end or is_all else data
    return LogChunk(data.decode("utf-8", errors="replace"), offset + len(data), is_over and is_all)
