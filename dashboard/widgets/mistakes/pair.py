"""How two tests compare, in words."""

from __future__ import annotations

from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, joined
from pipeline.actions.runs.same_data import SameData
from pipeline.core.mistakes.bootstrap import LEAST_IMAGES, METRICS, Paired
from pipeline.core.mistakes.common import Differs

_MAIN = METRICS[0]
_DATA = {
    SameData.DIFFERENT: marked("Data: labels or lists differ."),
    SameData.SIZES: marked(
        "Data: the same labels and lists, but images of other sizes: some were replaced."
    ),
}


def left_out(differs: Differs, data: SameData, runs: tuple[str, str]) -> Markdown:
    """Say how the data of two tests differ and what is compared then, or nothing."""
    images = [
        tr(text, count=f"{count:,}", **names)
        for text, count, names in (
            (marked("{count} only in {run}"), differs.only_before, {"run": runs[0]}),
            (marked("{count} only in {run}"), differs.only_after, {"run": runs[1]}),
            (marked("{count} with other labels"), differs.relabelled, {}),
        )
        if count
    ]
    if not images and data not in _DATA:
        return Markdown("")
    parts = [tr(_DATA[data])] if data in _DATA else []
    parts.append(tr("Compared are images that both tests have, with the same labels."))
    if images:
        parts.append(tr("Left out: {images}.", images=joined(", ", images)))
    return joined(" ", parts)


def sentence(measured: Paired) -> Markdown:
    """Say how mAP changed, and whether that is more than chance."""
    delta, is_more = measured.delta[_MAIN], measured.is_more_than_chance()
    values = {
        "by": f"{abs(delta.value):.3f}",
        "before": f"{measured.before[_MAIN]:.3f}",
        "after": f"{measured.after[_MAIN]:.3f}",
    }
    if not delta.value:
        changed = tr("mAP50-95 did not change: {after}", after=values["after"])
    elif delta.value > 0:
        changed = tr("mAP50-95 rose by **{by}**, from {before} to {after}", **values)
    else:
        changed = tr("mAP50-95 fell by **{by}**, from {before} to {after}", **values)
    verdict = tr("more than chance") if is_more else tr("it could be chance")
    if is_more is None:
        verdict = tr("fewer than {count} images cannot tell chance apart", count=LEAST_IMAGES)
    return tr(
        "{changed} (95 % of {count} resampled tests say {low} to {high}): **{verdict}**.",
        changed=changed,
        count=measured.replicates,
        low=f"{delta.low:+.3f}",
        high=f"{delta.high:+.3f}",
        verdict=verdict,
    )
