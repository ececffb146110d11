"""What each confidence gives: curves, the best of each class, sizes, and which one to use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from dashboard.i18n import tr, tr_said_text, tr_text
from dashboard.plain import plain
from dashboard.theme import colours
from dashboard.views.run.operating_point import show_operating_point
from dashboard.widgets.mistakes.charts import show_confidences
from dashboard.widgets.mistakes.slices import name_column
from pipeline.actions.mistakes import Seen
from pipeline.core.mistakes.dimensions import SHARE_WORDS, SIZE_WORDS
from pipeline.core.mistakes.size import OfSize
from pipeline.core.mistakes.threshold import Threshold
from pipeline.core.volume.run_folder import RunFolder


def show_confidence(
    run: str,
    folder: RunFolder,
    seen: Seen,
    conf: float,
    best: Threshold | None,
    take: Callable[[float], None],
) -> None:
    """Show what each confidence gives, and let people choose one.

    Parameters
    ----------
    run, folder
        The run and its files.
    conf, best
        The confidence that the tab shows, and the one of the best F1.
    take
        Makes the tab show another.
    """
    if best is None:
        st.info(tr("Without targets there is nothing to weigh."), icon=":material/rule:")
        return
    labels, measured = seen.stored.names, seen.measured
    left, right = st.columns(2, gap="medium")
    with left:
        names = {"": tr("all classes")} | {
            str(at): plain(labels[number]) for at, number in enumerate(measured.classes)
        }
        chosen = st.selectbox(
            tr("Class"), list(names), format_func=names.__getitem__, key="class_of_curves"
        )
        number = int(chosen) if chosen else None
        show_confidences(measured, conf, number, colours(), take, least=seen.least)
    with right:
        st.markdown(tr("**Where F1 is best**"))
        rows = [(tr_text("all"), best), *seen.best_by_class.items()]
        table = _thresholds(rows)
        columns = {name: st.column_config.NumberColumn(format="%.3f") for name in table.columns[1:]}
        columns[table.columns[0]] = name_column(table[table.columns[0]])
        st.dataframe(
            table, hide_index=True, placeholder="–", height="content", column_config=columns
        )
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
