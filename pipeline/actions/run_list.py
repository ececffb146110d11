"""One page of the list of runs: all runs are looked at, and only those shown cost more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pipeline.actions.engines import Outage
from pipeline.actions.found_runs import find, folder_of, newest, record_of
from pipeline.actions.run_filter import Comparison, parse_query
from pipeline.actions.runs import facts_of, row_of
from pipeline.core.errors import FileMissing, SlipwayError
from pipeline.core.files import sha256_file
from pipeline.core.run_folder import RunFolder
from pipeline.core.run_note import RunNote, load_note, save_note, tags_of
from pipeline.core.settings import Settings
from pipeline.core.volume import Volume
from pipeline.core.yaml_file import load_yaml
from pipeline.engines.base import Run
from pipeline.tracking.reader import Tracking

LOOKED_AT = 1000
CHOICES = ("state", "model", "data", "user", "engine")
_over: dict[tuple[Path, str, str, str, str], dict[str, Any]] = {}


@dataclass(frozen=True)
class Page:
    """What one page of the list shows.

    Parameters
    ----------
    rows
        The runs of this page, newest first.
    fitting
        How many runs fit, on all pages.
    states
        The state of every run that is not archived, whether it fits or not.
    choices
        For each of `CHOICES` the values that occur.
    outages
        Engines that do not answer.
    """

    rows: list[dict[str, Any]]
    fitting: int
    states: list[str]
    choices: dict[str, list[str]]
    outages: tuple[Outage, ...]


def page_of(
    settings: Settings,
    chosen: dict[str, str],
    text: str = "",
    *,
    page: int = 1,
    size: int = 50,
    with_archived: bool = False,
) -> Page:
    """Give a page of the newest `LOOKED_AT` runs that fit.

    Parameters
    ----------
    chosen
        Values of some of `CHOICES`; an empty one fits all.
    text
        See `pipeline.actions.run_filter`.
    page, size
        Which page, from 1, and how many runs it has; behind the last page is the last page.
    with_archived
        Whether archived runs are listed too.
    """
    found = newest(settings, limit=LOOKED_AT)
    tracking, query = Tracking(settings), parse_query(text)
    listed = [(run, _facts(settings, run)) for run in found.runs]
    kept = [(run, facts) for run, facts in listed if with_archived or not facts["is_archived"]]
    fitting = [
        (run, facts)
        for run, facts in kept
        if all(value in ("", facts[key]) for key, value in chosen.items())
        and query.fits_text(facts)
        and _fits(settings, tracking, run, query.comparisons)
    ]
    page = min(max(page, 1), max(1, -(-len(fitting) // size)))
    shown = fitting[(page - 1) * size : page * size]
    return Page(
        rows=[_row(settings, tracking, run, facts) for run, facts in shown],
        fitting=len(fitting),
        states=[facts["state"] for _, facts in kept],
        choices={key: sorted({facts[key] for _, facts in kept} - {""}) for key in CHOICES},
        outages=found.outages,
    )


def annotate(settings: Settings, run: str, text: str, tags: Iterable[str]) -> RunNote:
    """Write a run's note and tags; what was there is replaced."""
    return _change(settings, run, text=text.strip(), tags=tags_of(tags))


def archive(settings: Settings, run: str, *, is_archived: bool = True) -> RunNote:
    """Leave a run out of lists, or take it back in; its files stay."""
    return _change(settings, run, is_archived=is_archived)


def folder_bytes(settings: Settings, runs: Sequence[str]) -> int:
    """Give what deleting these runs would free on the volume."""
    folders = [folder_of(settings, find(settings, run)).path for run in runs]
    files = (path for folder in folders for path in folder.rglob("*") if not path.is_dir())
    return sum(path.lstat().st_size for path in files)


def _change(settings: Settings, run: str, **values: Any) -> RunNote:
    folder = folder_of(settings, find(settings, run))
    if not folder.path.is_dir():
        raise FileMissing(
            f"{folder.name} has no folder on the volume yet.",
            where=str(folder.path),
            next="Wait until its verify step has begun.",
        )
    note = replace(load_note(folder), **values)
    save_note(folder, note)
    return note


def _facts(settings: Settings, run: Run) -> dict[str, Any]:
    """Give a run's facts; those of a run that is over are read once."""
    key = (settings.volume, run.engine, run.id, run.finished_at, run.message)
    facts = _over.get(key) if run.state.is_finished else None
    if facts is None:
        folder = folder_of(settings, run)
        facts = {**facts_of(run, folder), "path": folder.path}
        if run.state.is_finished:
            if len(_over) >= 2 * LOOKED_AT:  # of runs that are no longer listed, or deleted
                _over.clear()
            _over[key] = facts
    note = _note(RunFolder(facts["path"]))
    said = {"note": note.text, "tags": note.tags, "is_archived": note.is_archived}
    return {**facts, "state": str(run.state), **said}


def _note(folder: RunFolder) -> RunNote:
    try:
        return load_note(folder)
    except SlipwayError as reason:  # one damaged file must not hide the list
        return RunNote(text=reason.message)


def _fits(
    settings: Settings, tracking: Tracking, run: Run, comparisons: Sequence[Comparison]
) -> bool:
    if not comparisons:
        return True
    folder = folder_of(settings, run)
    params = _params(folder.cfg) if folder.cfg.is_file() else {}
    unknown = any(condition.key not in params for condition in comparisons)
    metrics = tracking.metrics_or_file(folder)[0] if unknown else {}
    values = {**{name: entry["best"] for name, entry in metrics.items()}, **params}
    return all(condition.fits(values.get(condition.key)) for condition in comparisons)


@lru_cache(maxsize=LOOKED_AT)
def _params(cfg: Path) -> dict[Any, Any]:
    """Give the cfg that a run was launched with; it is never edited."""
    try:
        return load_yaml(cfg).data
    except SlipwayError:
        return {}


def _row(settings: Settings, tracking: Tracking, run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    is_elsewhere = not run.launch or run.launch != facts["launch"]
    return {
        **row_of(settings, tracking, run),
        **{key: facts[key] for key in ("note", "tags", "is_archived")},
        "from": "KFP UI" if is_elsewhere and run.engine == "kubeflow" else "",
        "is_data_changed": _is_data_changed(settings, RunFolder(facts["path"])),
    }


def _is_data_changed(settings: Settings, folder: RunFolder) -> bool:
    """Say whether the data yaml is another than the one that the launch was made with."""
    record = record_of(folder)
    before = record.sha256.get("data") if record else None
    if record is None or not before:
        return False
    volume = Volume(settings.volume, settings.data_roots)
    try:
        path = volume.path(volume.resolve("data", record.choices.data).path)
        status = path.stat()
    except (SlipwayError, OSError):  # gone or unreadable by now: changed, too
        return True
    return _digest(path, status.st_mtime_ns, status.st_size) != before


@lru_cache(maxsize=64)
def _digest(path: Path, mtime_ns: int, size_bytes: int) -> str:
    return sha256_file(path)
