"""The launch form: what is chosen, from the URL, this session and the user's last visit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from dashboard import preferences, services, state
from dashboard.i18n import tr, tr_text
from dashboard.plain import Markdown, plain
from dashboard.views.launch import space as launch_space
from dashboard.views.launch import team_preset as launch_team_preset
from dashboard.widgets.forms.cfg import override_text
from pipeline.core.engines import traits_of
from pipeline.core.findings import Finding, error
from pipeline.core.launch.choices import FILES, Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.official_weights import official_name
from pipeline.core.volume.paths import Kind

_DEFAULTS = Choices()
_SWITCHES = ("train", "tune")
_RESOURCES = ("gpus", "cpus", "mem_gb", "shm_size", "experiment", "name")
_PLACEMENT = ("node_selector", "tolerations")
SWEEP_FIELDS = ("sweep", "models", "cfgs", "seeds", "sweep_name")
_REMEMBERED = (
    *(*FILES, *_SWITCHES, *_PLACEMENT),
    *("tune_space", "gpus", "cpus", "mem_gb", "experiment"),
)


def restore(cloned: Choices | None, engine: str) -> None:
    """Fill the form in before its fields are made.

    From a run to clone, and where it ran; else from the URL alone when it says something, so that
    a link shows everybody the same; else as it was left in this session, or at the user's last
    visit. Where none of them says anything about settings, those of the team's preset.
    """
    st.session_state.setdefault("launch.last", {})
    if cloned is not None:
        for entry in fields(Choices):
            is_unset = entry.name in FILES and not getattr(cloned, entry.name)
            if entry.name != "overrides" and not is_unset:  # a run that built a model has no data
                state.fill(entry.name, _as_text(getattr(cloned, entry.name)))
        if engine in services.here().settings.engines:
            state.fill("engine", engine)
        texts = [f"{key}={override_text(item)}" for key, item in cloned.overrides.items()]
        state.set_url(state.OVERRIDES, texts)
        return
    if not st.query_params:
        settings = services.here().settings
        last = preferences.load(settings.state, services.user()).get("launch")
        st.session_state["launch.last"] = last if isinstance(last, dict) else {}
        draft: Mapping[str, str | list[str]] = st.session_state.get("launch.draft", {})
        for key, value in draft.items():
            state.set_url(key, value)
    if not state.url_text(state.CLONE) and not all(map(state.url_text, FILES)):
        launch_team_preset.begin()  # an address of a form that was shown names all three


def keep() -> None:
    """Remember the form for this session, so that a look at another page loses nothing."""
    keys = ["engine", *SWEEP_FIELDS]
    keys += [entry.name for entry in fields(Choices) if entry.name != "overrides"]
    draft: dict[str, str | list[str]] = {key: state.url_text(key) for key in keys}
    st.session_state["launch.draft"] = draft | {state.OVERRIDES: state.url_texts(state.OVERRIDES)}


def pickers() -> tuple[dict[str, Any], str]:
    """Show what the volume offers, and the engines when there are several.

    Returns
    -------
    tuple
        What is chosen, None where there is nothing; the engine.
    """
    last, settings = _last(), services.here().settings
    is_choice = len(settings.engines) > 1
    columns = st.columns([6, 5, 5, *([3.4] if is_choice else [])])
    picked: dict[str, Any] = {}
    for column, kind, label in zip(
        columns, FILES, (tr("Model"), tr("Cfg"), tr("Data")), strict=False
    ):
        names = _offered(kind)
        fallback = last.get(kind) if last.get(kind) in names else next(iter(names), None)
        key = state.seed(kind, fallback, names)
        value = st.session_state[key]
        # A browser that missed the run which made the field shows what the field begins with.
        index = names.index(value) if value in names else None
        picked[kind] = column.selectbox(
            label, names, index, key=key, placeholder=tr_text("no {kind} yet", kind=kind)
        )
        state.publish(kind, picked[kind])
    if not is_choice:
        return picked, settings.engine
    fallback = last["engine"] if last.get("engine") in settings.engines else settings.engine
    key = state.seed("engine", fallback, settings.engines)
    engine = columns[3].segmented_control(
        tr("Engine"),
        settings.engines,
        format_func=plain,
        default=st.session_state[key],
        key=key,
        required=True,
    )
    state.publish("engine", engine)
    return picked, str(engine)


def switches() -> dict[str, Any]:
    """Show Train and Tune; Tune says why it is not there without Train."""
    last = _last()
    train = st.toggle(tr("Train"), key=state.seed("train", last.get("train", True)))
    state.publish("train", train, True)
    key = state.seed("tune", last.get("tune", False))
    if not train:
        st.session_state[key] = False
    tune = st.toggle(tr("Tune after training"), key=key, disabled=not train)
    state.publish("tune", tune, False)
    space = ""
    if not train:
        st.caption(tr("Tuning starts from the weights that Train makes: switch Train on first."))
    elif tune:
        space = launch_space.picker(last)
    return {"train": train, "tune": tune, "tune_space": space}


def resources(engine: str) -> tuple[dict[str, Any], list[Finding]]:
    """Show what the steps ask of the machine, and where the run is tracked.

    Returns
    -------
    tuple
        Choices, and what in the fields cannot be read.
    """
    last = _last()
    keys = {name: state.seed(name, last.get(name, getattr(_DEFAULTS, name))) for name in _RESOURCES}
    values: dict[str, Any] = {}
    row = st.columns(2)
    values["gpus"] = row[0].number_input(
        tr("GPUs"), 0, 64, key=keys["gpus"], help=tr("0 trains on CPU.")
    )
    values["cpus"] = row[1].number_input(
        tr("CPUs"), 0, 512, key=keys["cpus"], help=tr("0: no request.")
    )
    row = st.columns(2)
    values["mem_gb"] = row[0].number_input(
        tr("Memory, GB"), 0, 4096, key=keys["mem_gb"], help=tr("Request and limit; 0: neither.")
    )
    values["shm_size"] = row[1].text_input(
        tr("Shared memory"), key=keys["shm_size"], help=tr("Size of /dev/shm, such as 1Gi.")
    )
    placed, findings = _placement(last) if traits_of(engine).in_cluster else ({}, [])
    values["experiment"] = st.text_input(tr("MLflow experiment"), key=keys["experiment"])
    values["name"] = st.text_input(
        tr("Name"),
        key=keys["name"],
        placeholder=tr("from data and model"),
        help=tr("Part of the launch id."),
    )
    for name, value in values.items():
        state.publish(name, value, getattr(_DEFAULTS, name))
    return values | placed, findings


def remember(launch: Launch) -> None:
    """Keep these choices for the user's next visit."""
    settings = services.here().settings
    values = {name: _as_text(getattr(launch.choices, name)) for name in _REMEMBERED}
    values["engine"] = launch.engine
    preferences.remember(settings.state, services.user(), launch=values)


