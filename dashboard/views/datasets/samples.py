"""Images of a dataset with their boxes: a grid to leaf through, and one at full size."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import streamlit as st

from dashboard import state
from dashboard.errors import guarded
from dashboard.i18n import marked, tr, tr_said_text
from dashboard.plain import Markdown, plain
from dashboard.views.datasets.image import looker, note_of, open_image, wanted
from dashboard.widgets.dataset.boxes import picture_html
from dashboard.widgets.formats import plural
from dashboard.widgets.paging import first_page, page_at
from pipeline.core.dataset.read import DatasetReport
from pipeline.core.dataset.samples import Look, Samples

_PAGE = 24
_TILE_PX = 320
# About the room that it has on the screen, for names and lines neither thin nor huge.
_ROOM_PX = (210, 170)
_NAMES_A_TILE = 8
_KINDS = {
    "labelled": marked("with boxes"),
    "background": marked("backgrounds"),
}


@st.fragment
@guarded
def show_samples(report: DatasetReport, samples: Samples) -> None:
    """Show a page of the images that fit the filters."""
    _filters(report, samples)
    chosen = samples.choose(wanted(samples))
    pages = max(-(-len(chosen) // _PAGE), 1)
    page = page_at(pages)
    if not len(chosen):
        st.info(tr("No image fits the filters."), icon=":material/filter_alt:")
        return
    st.caption(
        tr(
            "{images} · click one to see it with its label lines",
            images=plural(len(chosen), "image"),
        )
    )
    _grid(report, samples, [int(index) for index in chosen[(page - 1) * _PAGE : page * _PAGE]])
    if pages > 1:
        st.pagination(pages, key=state.PAGE, bind="query-params")


def _filters(report: DatasetReport, samples: Samples) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _select(tr("Split"), "split", {name: name for name in report.splits}, 130)
        _select(tr("Images"), "kind", {name: tr(text) for name, text in _KINDS.items()}, 160)
        classes = {str(index): name for index, name in report.names.items()}
        _select(tr("Class"), "class", classes, 220)
        _select(tr("Finding"), "code", {name: name for name in samples.codes()}, 220)


def _select(label: Markdown, key: str, options: Mapping[str, str], width: int) -> None:
    widget = state.seed(key, "", ["", *options])
    chosen = st.selectbox(
        label,
        ["", *options],
        format_func=lambda name: options[name] if name else tr("all"),
        key=widget,
        width=width,
        on_change=first_page,
    )
    state.publish(key, chosen)


def _grid(report: DatasetReport, samples: Samples, indices: Sequence[int]) -> None:
    paths = [samples.images[index] for index in indices]
    with ThreadPoolExecutor(4) as pool:
        tiles = list(pool.map(looker(report, samples, _TILE_PX), paths))
    with st.container(key="samples-grid"):
        for number, (index, tile) in enumerate(zip(indices, tiles, strict=True)):
            name = samples.name_of(index)
            with st.container(key=f"samples-tile-{number}"):
                st.html(_tile_html(report, tile, name))
                label = f"{plain(name.rpartition('/')[2])} :gray[{plain(samples.split_of(index))}]"
                if st.button(label, key=f"samples.open.{number}", type="tertiary"):
                    open_image(name)


def _tile_html(report: DatasetReport, look: Look, name: str) -> str:
    if look.picture is None:
        inner = (
            f'<div class="samples-broken"><b>{html.escape(tr("cannot be shown"))}</b>'
            f"<span>{html.escape(tr_said_text(look.mistake))}</span></div>"
        )
    else:
        inner = picture_html(
            look.picture,
            look.lines,
            report.names,
            room_px=_ROOM_PX,
            most_names=_NAMES_A_TILE,
            described=name,
        )
    note = note_of(look)
    badge = f'<span class="samples-note">{html.escape(note)}</span>' if note else ""
    return f'<div class="samples-picture">{inner}{badge}</div>'
