"""One image of a dataset with its boxes, beside the lines that they come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded
from dashboard.i18n import tr, tr_said, tr_said_text
from dashboard.plain import Markdown, joined, plain
from dashboard.widgets.dataset.boxes import class_name, picture_html
from dashboard.widgets.findings import show_findings
from pipeline.core.dataset.read import DatasetReport
from pipeline.core.dataset.samples import Look, Samples, Wanted, look_at

_SIDE_PX = 1600
# About the room that it has on the screen, for names and lines neither thin nor huge.
_ROOM_PX = (760, 600)


def open_image(name: str, line: int = 0) -> None:
    """Show an image in a dialog, with one of its lines standing out; does not return."""
    _choose(name, line)
    st.rerun()


def show_asked_image(report: DatasetReport, samples: Samples) -> None:
    """Show the image that the URL names, in a dialog."""
    if state.url_text(state.IMAGE):
        dialog = st.dialog(
            tr("Image and labels"),
            width="large",
            on_dismiss=partial(_choose, ""),
            icon=":material/image:",
        )
        dialog(guarded(_body))(report, samples)


def wanted(samples: Samples) -> Wanted:
    """Give the filters that the URL holds; one that is not of this dataset counts as none."""
    split, code, class_id = (state.url_text(key) for key in ("split", "code", "class"))
    return Wanted(
        split if split in samples.splits else "",
        state.whole(class_id),
        code if code in samples.codes() else "",
        state.url_text("kind"),
    )


def looker(report: DatasetReport, samples: Samples, side_px: int) -> Callable[[str], Look]:
    """Give what reads an image and its label, safe to be called in a thread."""
    return partial(
        look_at,
        services.here().volume,
        services.thumbnails(),
        class_count=len(report.names),
        keypoint_columns=samples.keypoint_columns,
        side_px=side_px,
    )


def note_of(look: Look) -> str:
    """Say what a picture alone does not show."""
    if look.picture is None:
        return ""
    if look.labels is None:
        return tr("label cannot be read")
    if look.labels.is_dropped:
        return tr("left out by the training")
    return "" if look.labels.lines else tr("background")


def _body(report: DatasetReport, samples: Samples) -> None:
    name = state.url_text(state.IMAGE)
    index = samples.find(name)
    if index is None:
        st.info(tr("{name} is not an image of this dataset.", name=name))
        return
    look = looker(report, samples, _SIDE_PX)(samples.images[index])
    left, right = st.columns([2, 1], gap="medium")
    with right:
        _neighbours(samples, index)
        _facts(samples, index, look)
        chosen = _lines(report, look, name)
    with left:
        if look.picture is None:
            st.error(tr_said(look.mistake), icon=":material/broken_image:")
            return
        picture = picture_html(
            look.picture,
            look.lines,
            report.names,
            room_px=_ROOM_PX,
            marked=chosen,
            described=name,
        )
        st.html(f'<div class="samples-full">{picture}</div>')


def _neighbours(samples: Samples, index: int) -> None:
    """Offer the images before and after, of those that fit the filters."""
    fitting = samples.choose(wanted(samples))
    before = int(np.searchsorted(fitting, index))
    after = before + int(before < len(fitting) and fitting[before] == index)
    with st.container(horizontal=True, vertical_alignment="center"):
        for icon, key, place in (
            (":material/chevron_left:", "before", before - 1),
            (":material/chevron_right:", "after", after),
        ):
            is_there = 0 <= place < len(fitting)
            st.button(
                "",
                icon=icon,
                key=f"samples.{key}",
                help=tr("Previous image") if key == "before" else tr("Next image"),
                disabled=not is_there,
                on_click=_choose,
                args=(samples.name_of(int(fitting[place])) if is_there else "",),
            )
        if after > before:
            st.caption(f"{after:,} / {len(fitting):,}")


def _facts(samples: Samples, index: int, look: Look) -> None:
    parts = [plain(samples.split_of(index))]
    if look.picture:
        parts.append(Markdown(f"{look.picture.width:,} × {look.picture.height:,} px"))
    if note := note_of(look):
        parts.append(Markdown(f":orange[{plain(note)}]"))
    with st.container(gap=None):
        st.markdown(f"**{plain(samples.name_of(index).rpartition('/')[2])}**")
        st.markdown(joined(" · ", parts))
        if look.labels:
            st.caption(plain(look.labels.path if look.labels.is_there else tr("no label file")))
    if look.labels is None:
        st.warning(tr_said(look.mistake), icon=":material/warning:")
    show_findings(samples.findings_of(index), shown=3)


def _lines(report: DatasetReport, look: Look, name: str) -> list[int]:
    """List the label lines; give the numbers of those that are chosen."""
    if not look.lines:
        return []
    table = pd.DataFrame(
        {
            tr("line"): [line.number for line in look.lines],
            tr("class"): [class_name(line.class_id, report.names) for line in look.lines],
            tr("problem"): [tr_said_text(line.mistake) for line in look.lines],
            tr("text"): [line.text for line in look.lines],
        }
    )
    if not any(line.mistake for line in look.lines):
        table = table.drop(columns=tr("problem"))
    asked = state.url_text(state.LINE)
    first = [row for row, line in enumerate(look.lines) if str(line.number) == asked]
    event = st.dataframe(
        table,
        hide_index=True,
        height=min(40 + 35 * len(look.lines), 380),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": first, "columns": [], "cells": []}},
        placeholder="",
        key=f"samples.lines.{name}.{asked}",
    )
    selection: Any = event["selection"]
    st.caption(tr("Choose lines to see which boxes they are."))
    return [look.lines[row].number for row in selection["rows"] if row < len(look.lines)]


def _choose(name: str, line: int = 0) -> None:
    state.set_url(state.IMAGE, name)
    state.set_url(state.LINE, str(line or ""))