def _last() -> dict[str, Any]:
    return dict(st.session_state["launch.last"])


def _offered(kind: Kind) -> list[str]:
    """Give what the volume offers, and official weights that a link or a clone asks for.

    Where those are missing, the findings say how to get them; another model says nothing.
    """
    names = services.choices(kind)
    asked = state.url_text(kind) or str(st.session_state.get(f"form.{kind}") or "")
    is_missing = kind == "model" and bool(names) and asked not in names
    return [*names, asked] if is_missing and official_name(asked) else names


def _placement(last: Mapping[str, Any]) -> tuple[dict[str, Any], list[Finding]]:
    """Ask for nodes; the local engine has one machine and ignores both fields."""
    labels, taints = "node_selector", "tolerations"
    of_labels = tr(
        "Labels of the nodes on which train, test and tune may run: `key=value`, "
        "one a line. Empty: on any node."
    )
    of_taints = tr(
        "Taints that they accept: `key=value:Effect` or `key:Effect`, one a line; "
        "effects are NoSchedule, PreferNoSchedule and NoExecute."
    )
    wanted = _entries(tr("Node selector"), labels, last, "disk=ssd", of_labels)
    accepted = _entries(tr("Tolerations"), taints, last, "gpu=yes:NoSchedule", of_taints)
    selector, findings = _labels(wanted)
    return {labels: selector, taints: tuple(accepted)}, findings


def _labels(entries: list[str]) -> tuple[dict[str, str], list[Finding]]:
    """Read labels; what is none, or says twice what a node has once, is a finding."""
    selector: dict[str, str] = {}
    findings = []
    for entry in entries:
        key, equals, value = (part.strip() for part in entry.partition("="))
        if equals and selector.setdefault(key, value) == value:
            continue
        message = tr_text("'{entry}' is not KEY=VALUE.", entry=entry)
        if equals:
            message = tr_text(
                "'{key}' is asked to be '{selector}' and '{value}'.",
                key=key,
                selector=selector[key],
                value=value,
            )
        hint = tr("Write one label a line, such as disk=ssd.")
        findings.append(error("node-selector", message, where="node_selector", next=hint))
    return selector, findings


def _entries(
    label: Markdown, key: str, last: Mapping[str, Any], example: str, help: Markdown
) -> list[str]:
    """Ask for entries, and split what was typed at commas and ends of lines."""
    widget = state.seed(key, last.get(key, ""))
    text = st.text_area(label, key=widget, placeholder=example, height=68, help=help)
    state.publish(key, text, "")
    return [entry for part in re.split(r"[,\n]", text or "") if (entry := part.strip())]


def _as_text(value: Any) -> Any:
    """Give a choice as its field holds it: labels and tolerations one a line."""
    if isinstance(value, Mapping):
        return "\n".join(f"{key}={entry}" for key, entry in value.items())
    return "\n".join(value) if isinstance(value, tuple) else value
