"""The boxes of an image as a table, of which one can be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import tr, tr_text
from dashboard.widgets.mistakes.words import fate_of
from dashboard.widgets.rows import rows_key


def choose_box(
    boxes: Sequence[Mapping[str, Any]], labels: Sequence[str], name: str
) -> Mapping[str, Any] | None:
    """Show the boxes as a table; give the one that is chosen, to be seen close up."""
    two = st.column_config.NumberColumn(format="%.2f")
    event: Any = st.dataframe(
        _table(boxes, labels),
        hide_index=True,
        placeholder="",
        column_config={tr_text("confidence"): two, "IoU": two},
        on_select="rerun",
        selection_mode="single-row",
        key=rows_key("mistakes.boxes", [name, *(tuple(box.values()) for box in boxes)]),
    )
    st.caption(tr("Choose a box to see it close up."))
    return next((boxes[row] for row in event["selection"]["rows"]), None)


def _table(boxes: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> pd.DataFrame:
    roles = {"target": tr_text("label"), "prediction": tr_text("prediction")}
    return pd.DataFrame(
        {
            tr_text("box"): [roles[box["role"]] for box in boxes],
            tr_text("class"): [labels[box["class"]] for box in boxes],
            tr_text("confidence"): [box["conf"] for box in boxes],
            "IoU": [box["iou"] for box in boxes],
            tr_text("became"): [fate_of(box) for box in boxes],
        }
    )
