"""Which runs used a dataset, and whether it changed since."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import services, state
from dashboard.i18n import marked, tr
from dashboard.plain import joined
from dashboard.widgets.formats import ago, exact, plural, share
from dashboard.widgets.rows import rows_key
from pipeline.actions.runs.dataset_runs import DatasetRun, best_run, runs_of_dataset

_NOW = {
    "same": marked("✓ same labels and lists"),
    "changed": marked("✎ changed since"),
    "": marked("not recorded"),
}


def show_runs(path: str, fingerprint: str) -> None:
    """List the runs that used a dataset, with how good they got and whether the data changed."""
    found = runs_of_dataset(services.here(), path, fingerprint)
    if not found:
        st.info(
            tr(
                "No run used this dataset yet. Each one is listed here with whether the data "
                "changed since."
            ),
            icon=":material/history:",
        )
        return
    changed = sum(entry.dataset_now == "changed" for entry in found)
    said = tr(
        "{runs} used this data yaml; the dataset changed since {changed} of them.",
        runs=plural(len(found), "run"),
        changed=changed,
    )
    if best := best_run(found):
        told = tr(
            "Best mAP50-95 on the data as it is now: **{value}** by {run}.",
            value=share(best.best_map),
            run=best.run,
        )
        said = joined(" ", [said, told])
    st.markdown(said)
    event = st.dataframe(
        pd.DataFrame([_run_row(entry) for entry in found]),
        hide_index=True,
        column_config={
            "mAP50-95": st.column_config.NumberColumn(format="%.3f", help=tr("Best on val so far"))
        },
        height=min(38 + 35 * len(found), 520),
        on_select="rerun",
        selection_mode="single-cell",
        key=rows_key(f"datasets.runs.{path}", [entry.run for entry in found]),
    )
    selection: Any = event["selection"]
    if selection["cells"]:
        state.open_run(found[selection["cells"][0][0]].run)


def _run_row(entry: DatasetRun) -> dict[str, str | float | None]:
    record = entry.record
    return {
        tr("launch"): entry.run,
        "mAP50-95": entry.best_map,
        tr("dataset"): tr(_NOW[entry.dataset_now]),
        tr("data yaml"): tr(_NOW[entry.yaml_now]),
        tr("model"): record.choices.model,
        tr("by"): record.user,
        tr("asked for"): ago(record.created_at),
        tr("at"): exact(record.created_at),
    }
