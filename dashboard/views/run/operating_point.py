"""From which confidence on to use a run's weights: by a wish, and kept with the run."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard import services
from dashboard.errors import show_error, why
from dashboard.i18n import marked, tr
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import ago
from pipeline.actions.mistakes import Seen
from pipeline.actions.operating_point import keep_operating_point, operating_point
from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.mistakes.operating import BEST_F1, CHOSEN, COST, PRECISION, RECALL
from pipeline.core.volume.operating_point import OperatingPoint, load_operating_point
from pipeline.core.volume.run_folder import RunFolder

_WISHES = {
    BEST_F1: marked("Best F1"),
    PRECISION: marked("Precision at least"),
    RECALL: marked("Recall at least"),
    COST: marked("A miss costs"),
    CHOSEN: marked("As set above"),
}
_KEPT_WISHES = {
    BEST_F1: marked("best F1"),
    PRECISION: marked("precision at least {value}"),
    RECALL: marked("recall at least {value}"),
    COST: marked("a miss costs {value} false alarms"),
    CHOSEN: marked("chosen by hand"),
}


def show_operating_point(
    run: str, folder: RunFolder, seen: Seen, conf: float, take: Callable[[float], None]
) -> None:
    """Let people choose a confidence by a wish, and keep it.

    Parameters
    ----------
    run, folder
        The run and its files.
    conf
        The confidence that the tab shows.
    take
        Makes the tab show another.
    """
    st.markdown(tr("**Operating point**"))
    try:
        kept = load_operating_point(folder)
    except SlipwayError as reason:
        show_error(reason)
        kept = None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        names = {name: tr(text) for name, text in _WISHES.items()}
        wish = one_of(tr("What is wished"), names, "wish", in_url=True)
        value = _value(wish, conf)
    is_by_class = st.toggle(
        tr("A confidence for each class"), key="wish_by_class", bind="query-params"
    )
    point = operating_point(seen, wish, value, is_by_class=is_by_class)
    if point is None:
        st.info(tr("No confidence reaches that on this test."), icon=":material/rule:")
    else:
        st.markdown(_said(point))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            tr("Show it above"),
            key="wish.show",
            disabled=point is None or abs(point.conf - conf) < 0.005,
            on_click=take,
            args=(point.conf if point else conf,),
        )
        st.button(
            tr("Keep with the run"),
            key="wish.keep",
            type="primary",
            disabled=point is None or (kept is not None and _is_same(point, kept)),
            on_click=_keep,
            args=(run, point),
        )
        if kept:
            st.markdown(_said_kept(kept), width="content")
            st.button(tr("Forget"), key="wish.forget", on_click=_keep, args=(run, None))
    st.caption(
        tr("Kept, it is shown on the run and its weights, and MLflow has it as a tag of the run.")
    )


def show_kept(folder: RunFolder) -> None:
    """Say from which confidence on the run's weights are to be used, if somebody has chosen one."""
    try:
        kept = load_operating_point(folder)
    except SlipwayError as reason:
        show_error(reason)
        return
    if kept:
        text = tr("use from confidence {conf} on", conf=f"{kept.conf:.3f}")
        st.markdown(f":material/tune: {text}", width="content", help=_said_kept(kept))


def _value(wish: str, conf: float) -> float:
    if wish == CHOSEN:
        return conf
    if wish == BEST_F1:
        return 0.0
    if wish == COST:
        return st.number_input(
            tr("… as much as so many false alarms"),
            0.01,
            10_000.0,
            5.0,
            1.0,
            key="wish_cost",
            bind="query-params",
            width=240,
        )
    return st.number_input(
        tr("At least"), 0.01, 1.0, 0.9, 0.01, key="wish_least", bind="query-params", width=120
    )


def _said(point: OperatingPoint) -> Markdown:
    told = tr(
        "Confidence **{conf}**: precision {precision}, recall {recall}, F1 {f1}",
        conf=f"{point.conf:.3f}",
        precision=f"{point.precision:.3f}",
        recall=f"{point.recall:.3f}",
        f1=f"{point.f1:.3f}",
    )
    classes = [f"{plain(name)} {conf:.3f}" for name, conf in point.classes.items()]
    return joined("  \n", [told, Markdown(" · ".join(classes))]) if classes else told


def _said_kept(point: OperatingPoint) -> Markdown:
    text = _KEPT_WISHES.get(point.wish)
    wish = tr(text, value=f"{point.value:g}") if text else plain(point.wish)
    said = tr("Kept: {conf}, {wish}", conf=f"{point.conf:.3f}", wish=wish)
    return joined(" · ", [said, plain(point.by), ago(point.at)])


def _is_same(point: OperatingPoint, kept: OperatingPoint) -> bool:
    return all(
        getattr(point, name) == getattr(kept, name) for name in ("conf", "wish", "value", "classes")
    )


def _keep(run: str, point: OperatingPoint | None) -> None:
    try:
        keep_operating_point(services.here(), run, point)
    except TrackingUnreachable as reason:
        st.toast(tr("It is kept, but MLflow does not have it yet. {why}", why=why(reason)))
    except SlipwayError as reason:
        st.toast(why(reason))
