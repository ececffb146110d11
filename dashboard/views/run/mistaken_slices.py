"""Slices of a test: the worst of them, then all by a property that is chosen, and their images."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import state
from dashboard.i18n import tr, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import colours
from dashboard.views.run.mistaken_images import show_images
from dashboard.widgets.formats import plural, share
from dashboard.widgets.mistakes.slices import (
    DIMENSIONS,
    MOST_DRAWN,
    name_column,
    show_recalls,
    slice_name,
    slice_table,
)
from dashboard.widgets.rows import chosen_before, rows_key
from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.mistakes.slice_areas import Areas
from pipeline.core.mistakes.slices import Place, Rate, Slice, Sliced
from pipeline.core.mistakes.worst_slices import LEAST_TARGETS, worst_slices
from pipeline.core.volume.run_folder import RunFolder

_SLICE = "slice"
_CLICKS = "mistakes.recalls"
_BETWEEN = "+"


@st.cache_resource(max_entries=4, show_spinner=False)
def sliced(folder: str, stamp: int, conf: float, _seen: Seen, _judged: Judged) -> Sliced:
    """Give a test, judged at a confidence, to be cut."""
    return Sliced(_judged.boxes, _judged.images, _seen.stored.names)


def show_slices(folder: RunFolder, stamp: int, conf: float, seen: Seen, judged: Judged) -> None:
    """Show the slices of a test.

    Parameters
    ----------
    folder, stamp
        The run, and when its test wrote.
    conf
        The confidence.
    seen, judged
        What the test saw, and what became of it at the confidence.
    """
    test = sliced(str(folder.path), stamp, conf, seen, judged)
    worst = _worst(str(folder.path), stamp, conf, test)
    _show_worst(worst)
    name = _dimension()
    found = _by(str(folder.path), stamp, conf, name, test, seen)
    if not found:
        st.info(tr("The test did not measure this of any image."), icon=":material/rule:")
    else:
        _show_table(name, found)
    place = _read(state.url_text(_SLICE), test)
    if not place:
        st.caption(tr("Choose a slice to see its images."))
        return
    labels = tuple(test.cut(of).labels[code] for of, code in place)
    title = tr("in slice {name}, most mistakes first", name=slice_name(place, labels))
    show_images(folder, seen.stored, judged, test.images_of(place), title=title)


@st.cache_resource(max_entries=4, show_spinner=False)
def _worst(folder: str, stamp: int, conf: float, _test: Sliced) -> list[Slice]:
    with st.spinner(tr("Looking for the worst slices")):
        return worst_slices(_test)


@st.cache_resource(max_entries=2, show_spinner=False)
def _areas(folder: str, stamp: int, _test: Sliced, _seen: Seen) -> Areas:
    return Areas(_seen.stored.boxes, _test.images, _seen.stored.names)


@st.cache_resource(max_entries=32, show_spinner=False)
def _by(folder: str, stamp: int, conf: float, name: str, _test: Sliced, _seen: Seen) -> list[Slice]:
    with st.spinner(tr("Measuring slices")):
        found = _test.by(name, _areas(folder, stamp, _test, _seen))
    if name == "class":
        found.sort(key=lambda own: own.recall.value if own.recall else 1.0)
    return found


def _show_worst(worst: Sequence[Slice]) -> None:
    st.markdown(tr("**Worst slices**"))
    if not worst:
        text = tr(
            "No slice of {count} targets or more is found less often than the rest by more than "
            "chance.",
            count=LEAST_TARGETS,
        )
        st.caption(text)
        return
    for number, own in enumerate(worst):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                plain(slice_name(own.place, own.labels)),
                key=f"mistakes.worst.{number}",
                type="tertiary",
                on_click=_choose,
                args=(_text(own.place),),
            )
            st.caption(_told(own))


def _told(own: Slice) -> Markdown:
    more = tr("{count:,} fewer found than elsewhere", count=round(own.lost_more))
    rates = [_against("R", own.recall), _against("P", own.precision)]
    return joined(" · ", [plural(own.targets, "target"), *rates, more])


def _against(name: str, rate: Rate | None) -> Markdown:
    if not rate:
        return Markdown()
    return tr(
        "{name} **{value}**, elsewhere {rest}",
        name=name,
        value=share(rate.value),
        rest=share(rate.rest),
    )


def _dimension() -> str:
    asked = state.seed("slices", "class", list(DIMENSIONS))
    chosen = st.selectbox(
        tr("Slices by"), list(DIMENSIONS), format_func=_word, key=asked, width=320
    )
    state.publish("slices", chosen, "class")
    return str(chosen)


def _word(name: str) -> Markdown:
    return tr(DIMENSIONS[name])


def _show_table(name: str, found: Sequence[Slice]) -> None:
    texts = [_text(own.place) for own in found]
    now = state.url_text(_SLICE)
    # What is chosen elsewhere is not this table's row any more; in the chart it is another row.
    clicks = st.session_state.get(_CLICKS, 0)
    key = rows_key(f"mistakes.slices.{name}", [now if now not in texts else "", clicks, *texts])
    left, right = st.columns([3, 2], gap="medium")
    with left:
        three = st.column_config.NumberColumn(format="%.3f")
        shares = ("P", "R", tr_text("R of the rest"), "mAP50")
        table = slice_table(found)
        st.dataframe(
            table,
            hide_index=True,
            placeholder="–",
            column_config=dict.fromkeys(shares, three)
            | {tr_text("slice"): name_column(table[tr_text("slice")])},
            on_select=lambda: _take(key, texts),
            selection_mode="single-row",
            selection_default=chosen_before(texts, [now]),
            key=key,
        )
    with right:
        drawn = rows_key(f"mistakes.recalls.{name}", [now, clicks])
        show_recalls(found, colours(), drawn, _click)
        if len(found) > MOST_DRAWN:
            st.caption(tr("The first {count} of the table.", count=MOST_DRAWN))
    st.caption(
        tr(
            "P and R are at the confidence above, with 95 % intervals of R from drawing the images "
            "anew; ◆ differs from the rest by more than chance. mAP50 is over all confidences."
        )
    )


def _take(key: str, texts: Sequence[str]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    _choose(texts[rows[0]] if rows else "")


def _click(own: Slice) -> None:
    st.session_state[_CLICKS] = st.session_state.get(_CLICKS, 0) + 1
    _choose(_text(own.place))


def _choose(text: str) -> None:
    state.set_url(_SLICE, text)


def _text(place: Place) -> str:
    return _BETWEEN.join(f"{name}:{code}" for name, code in place)


def _read(text: str, test: Sliced) -> Place:
    """Read a slice as the URL names it; nothing where there is no such slice."""
    place = []
    for part in text.split(_BETWEEN):
        name, _, code = part.partition(":")
        if name not in DIMENSIONS or not (code.isascii() and code.isdecimal()):
            return ()
        if int(code[:9]) >= len(test.cut(name).labels):
            return ()
        place.append((name, int(code[:9])))
    return tuple(place)
