"""What a run was asked for, what it did, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.i18n import marked, tr
from dashboard.plain import plain
from dashboard.widgets.choosing import text_filter
from dashboard.widgets.formats import ago, plural
from pipeline.actions.runs.lineage import Lineage, origin_trial

# The verdicts of train/applied.json, what needs a look first.
_VERDICTS = {
    "different": marked("✕ different"),
    "resolved": marked("≈ worked out"),
    "equal": marked("✓ equal"),
}
_NOW = {
    "same": marked("✓ unchanged"),
    "changed": marked("✎ changed since"),
    "gone": marked("✕ gone"),
}


def show_settings(params: Mapping[str, str], applied: Mapping[str, Any] | None) -> None:
    """Show what was asked for beside what training applied; until it is over, its parameters."""
    if applied:
        _show_applied(applied)
        return
    if not params:
        st.info(tr("Parameters appear here when training starts."), icon=":material/tune:")
        return
    st.caption(tr("Whether training applied them is known when it is over."))
    table = pd.DataFrame({tr("parameter"): list(params), tr("value"): list(params.values())})
    st.dataframe(table, hide_index=True, height=420)


def _show_applied(applied: Mapping[str, Any]) -> None:
    different, settings = applied["different"], applied["settings"]
    if different:
        names = ", ".join(different)
        st.error(
            tr("Training did not apply what was asked for: {names}.", names=names),
            icon=":material/error:",
        )
    else:
        count = plural(len(settings), "setting")
        st.success(
            tr("Requested = applied: {count}, none different.", count=count),
            icon=":material/check:",
        )
    st.caption(tr("≈ Ultralytics works this value out, such as lr0 under optimizer=auto."))
    text = text_filter(tr("setting"), "settings_filter").lower()
    rows = [
        (tr(_VERDICTS[verdict]), name, _text(entry["requested"]), _text(entry["applied"]))
        for verdict in _VERDICTS
        for name, entry in settings.items()
        if entry["verdict"] == verdict and text in name.lower()
    ]
    table = pd.DataFrame(
        rows, columns=[tr("verdict"), tr("setting"), tr("requested"), tr("applied")]
    )
    st.dataframe(table, hide_index=True, height=min(38 + 35 * max(len(rows), 1), 420))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def show_lineage(origin: Lineage | None) -> str:
    """Show where a run comes from; give the run that the person wants to open, or nothing."""
    if origin is None:
        st.info(
            tr(
                "The launch of this run is not recorded: it was started in the engine's "
                "own UI, or its verify step is not done."
            ),
            icon=":material/account_tree:",
        )
        return ""
    record = origin.record
    st.caption(
        tr(
            "{user} · asked for {ago} · Slipway {code_version} · experiment {experiment}",
            user=record.user,
            ago=ago(record.created_at),
            code_version=record.code_version,
            experiment=record.choices.experiment,
        )
    )
    chosen = ""
    tuned, trial = origin_trial(record)
    for label, run in (
        (tr("Cloned from"), record.cloned_from),
        (tr("Weights from"), origin.model_run),
        (tr("Values of {trial} of", trial=trial), tuned),
        *(
            (tr("Values of its {trial} in", trial=name), other)
            for other, name in origin.of_its_trials.items()
        ),
    ):
        if run and st.button(
            f"{label} {plain(run)}", icon=":material/history:", key=f"{label} {run}"
        ):
            chosen = run
    rows = [(entry.kind, entry.name, entry.sha256[:12], _now(entry.now)) for entry in origin.files]
    if record.dataset_fingerprint:
        digest = record.dataset_fingerprint[:12]
        now = _now(origin.dataset_now)
        rows.append(("dataset", tr("split lists and labels"), digest, now))
    table = pd.DataFrame(
        rows, columns=[tr("used"), tr("name"), tr("digest at launch"), tr("on the volume now")]
    )
    st.dataframe(table, hide_index=True)
    if record.choices.overrides:
        st.caption(tr("Changed for this launch"))
        st.code("\n".join(f"{key}={value}" for key, value in record.choices.overrides.items()))
    return chosen


def _now(found: str) -> str:
    return tr(_NOW[found]) if found else ""
