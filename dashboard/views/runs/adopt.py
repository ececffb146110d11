"""The dialog that writes a trial's values into a cfg and trains with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import Markdown, plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.findings import show_findings
from pipeline.actions.launching.adopt import Adoption, adopt, train_adopted
from pipeline.actions.runs.model import RunFacts
from pipeline.core.errors import FileChanged, FileMissing, SlipwayError

_OWN, _NEW = marked("new version"), marked("new cfg")


def show_adopt(run: RunFacts, trial: str, close: Callable[[], None]) -> None:
    """Show what a trial changes in the cfg, and launch a full training with it when accepted."""
    here = services.as_user()
    st.caption(
        tr(
            "A full training and test with the values of {trial}, for the epochs of this run and "
            "without tuning. This run stays as it is.",
            trial=trial,
        )
    )
    why_new = _why_new(run, trial)
    if why_new:
        st.warning(plain(why_new), icon=":material/edit_note:")
    places = {name: _where_text(name, run.cfg) for name in (_OWN, _NEW)}
    first = _NEW if why_new else _OWN
    where = one_of(tr("Save the values as"), places, "adopt_where", default=first)
    cfg = run.cfg
    if where == _NEW:
        cfg = st.text_input(tr("Name of the new cfg"), _free_name(run.cfg), key="adopt_cfg")
    try:
        made = adopt(here, run.id, trial, str(cfg).strip() or run.cfg)
    except SlipwayError as reason:
        show_error(reason)
        return
    _show_changes(made)
    message = st.text_input(tr("Message of this version"), made.message, key="adopt_message")
    if not st.button(
        tr("Save and train"),
        icon=":material/rocket_launch:",
        type="primary",
        disabled=not made.plan.ok,
        key="adopt_now",
    ):
        return
    try:
        launched = train_adopted(here, made, message)
    except SlipwayError as reason:
        show_error(reason)
        return
    close()
    state.open_run(launched.launch)


def _why_new(run: RunFacts, trial: str) -> str:
    """Say what became of the run's cfg since, when its values cannot just be put into it."""
    try:
        adopt(services.as_user(), run.id, trial)
    except (FileChanged, FileMissing) as reason:
        return tr_said(reason.message)
    except SlipwayError:  # said below, with the choices
        return ""
    return ""


def _where_text(name: str, cfg: str) -> Markdown:
    if name == _OWN:
        return tr("a new version of {cfg}", cfg=cfg)
    return tr("a new cfg")


def _free_name(cfg: str) -> str:
    taken, stem = set(services.choices("cfg")), f"{PurePosixPath(cfg).stem}-tuned"
    names = (stem, *(f"{stem}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _show_changes(made: Adoption) -> None:
    if made.also_changed:
        rows = [
            {tr("setting"): key, tr("tuned run"): str(then), tr("now in the cfg"): str(now)}
            for key, (then, now) in made.also_changed.items()
        ]
        st.caption(tr("These differ from the tuned run, too, so that two things change at once:"))
        st.dataframe(rows, hide_index=True)
    if made.diff:
        st.code(made.diff, language="diff", wrap_lines=True)
    else:
        st.caption(tr("{path} has these values already: nothing is saved.", path=made.path))
    if not made.values.keys() <= made.trial.values.keys():
        st.caption(
            tr(
                "The cfg leaves the optimizer to Ultralytics, which would ignore these rates: the "
                "optimizer that the trial was trained with is written too."
            )
        )
    show_findings(made.plan.findings, shown=3)
