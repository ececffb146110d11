"""What two runs' tests got right and wrong, held against each other, as an answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pipeline.actions.mistaken_pair import MistakenPair
from pipeline.actions.runs.same_data import SameData
from pipeline.cli.answer import Answer, table
from pipeline.core.mistakes.bootstrap import LEAST_IMAGES, METRICS
from pipeline.core.mistakes.pair import BROKEN, FIXED, STILL_RIGHT, STILL_WRONG

_SHOWN_IMAGES = 10
_MAIN = METRICS[0]


def pair_answer(found: MistakenPair, limit: int | None) -> Answer:
    """Give it as JSON, whole unless there is a limit, and as a person reads it."""
    return Answer(_document(found, limit), _text(found, limit or _SHOWN_IMAGES))


def _document(found: MistakenPair, limit: int | None) -> dict[str, Any]:
    images = found.changes.groups
    still = {group: len(images[group]) for group in (STILL_WRONG, STILL_RIGHT)}
    (run, other), (split, other_split) = found.runs, found.splits
    return {
        "launch": run.launch,
        "run": run.id,
        "split": split,
        "other": {"launch": other.launch, "run": other.id, "split": other_split},
        "conf": found.conf,
        "iou": found.iou,
        "images": found.measured.images,
        "differs": {
            "only_run": found.differs.only_before,
            "only_other": found.differs.only_after,
            "relabelled": found.differs.relabelled,
            "data": found.data.code,
        },
        "fixed": images[FIXED][:limit],
        "broken": images[BROKEN][:limit],
        "same": sum(still.values()),
        **still,
        "classes": {row.pop("slice"): row for row in found.classes.iter_rows(named=True)},
        "metrics": {"run": found.measured.before, "other": found.measured.after},
        "delta": {
            name: {**asdict(delta), "more_than_chance": found.measured.is_more_than_chance(name)}
            for name, delta in found.measured.delta.items()
        },
        "replicates": found.measured.replicates,
    }


def _text(found: MistakenPair, shown: int) -> str:
    images, classes = found.changes.groups, found.classes
    parts = [_sentence(found), *_differences(found)]
    parts.append(
        f"Of {found.measured.images:,} images, at confidence {found.conf:g}, "
        f"{len(images[FIXED]):,} are fixed, {len(images[BROKEN]):,} broken, "
        f"{len(images[STILL_WRONG]):,} still wrong and {len(images[STILL_RIGHT]):,} still right."
    )
    if len(classes):
        rows = [(*row, row[2] - row[3]) for row in classes.iter_rows()]
        parts.append(table(("class", "targets", "fixed", "broken", "net"), rows))
    for group in (FIXED, BROKEN):
        if images[group]:
            title = f"{group}, worst first"
            parts.append(table((title,), [(name,) for name in images[group][:shown]]))
    return "\n\n".join(parts)


def _sentence(found: MistakenPair) -> str:
    measured = found.measured
    delta, is_more = measured.delta[_MAIN], measured.is_more_than_chance()
    before, after = measured.before[_MAIN], measured.after[_MAIN]
    changed = f"{'rose' if delta.value > 0 else 'fell'} by {abs(delta.value):.3f}"
    if not delta.value:
        changed = "did not change"
    verdict = "more than chance" if is_more else "it could be chance"
    if is_more is None:
        verdict = f"with fewer than {LEAST_IMAGES} images nobody can tell whether it is chance"
    return (
        f"{_MAIN} {changed}, from {before:.3f} to {after:.3f} (95 % of resampled tests say "
        f"{delta.low:+.3f} to {delta.high:+.3f}): {verdict}."
    )


def _differences(found: MistakenPair) -> list[str]:
    """Say how the data of the tests differ, if they do."""
    differs, names = found.differs, [run.launch or run.id for run in found.runs]
    left_out = [
        f"{why} ({count:,})"
        for count, why in (
            (differs.only_before, f"that only {names[0]} was tested on"),
            (differs.only_after, f"that only {names[1]} was tested on"),
            (differs.relabelled, "whose labels differ"),
        )
        if count
    ]
    said = []
    if left_out:
        said.append(f"Left out: images {', images '.join(left_out)}.")
    if found.data in (SameData.DIFFERENT, SameData.SIZES):
        said.append(
            f"The runs' data are not the same. {found.data.text} Compared are images that are "
            "named alike and have the same labels in both tests."
        )
    return said
