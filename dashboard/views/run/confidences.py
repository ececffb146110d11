"""What each confidence gives: curves, the best of each class, sizes, and which one to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard.i18n import tr, tr_said_text, tr_text
from dashboard.plain import Markdown, joined, plain
from dashboard.theme import colours
from dashboard.views.run.operating_point import show_operating_point
from dashboard.widgets.mistakes.curves import show_curves
from dashboard.widgets.mistakes.slices import name_column
from dashboard.widgets.mistakes.words import FATES, Cell, cell_title
from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.mistakes.dimensions import SHARE_WORDS, SIZE_WORDS
from pipeline.core.mistakes.size import OfSize
from pipeline.core.mistakes.sums import matrix
from pipeline.core.mistakes.threshold import Threshold
from pipeline.core.volume.run_folder import RunFolder

_Look = Callable[[str, Cell | None], None]


def show_confidence(
    run: str,
    folder: RunFolder,
    seen: Seen,
    judged: Judged,
    conf: float,
    take: Callable[[float], None],
    look: _Look,
) -> None:
    """Show what each confidence gives, and let people choose one.

    Parameters
    ----------
    run, folder
        The run and its files.
    judged, conf
        What became of the boxes at the confidence that the tab shows.
    take
        Makes the tab show another.
    look
        Makes the tab show the images of a kind of mistake, or of a cell of the matrix.
    """
    if seen.best is None:
        st.info(tr("Without targets there is nothing to weigh."), icon=":material/rule:")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        _show_curves(seen, judged, conf, take, look)
    with right:
        _show_best(seen, seen.best)
        st.markdown(tr("**By size of the target**"))
        _show_sizes(SIZE_WORDS, seen.sizes)
        _show_sizes(SHARE_WORDS, seen.shares)
        st.caption(
            tr(
                "Precision and recall are at IoU 0.5. Sizes are COCO's: areas of boxes in the "
                "original image."
            )
        )
    show_operating_point(run, folder, seen, conf, take)


def _show_curves(
    seen: Seen, judged: Judged, conf: float, take: Callable[[float], None], look: _Look
) -> None:
    labels, measured = seen.stored.names, seen.measured
    names = {"": tr("all classes")} | {
        str(at): plain(labels[number]) for at, number in enumerate(measured.classes)
    }
    chosen = st.selectbox(
        tr("Class"), list(names), format_func=names.__getitem__, key="class_of_curves"
    )
    number = int(chosen) if chosen else None
    show_curves(measured, conf, number, colours(), take, least=seen.least)
    st.caption(tr("Click a point of a curve to set its confidence."))
    of_class = None if number is None else int(measured.classes[number])
    _show_ways(judged, conf, labels, of_class, look)


def _show_ways(
    judged: Judged, conf: float, labels: Sequence[str], class_id: int | None, look: _Look
) -> None:
    """Lead to the images of what is missed, and of false alarms, at the confidence."""
    ways: list[tuple[Markdown, int, str, Cell | None]] = []
    if class_id is None:
        kinds = ("missed", "background")
        ways += [(tr(FATES[kind]), judged.counts[kind], kind, None) for kind in kinds]
    else:
        counts = matrix(judged.boxes, labels)["counts"]
        cells: dict[Cell, int] = {
            (class_id, None): counts[class_id][-1],
            (None, class_id): counts[-1][class_id],
        }
        ways += [(cell_title(cell, labels), count, "", cell) for cell, count in cells.items()]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(tr("Images at confidence {conf}:", conf=f"{conf:.2f}"), width="content")
        for number, (words, count, kind, cell) in enumerate(ways):
            st.button(
                joined(" ", [words, Markdown(f"{count:,}")]),
                key=f"mistakes.way.{number}",
                icon=":material/image_search:",
                type="tertiary",
                disabled=not count,
                on_click=look,
                args=(kind, cell),
            )


def _show_best(seen: Seen, best: Threshold) -> None:
    st.markdown(tr("**Where F1 is best**"))
    table = _thresholds([(tr_text("all"), best), *seen.best_by_class.items()])
    columns = {name: st.column_config.NumberColumn(format="%.3f") for name in table.columns[1:]}
    columns[table.columns[0]] = name_column(table[table.columns[0]])
    st.dataframe(table, hide_index=True, placeholder="–", height="content", column_config=columns)


def _show_sizes(words: Sequence[str], sizes: Mapping[str, OfSize]) -> None:
    rows = [
        (tr_said_text(word), of.instances, of.ap)
        for word, of in zip(words, sizes.values(), strict=True)
    ]
    st.dataframe(
        pd.DataFrame(rows, columns=[tr_text("size"), tr_text("instances"), "AP50-95"]),
        hide_index=True,
        placeholder="–",
        column_config={"AP50-95": st.column_config.NumberColumn(format="%.3f")},
    )


def _thresholds(rows: list[tuple[str, Threshold | None]]) -> pd.DataFrame:
    cells = [
        (name, *((at.conf, at.precision, at.recall, at.f1) if at else (None,) * 4))
        for name, at in rows
    ]
    columns = ("class", "confidence", "precision", "recall")
    return pd.DataFrame(cells, columns=[*(tr_text(name) for name in columns), "F1"])
