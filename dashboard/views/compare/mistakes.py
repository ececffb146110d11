"""What another run's test fixed and broke: whether it is chance, by class, and image by image."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import polars as pl
import streamlit as st

from dashboard import state
from dashboard.i18n import marked, tr, tr_said_text, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.views.run.full_image import open_image, show_chosen
from dashboard.views.run.mistaken_images import PAGE_IMAGES, Look, page_of
from dashboard.widgets.formats import plural
from dashboard.widgets.mistakes.confidence import MOST_CONF, least_on_slider
from dashboard.widgets.mistakes.pair import left_out, sentence
from dashboard.widgets.mistakes.slices import DIMENSIONS
from dashboard.widgets.mistakes.tiles import TILE_PX, boxes_of, tile
from pipeline.actions.mistaken_pair import Changes, SeenPair
from pipeline.actions.mistakes import Judged
from pipeline.actions.runs.compare import Comparison
from pipeline.actions.runs.same_data import same_data
from pipeline.core.mistakes.bootstrap import Paired
from pipeline.core.mistakes.stored import read_stored
from pipeline.core.mistakes.table import CONF
from pipeline.core.volume.run_folder import RunFolder

_GROUPS = {
    "fixed": marked("fixed"),
    "broken": marked("broken"),
    "still_wrong": marked("still wrong"),
    "still_right": marked("still right"),
}
_Stamps = tuple[int, int]


def show_pair(found: Comparison, baseline: str, other: str) -> None:
    """Show what the test of a run got right and wrong that the baseline's did not."""
    folders = _folders(found, (baseline, other))
    if folders is None:
        return
    before, after = folders
    paths = str(before.path), str(after.path)
    stamps = before.boxes.stat().st_mtime_ns, after.boxes.stat().st_mtime_ns
    seen = _seen(paths, stamps)
    if differs := left_out(seen.common.differs, same_data(folders), (baseline, other)):
        st.warning(differs, icon=":material/difference:")
    answer = st.empty()  # on many images it takes a while
    least = least_on_slider(seen.least)
    conf = st.slider(
        tr("Confidence"),
        least,
        MOST_CONF,
        max(CONF, least),
        0.01,
        key="conf",
        bind="query-params",
        width=320,
        help=tr("Predictions of less do not count below."),
    )
    changes = _changes(paths, stamps, float(conf))
    group = _group(changes)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        _show_slices(seen, changes)
    with right:
        _show_images(after, seen, changes, group, (baseline, other))
    with answer:
        st.markdown(sentence(_measured(paths, stamps)))


def _folders(found: Comparison, runs: Sequence[str]) -> tuple[RunFolder, RunFolder] | None:
    """Give the folders of both runs, or say of which there is nothing to compare."""
    folders = [found.runs[run].facts.folder for run in runs]
    before, after = folders
    if before and after and all(_has_tables(folder) for folder in (before, after)):
        return before, after
    for run, folder in zip(runs, folders, strict=True):
        if folder is None:
            text = tr("{run} was not launched by Slipway, so its mistakes are not known.", run=run)
            st.info(text, icon=":material/rule:")
        elif not _has_tables(folder):
            text = tr(
                "The test of {run} did not keep what it saw, or is not finished. Its own tab "
                "Mistakes says what can be done.",
                run=run,
            )
            st.info(text, icon=":material/rule:")
            state.link_runs([run], plain(run))
    return None


def _has_tables(folder: RunFolder) -> bool:
    return folder.boxes.is_file() and folder.tested_images.is_file()


# A process holds few: two tests of 100,000 images take 400 MB.
@st.cache_resource(max_entries=2, show_spinner=False)
def _seen(folders: tuple[str, str], stamps: _Stamps) -> SeenPair:
    with st.spinner(tr("Reading what both tests saw")):
        return SeenPair(*(read_stored(RunFolder(Path(folder))) for folder in folders))


