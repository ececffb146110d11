"""Which runs used a file, and which version of it: by the digests in their records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from pipeline.actions.installation import Installation
from pipeline.core.versions.history import Version

Uses = Mapping[str, tuple[str, ...]]


def runs_by_digest(here: Installation) -> Uses:
    """Give the launches that used each content: SHA-256 to launch ids, newest first."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in here.folders.all():
        for digest in {*entry.launch.sha256.values()} if entry.launch else ():
            found[digest].append(entry.name)
    return {digest: tuple(launches) for digest, launches in found.items()}


def runs_of_file(uses: Uses, versions: Iterable[Version], now_sha256: str) -> tuple[str, ...]:
    """Give the launches that used a file as it is, or as it was in any version; newest first."""
    digests = {now_sha256, *(version.sha256 for version in versions)} - {""}
    return tuple(sorted({run for digest in digests for run in uses.get(digest, ())}, reverse=True))
