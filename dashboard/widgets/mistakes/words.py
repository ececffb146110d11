"""The names of what becomes of a box, and what cost most, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.i18n import marked, tr, tr_text
from dashboard.plain import Markdown, plain
from pipeline.core.mistakes.lost_most import LostMost

# Ids of the target's and the predicted class, of which None is the background.
Cell = tuple[int | None, int | None]
FATES = {
    "right": marked("right"),
    "missed": marked("missed"),
    "background": marked("background"),
    "wrong_class": marked("wrong class"),
    "badly_placed": marked("badly placed"),
    "both": marked("wrong class and place"),
    "doubled": marked("doubled"),
}
# In the order in which they are offered.
KINDS = tuple(name for name in FATES if name != "right")
_MEANT = {
    "missed": marked("targets that nothing found"),
    "background": marked("boxes where nothing is"),
    "wrong_class": marked("boxes of the wrong class"),
    "badly_placed": marked("boxes that are badly placed"),
    "both": marked("boxes of the wrong class that are badly placed"),
    "doubled": marked("second boxes on one target"),
}


def fate_of(box: Mapping[str, Any]) -> str:
    """Name what became of a box; nothing for one that does not count."""
    fate = box["fate"]
    return tr_text(FATES[fate]) if fate else ""


def cell_title(cell: Cell, labels: Sequence[str]) -> Markdown:
    """Say what is in a cell of the confusion matrix."""
    target, predicted = ("" if number is None else labels[number] for number in cell)
    if not target:
        return tr("{predicted} predicted, with no label of its own", predicted=predicted)
    if not predicted:
        return tr("{target} that was not found", target=target)
    return tr("{target} predicted as {predicted}", target=target, predicted=predicted)


def answer(map50: float | None, split: str, cost: Mapping[str, float]) -> Markdown:
    """Say in one sentence what the test lost most by; without a mAP50 there was nothing to find."""
    if map50 is None:
        return tr("Nothing was to be found in the images of split {split}.", split=split)
    worst = max(cost, key=cost.__getitem__)
    begins = tr("mAP50 is **{value}** on split {split}", value=f"{map50:.3f}", split=split)
    if not cost[worst]:
        return tr("{begins}, and no kind of mistake costs any of it.", begins=begins)
    return tr(
        "{begins}; of the kinds of mistakes **{kind}** cost most: {value}.",
        begins=begins,
        kind=tr(_MEANT[worst]),
        value=f"{cost[worst]:.3f}",
    )


def lost_in_words(told: LostMost, labels: Sequence[str], conf: float) -> Markdown:
    """Say in one sentence what most of the missed targets are."""
    name = None if told.class_id is None else labels[told.class_id]
    if name is None:
        what = tr("smaller than {side} px", side=told.below_px)
    elif told.below_px is None:
        what = plain(name)
    else:
        what = tr("{name} smaller than {side} px", name=name, side=told.below_px)
    return tr(
        "Most of what is missed at confidence {conf} is **{what}**: {missed:.0%} of it, but only "
        "{targets:.0%} of all targets.",
        conf=f"{conf:g}",
        what=what,
        missed=told.share_of_missed,
        targets=told.share_of_targets,
    )
