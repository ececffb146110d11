"""The search space on the launch page: which one, what it holds, and saving it for others.

A space that is changed here travels with the launch, see `pipeline.core.space.text`: the URL holds
it, so that a reload or a link brings it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard import services, state
from dashboard.errors import show_error
from dashboard.i18n import tr
from dashboard.plain import Markdown
from dashboard.views.launch import plan as launch_plan
from dashboard.widgets.formats import plural
from pipeline.actions.launching.launches import Plan
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.space.text import inline, is_inline

FIELD = "tune_space"
_OWN = "launch.space.own"


def picker(last: Mapping[str, Any]) -> str:
    """Show the spaces of the volume, and the one of this launch when it is none of them."""
    asked = st.session_state.get(f"form.{FIELD}")
    held = (state.url_text(FIELD), asked, st.session_state.get(_OWN), last.get(FIELD))
    own = [text for text in held if isinstance(text, str) and is_inline(text)][:1]
    st.session_state[_OWN] = "".join(own)  # a look at another space does not lose it
    names = ["", *services.choices("tune"), *own]
    space = st.selectbox(
        tr("Search space"),
        names,
        key=state.seed(FIELD, last.get(FIELD, ""), names),
        format_func=_title,
    )
    state.publish(FIELD, space, "")
    return str(space or "")


def show(plan: Plan) -> None:
    """Show what will be searched, to look at and to change; nothing when tuning is off."""
    choices = plan.launch.choices
    base = launch_plan.base_cfg(plan)
    if not choices.tune or base is None:
        return
    from pipeline.core.space.edit import document_of

    cfg = {**base, **choices.overrides}
    with st.container(border=True):
        try:
            document = document_of(choices.tune_space, plan.tune_text, cfg)
        except InputError:
            _show_unreadable(plan)
            return
        _show_space(plan, document, base)


def _show_space(plan: Plan, document: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    from dashboard.widgets.forms.space import SpaceForm, space_form
    from dashboard.widgets.forms.space_settings import cost_text, space_settings
    from pipeline.core.space.edit import entries

    choices = plan.launch.choices
    cfg = {**base, **choices.overrides}
    form = SpaceForm(
        document,
        cfg,
        "launch",
        _change,
        choices.overrides,
        lambda key, value: launch_plan.change(key, base.get(key) if value is None else value, base),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        count = plural(len(entries(document)), "setting")
        st.markdown(
            tr("**Search space** :gray[{count}]", count=count), help=_origin(choices.tune_space)
        )
        _show_saving(plan, document)
    st.caption(cost_text(document, cfg))
    space_form(form)
    space_settings(form)


def _show_unreadable(plan: Plan) -> None:
    st.markdown(tr("**Search space**"))
    st.caption(tr("It cannot be read; the findings say where."))
    with st.container(horizontal=True):
        st.button(tr("Take the default"), key="launch.space.default", on_click=_choose, args=("",))
        _show_opening(plan)


def _show_saving(plan: Plan, document: Mapping[str, Any]) -> None:
    if plan.resolved["tune_yaml"]:
        _show_opening(plan)
        return
    with st.popover(tr("Save as a file"), icon=":material/save:", type="tertiary"):
        name = st.text_input(
            tr("Name"), key="launch.space.name", placeholder=tr("such as tune-wide")
        )
        is_there = st.checkbox(tr("Replace the file of this name"), key="launch.space.replace")
        if st.button(tr("Save"), key="launch.space.save", disabled=not name):
            _save(str(name), document, replace=is_there)


def _save(name: str, document: Mapping[str, Any], *, replace: bool) -> None:
    from pipeline.core.space.file import save_space

    try:
        user = services.user()
        saved = save_space(services.here().volume, name, document, user=user, replace=replace)
    except SlipwayError as reason:
        show_error(reason)
        return
    _choose(saved)
    st.toast(tr("The search space is saved as {name}.", name=saved))
    st.rerun()


def _show_opening(plan: Plan) -> None:
    path = plan.resolved["tune_yaml"]
    label, icon = tr("Open the file"), ":material/edit_note:"
    if path and st.button(label, icon=icon, type="tertiary", key="launch.space.open"):
        state.open_config(path)


def _change(document: dict[str, Any]) -> None:
    _choose(inline(document))


def _choose(space: str) -> None:
    state.set_url(FIELD, space)


def _title(space: str) -> str:
    if is_inline(space):
        return tr("changed for this launch")
    return space or tr("default, around the current values")


def _origin(space: str) -> Markdown:
    if is_inline(space):
        return tr("Goes with this launch alone, frozen in its record. Save it to use it again.")
    if space:
        return tr("From {name}. A change here is for this launch; the file stays.", name=space)
    return tr("Around the values that training ends with. A change makes it this launch's own.")