@st.cache_resource(max_entries=2, show_spinner=False)
def _changes(folders: tuple[str, str], stamps: _Stamps, conf: float) -> Changes:
    return _seen(folders, stamps).at(conf)


@st.cache_resource(max_entries=64, show_spinner=False)
def _measured(folders: tuple[str, str], stamps: _Stamps) -> Paired:
    with st.spinner(tr("Drawing the images again and again")):
        return _seen(folders, stamps).measured


def _group(changes: Changes) -> str:
    """Offer the groups of images, with how many are in each."""
    key = state.seed("changed", "fixed", list(_GROUPS))
    chosen = st.pills(
        tr("Images"),
        list(_GROUPS),
        format_func=lambda name: joined(
            " ", [tr(_GROUPS[name]), Markdown(f"{len(changes.groups[name]):,}")]
        ),
        required=True,
        key=key,
        label_visibility="collapsed",
    )
    state.publish("changed", chosen, "fixed")
    return str(chosen)


def _show_slices(seen: SeenPair, changes: Changes) -> None:
    """Show by class, or another property, what was fixed and broken; what lost most comes first."""
    key = state.seed("slices", "class", list(DIMENSIONS))
    name = st.selectbox(
        tr("Slices by"), list(DIMENSIONS), format_func=lambda name: tr(DIMENSIONS[name]), key=key
    )
    state.publish("slices", name, "class")
    rows = seen.by(changes, name).rows()
    if not rows:
        st.info(tr("These images have no targets."), icon=":material/rule:")
        return
    cells = [
        (tr_said_text(label), targets, fixed, broken, fixed - broken)
        for label, targets, fixed, broken in rows
    ]
    if name == "class":
        cells.sort(key=lambda row: row[-1])
    columns = [tr_text(DIMENSIONS[name]), tr_text("instances")]
    columns += [tr_text("fixed"), tr_text("broken"), tr_text("net")]
    st.dataframe(pd.DataFrame(cells, columns=columns), hide_index=True)
    st.caption(tr("Targets that are found, of the right class, in one of the tests only."))


def _show_images(
    folder: RunFolder, seen: SeenPair, changes: Changes, group: str, runs: tuple[str, str]
) -> None:
    """Show a page of images, each with what either run found on it."""
    names = changes.groups[group]
    if not names:
        st.info(tr("No image has it."), icon=":material/filter_alt:")
        return
    page, pages = page_of(len(names), PAGE_IMAGES, group)
    shown = names[(page - 1) * PAGE_IMAGES : page * PAGE_IMAGES]
    order = tr("left {before}, right {after}", before=runs[0], after=runs[1])
    st.caption(joined(" · ", [plural(len(names), "image"), tr(_GROUPS[group]), order]))
    look = Look(folder, seen.common.after.split)
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(partial(look, TILE_PX), shown))
    labels, tests = seen.common.before.names, (changes.before, changes.after)
    sides = [(boxes_of(test, shown), _rows(test, shown)) for test in tests]
    with st.container(key="pairs-grid"):
        for number, (name, picture) in enumerate(zip(shown, pictures, strict=True)):
            tiles = "".join(tile(picture, boxes[name], labels, rows[name]) for boxes, rows in sides)
            with st.container(key=f"samples-tile-pair-{number}"):
                st.html(f'<div class="mistakes-pair">{tiles}</div>')
                short = plain(name.rpartition("/")[2])
                if st.button(short, key=f"pair.open.{number}", type="tertiary"):
                    open_image(name)
    if pages > 1:
        st.pagination(pages, key=state.PAGE, bind="query-params")
    show_chosen(look, labels, dict(zip(runs, tests, strict=True)), names)


def _rows(judged: Judged, names: Sequence[str]) -> dict[str, dict[str, object]]:
    rows = judged.images.filter(pl.col("image").cast(pl.String).is_in(names))
    return {str(row["image"]): row for row in rows.iter_rows(named=True)}
