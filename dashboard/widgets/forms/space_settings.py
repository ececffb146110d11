"""How a search goes about it: trials, their length, what judges them; and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.i18n import marked, tr, tr_text
from dashboard.plain import Markdown, joined
from dashboard.widgets.formats import plural
from dashboard.widgets.forms.cfg import shown_value
from dashboard.widgets.forms.space import SpaceForm, hold
from pipeline.core.space import edit as space_edit
from pipeline.core.space.cost import cost
from pipeline.core.space.form import METRICS, SCHEDULERS, SEARCHERS, is_real

_NAMES = {
    "tpe": marked("TPE"),
    "random": marked("random"),
    "asha": marked("ASHA"),
    "none": marked("none"),
}


def space_settings(form: SpaceForm) -> None:
    """Show the search's own settings to change."""
    searched = space_edit.entries(form.document)
    cfg_says = {
        key: tr_text("{value} (the cfg)", value=shown_value(form.current(key)))
        for key in ("epochs", "fraction")
    }
    asked = {key: tr("searched") if key in searched else cfg_says[key] for key in cfg_says}
    with st.container(key=f"cfg-fields-{form.scope}"):  # the grid of the settings' form
        _number(form, "trials", tr("Trials"), 1, 1000, help=tr("How many combinations are tried."))
        _number(form, "epochs", tr("Epochs a trial"), 1, 100_000, empty=asked["epochs"])
        _number(form, "fraction", tr("Share of the data"), 0.01, 1.0, empty=asked["fraction"])
        _number(
            form,
            "parallel",
            tr("Trials at a time"),
            1,
            64,
            help=tr("At most; they share the GPU and the CPUs of the step."),
        )
        _number(form, "time_limit_min", tr("Time cap, minutes"), 0.1, 1e5, empty=tr("no cap"))
        _choice(form, "metric", tr("Judged by"), METRICS)
        learns = tr("TPE learns from the trials before, random draws blindly.")
        _choice(form, "searcher", tr("Searcher"), SEARCHERS, help=learns)
        ends = tr("ASHA ends trials that lag behind; none lets every trial go to its end.")
        _choice(form, "scheduler", tr("Scheduler"), SCHEDULERS, help=ends)
        _number(form, "seed", tr("Seed of the search"), 0, 2**31)


def cost_text(document: Mapping[str, Any], cfg: Mapping[str, Any]) -> Markdown:
    """Say what a search costs against its training, in plain words; empty when that is not known.

    ``4 trials × 5 epochs: at most the work of 20 epochs, on top of the training's 100 epochs.``
    """
    told = cost(document, cfg)
    if told is None:
        return Markdown()
    parts = [plural(told.trials, "trial"), plural(told.epochs, "epoch")]
    if told.share != 1:
        parts.append(tr("{share:.0%} of the training's images", share=told.share))
    sentences = [
        tr(
            "{trials}: at most the work of {epochs}, on top of the training's {own}.",
            trials=joined(" × ", parts),
            epochs=_epochs(told.all_epochs),
            own=_epochs(told.training_epochs),
        )
    ]
    if space_edit.setting_of(document, "scheduler") == "asha":
        sentences.append(tr("ASHA ends trials that lag, so it is often less."))
    limit = space_edit.setting_of(document, "time_limit_min")
    if is_real(limit):
        sentences.append(tr("It ends after {limit:g} min.", limit=limit))
    return joined(" ", sentences)


def _epochs(count: float) -> Markdown:
    return plural(int(count) if count % 1 == 0 else float(f"{count:.3g}"), "epoch")


def _number(
    form: SpaceForm,
    name: str,
    label: Markdown,
    low: float,
    high: float,
    *,
    empty: str = "",
    help: Markdown | None = None,
) -> None:
    kind = type(low)
    value: Any = form.document.get(name) if empty else space_edit.setting_of(form.document, name)
    fits = is_real(value) and low <= value <= high and (kind is float or isinstance(value, int))
    widget = form.key("search", name)
    st.number_input(
        label,
        kind(low),
        kind(high),
        step={"fraction": 0.1, "time_limit_min": 10.0}.get(name, 1),
        format="%d" if kind is int else "%g",
        key=hold(widget, kind(value) if fits else None),
        placeholder=empty or "–",
        help=help,
        on_change=lambda: _set(form, name, st.session_state[widget]),
    )


def _choice(
    form: SpaceForm,
    name: str,
    label: Markdown,
    options: Sequence[str],
    help: Markdown | None = None,
) -> None:
    value = space_edit.setting_of(form.document, name)
    widget = form.key("search", name)
    st.selectbox(
        label,
        list(options),
        key=hold(widget, value if value in options else None),
        placeholder=str(value),
        help=help,
        format_func=lambda option: tr(_NAMES[option]) if option in _NAMES else option,
        on_change=lambda: _set(form, name, st.session_state[widget]),
    )


def _set(form: SpaceForm, name: str, value: Any) -> None:
    form.on_change(space_edit.with_setting(form.document, name, value))
