"""The labels that a run's model doubts: each in its picture, to be called right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import polars as pl
import streamlit as st

from dashboard import services, state
from dashboard.i18n import marked, tr, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.views.run.full_image import open_image, show_chosen
from dashboard.views.run.mistaken_images import Look, page_of
from dashboard.widgets.choosing import kind_of, one_of
from dashboard.widgets.formats import plural
from dashboard.widgets.mistakes.overlay import close_up_html
from dashboard.widgets.mistakes.tiles import tile_html
from pipeline.actions.doubtful_labels import DoubtfulLabel, described
from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.dataset.thumbnails import Picture
from pipeline.core.mistakes.marks import (
    VERDICTS,
    Mark,
    load_marks,
    remove_mark,
    save_mark,
    verdicts,
    whole_px,
)
from pipeline.core.spreadsheet import csv_text
from pipeline.core.volume.run_folder import RunFolder

_PAGE = 12
# A tile shows a part of the picture: it is asked for larger than the tile is.
_SIDE_PX, _ROOM_PX = 640, 230
_MOST_EXPORTED = 10_000
_OPEN, _ALL = "open", "all"
_SHOWN = {
    _OPEN: marked("To look at"),
    "wrong": marked("Wrong"),
    "right": marked("Right"),
    _ALL: marked("All"),
}
_KINDS = {
    "missing": marked("missing"),
    "spurious": marked("nothing there"),
    "class": marked("other class"),
    "box": marked("badly drawn"),
}


def show_doubtful(folder: RunFolder, seen: Seen, judged: Judged) -> None:
    """Show a page of the labels that fit the filters, most doubtful first."""
    with st.spinner(tr("Asking the model about the labels")):
        found = seen.doubtful
    if not len(found):
        st.info(tr("The model doubts no label."), icon=":material/rule:")
        return
    stored, marks = seen.stored, load_marks(folder)
    told = verdicts(stored.boxes, found["row"].to_list(), stored.names, marks)
    found = found.with_columns(pl.Series("mark", told, dtype=pl.String))
    shown = _filtered(found)
    look = Look(folder, stored.split)
    _export(folder, seen, shown, marks, look)
    if not len(shown):
        st.info(tr("No label fits the filter."), icon=":material/filter_alt:")
        return
    about = f"labels {state.url_text('marks')} {state.url_text('doubt')}"
    page, pages = page_of(len(shown), _PAGE, about)
    rows = shown[(page - 1) * _PAGE : page * _PAGE]
    labels = described(services.here().volume, folder, stored, rows)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda label: look(_SIDE_PX, label.image), labels))
    with st.container(key="doubtful-grid"):
        for number, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
            row = rows.row(number, named=True)
            with st.container(key=f"doubtful-tile-{number}"):
                _tile(seen, label, picture, row)
                _ask(folder, label, f"doubtful.mark.{row['row']}")
    if pages > 1:
        st.pagination(pages, key=state.PAGE, bind="query-params")
    order = shown.select(stored.boxes["image"].gather(shown["row"]).cast(pl.String))
    names = order.to_series().unique(maintain_order=True).to_list()
    show_chosen(look, stored.names, {folder.name: judged}, names)


def _filtered(found: pl.DataFrame) -> pl.DataFrame:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        which = one_of(
            tr("Marks"),
            {name: tr(text) for name, text in _SHOWN.items()},
            "marks",
            has_label=False,
            in_url=True,
        )
        if which == _OPEN:
            found = found.filter(pl.col("mark").is_null())
        elif which != _ALL:
            found = found.filter(pl.col("mark") == which)
        counts = dict(found["kind"].value_counts().iter_rows())
        kind = kind_of(tr("What is doubted"), counts, _KINDS, "doubt")
    return found.filter(pl.col("kind") == kind) if kind else found


def _export(
    folder: RunFolder, seen: Seen, shown: pl.DataFrame, marks: Sequence[Mark], look: Look
) -> None:
    wrong = sorted({mark.image for mark in marks if mark.verdict == "wrong"})
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            joined(" · ", [plural(len(shown), "label"), tr("most doubtful first")]), width="content"
        )
        st.download_button(
            "CSV",
            lambda: _csv(folder, seen, shown),
            file_name=f"{folder.name}-labels.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not len(shown),
            help=tr("What is listed here, at most {most:,} labels.", most=_MOST_EXPORTED),
        )
        st.download_button(
            tr("Images to correct"),
            lambda: "".join(f"{look.path(name)}\n" for name in wrong),
            file_name=f"{folder.name}-images.txt",
            mime="text/plain",
            icon=":material/download:",
            on_click="ignore",
            disabled=not wrong,
            help=tr("A list of the images whose labels are marked as wrong, a path a line."),
        )


def _csv(folder: RunFolder, seen: Seen, shown: pl.DataFrame) -> str:
    labels = described(services.here().volume, folder, seen.stored, shown.head(_MOST_EXPORTED))
    rows = [
        (label.image, label.line, label.kind, label.score, label.class_name, *label.box, label.mark)
        for label in labels
    ]
    columns = ["image", "line", "kind", "score", "class", "x1", "y1", "x2", "y2", "mark"]
    return csv_text(columns, rows)


def _tile(seen: Seen, label: DoubtfulLabel, picture: Picture | str, row: Mapping[str, Any]) -> None:
    names = seen.stored.names
    about = sorted({row["row"], row["against"]} - {None})  # the label, the prediction against it
    boxes = seen.stored.boxes[about].to_dicts()
    draw = partial(
        close_up_html,
        boxes=boxes,
        names=names,
        around=label.box,
        width_px=_ROOM_PX,
        described=label.image,
    )
    st.html(tile_html(picture, draw, f"{tr_text(_KINDS[label.kind])} {label.score:.2f}"))
    st.caption(_why(label, boxes, names))
    place = label.image.rpartition("/")[2] + (f":{label.line}" if label.line else "")
    if st.button(plain(place), key=f"doubtful.open.{row['row']}", type="tertiary"):
        open_image(label.image)


def _ask(folder: RunFolder, label: DoubtfulLabel, key: str) -> None:
    st.session_state[key] = label.mark
    st.segmented_control(
        tr("The label is"),
        VERDICTS,
        format_func=lambda verdict: tr(_SHOWN[verdict]),
        key=key,
        on_change=_mark,
        args=(folder, label, key),
        label_visibility="collapsed",
    )


def _why(
    label: DoubtfulLabel, boxes: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Markdown:
    seen = [box for box in boxes if box["role"] == "prediction"]
    called, conf = (names[seen[0]["class"]], f"{seen[0]['conf']:.2f}") if seen else ("", "")
    if label.kind == "missing":
        return tr("no label, but {seen} seen with {conf}", seen=called, conf=conf)
    if label.kind == "class":
        return tr(
            "{label}, but {seen} seen with {conf}", label=label.class_name, seen=called, conf=conf
        )
    if label.kind == "box":
        return tr("{label}, seen elsewhere with {conf}", label=label.class_name, conf=conf)
    return tr("{label}, but nothing seen", label=label.class_name)


def _mark(folder: RunFolder, label: DoubtfulLabel, key: str) -> None:
    verdict = st.session_state[key]
    mark = Mark(
        image=label.image,
        class_name=label.class_name,
        box=whole_px(label.box),
        kind=label.kind,
        verdict=verdict or "",
        line=label.line,
        by=services.here().settings.user,
    )
    if verdict:
        save_mark(folder, mark)
    else:
        remove_mark(folder, mark)
