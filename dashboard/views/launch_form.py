"""The launch form: what is chosen, from the URL, this session and the user's last visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from dashboard import preferences, services, state
from dashboard.widgets.cfg_form import override_text
from pipeline.core.launch import Choices
from pipeline.core.volume import Kind

_DEFAULTS = Choices()
_PICKED: tuple[Kind, ...] = ("model", "cfg", "data")
_SWITCHES = ("train", "tune")
_RESOURCES = ("gpus", "cpus", "mem_gb", "shm_size", "experiment", "name")
_REMEMBERED = (*_PICKED, *_SWITCHES, "tune_space", "gpus", "cpus", "mem_gb", "experiment")


def restore(cloned: Choices | None) -> None:
    """Fill the form in before its fields are made.

    From a run to clone; else from the URL alone when it says something, so that a link shows
    everybody the same; else as it was left in this session, or at the user's last visit.
    """
    st.session_state.setdefault("launch.last", {})
    if cloned is not None:
        for entry in fields(Choices):
            if entry.name != "overrides":
                state.fill(entry.name, getattr(cloned, entry.name))
        texts = [f"{key}={override_text(item)}" for key, item in cloned.overrides.items()]
        state.set_url(state.OVERRIDES, texts)
    elif not st.query_params:
        settings = services.settings()
        last = preferences.load(settings.state, services.user()).get("launch")
        st.session_state["launch.last"] = last if isinstance(last, dict) else {}
        draft: Mapping[str, str | list[str]] = st.session_state.get("launch.draft", {})
        for key, value in draft.items():
            state.set_url(key, value)


def keep() -> None:
    """Remember the form for this session, so that a look at another page loses nothing."""
    keys = [entry.name for entry in fields(Choices) if entry.name != "overrides"]
    draft: dict[str, str | list[str]] = {key: state.url_text(key) for key in keys}
    st.session_state["launch.draft"] = draft | {state.OVERRIDES: state.url_texts(state.OVERRIDES)}


def pickers() -> dict[str, Any]:
    """Show what the volume offers and give what is chosen; None where there is nothing."""
    last = _last()
    columns = st.columns([6, 5, 5])
    picked: dict[str, Any] = {}
    for column, kind, label in zip(columns, _PICKED, ("Model", "Cfg", "Data"), strict=True):
        names = services.choices(kind)
        fallback = last.get(kind) if last.get(kind) in names else next(iter(names), None)
        key = state.seed(kind, fallback, names)
        picked[kind] = column.selectbox(label, names, key=key, placeholder=f"no {kind} yet")
        state.publish(kind, picked[kind])
    return picked


def switches() -> dict[str, Any]:
    """Show Train and Tune; Tune says why it is not there without Train."""
    last = _last()
    train = st.toggle("Train", key=state.seed("train", last.get("train", True)))
    state.publish("train", train, True)
    key = state.seed("tune", last.get("tune", False))
    if not train:
        st.session_state[key] = False
    tune = st.toggle("Tune after training", key=key, disabled=not train)
    state.publish("tune", tune, False)
    space = ""
    if not train:
        st.caption("Tuning starts from the weights that Train makes: switch Train on first.")
    elif tune:
        space = _space_picker(last)
    return {"train": train, "tune": tune, "tune_space": space}


def resources() -> dict[str, Any]:
    """Show what the steps ask of the machine, and where the run is tracked."""
    last = _last()
    keys = {name: state.seed(name, last.get(name, getattr(_DEFAULTS, name))) for name in _RESOURCES}
    values: dict[str, Any] = {}
    row = st.columns(2)
    values["gpus"] = row[0].number_input("GPUs", 0, 64, key=keys["gpus"], help="0 trains on CPU.")
    values["cpus"] = row[1].number_input("CPUs", 0, 512, key=keys["cpus"], help="0: no request.")
    row = st.columns(2)
    values["mem_gb"] = row[0].number_input(
        "Memory, GB", 0, 4096, key=keys["mem_gb"], help="0: no request."
    )
    values["shm_size"] = row[1].text_input(
        "Shared memory", key=keys["shm_size"], help="Size of /dev/shm, such as 1Gi."
    )
    values["experiment"] = st.text_input("MLflow experiment", key=keys["experiment"])
    values["name"] = st.text_input(
        "Name", key=keys["name"], placeholder="from data and model", help="Part of the launch id."
    )
    for name, value in values.items():
        state.publish(name, value, getattr(_DEFAULTS, name))
    return values


def remember(choices: Choices) -> None:
    """Keep these choices for the user's next visit."""
    settings = services.settings()
    values = {name: getattr(choices, name) for name in _REMEMBERED}
    preferences.remember(settings.state, services.user(), launch=values)


def _last() -> dict[str, Any]:
    return dict(st.session_state["launch.last"])


def _space_picker(last: Mapping[str, Any]) -> str:
    names = ["", *services.choices("tune")]
    space = st.selectbox(
        "Search space",
        names,
        key=state.seed("tune_space", last.get("tune_space", ""), names),
        format_func=lambda name: name or "default, around the current values",
    )
    state.publish("tune_space", space, "")
    return str(space or "")
