"""Which runs used a file, and which version of it: by the digests in their records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from pipeline.core.errors import SlipwayError
from pipeline.core.launch.launch import load_launch
from pipeline.core.versions.history import Version
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import list_run_folders

Uses = Mapping[str, tuple[str, ...]]


def runs_by_digest(volume: Volume) -> Uses:
    """Give the launches that used each content: SHA-256 to launch ids, newest first.

    Records are read once a process, as they are never edited.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for folder in list_run_folders(volume):
        try:
            digests = _digests(folder.launch)
        except SlipwayError:  # started in the engine's own UI and not verified yet, or damaged
            continue
        for digest in digests:
            found[digest].append(folder.name)
    return {digest: tuple(launches) for digest, launches in found.items()}


def runs_of_file(uses: Uses, versions: Iterable[Version], now_sha256: str) -> tuple[str, ...]:
    """Give the launches that used a file as it is, or as it was in any version; newest first."""
    digests = {now_sha256, *(version.sha256 for version in versions)} - {""}
    return tuple(sorted({run for digest in digests for run in uses.get(digest, ())}, reverse=True))


@lru_cache(maxsize=100_000)
def _digests(record: Path) -> frozenset[str]:
    return frozenset(load_launch(record).sha256.values())
