"""The editor of one file: its text, its problems, saving it, and what if somebody was faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import streamlit as st

from dashboard import services, state
from dashboard.drafts import Draft, drop_draft, keep_draft, load_draft
from dashboard.errors import show_error
from dashboard.i18n import tr, tr_text
from dashboard.plain import Markdown, plain
from dashboard.views.configs.files import show_menu
from dashboard.widgets.findings import show_findings, summary
from dashboard.widgets.forms.yaml_editor import jump_to, line_of, yaml_editor
from pipeline.core.cfg.merge import diff_text
from pipeline.core.checks.file import check_file
from pipeline.core.errors import FileChanged, SlipwayError
from pipeline.core.findings import Finding, has_errors
from pipeline.core.versions.editing import open_text, save_text, why_read_only
from pipeline.core.versions.history import MAX_MESSAGE_LETTERS

_NOTICE = "configs.notice"
_JUMPS = 6


@dataclass(frozen=True)
class Opened:
    """A file in the editor.

    Parameters
    ----------
    path, key
        The file, and where session state holds its text.
    text, text_on_disk
        As typed, and as it is on the volume.
    base_sha256, sha256
        Of the file as it was when typing began, and as it is now.
    """

    path: str
    key: str
    text: str
    text_on_disk: str
    base_sha256: str
    sha256: str

    @property
    def is_changed(self) -> bool:
        """Whether something is typed and not saved."""
        return self.text != self.text_on_disk


def show(path: str) -> Opened:
    """Show the editor of a file."""
    volume = services.here().volume
    text_on_disk, sha256 = open_text(volume, path)
    draft = load_draft(*_place(), path)
    base, key = draft.base_sha256 if draft else sha256, f"configs.text.{path}"
    if key not in st.session_state:
        st.session_state[key] = draft.text if draft else text_on_disk
    elif draft is None and st.session_state.get(f"{key}.sha256") != sha256:
        st.session_state[key] = text_on_disk  # nothing typed: show what is there now
    st.session_state[f"{key}.sha256"] = sha256
    obstacle = why_read_only(volume, path)
    head, bar = st.container(horizontal=True, vertical_alignment="center"), st.container()
    text, findings = yaml_editor(
        plain(path),
        key=key,
        findings=lambda typed: check_file(volume, path, typed),
        on_change=_typed,
        args=(path, key, base),
        is_disabled=bool(obstacle),
    )
    opened = Opened(path, key, text, text_on_disk, base, sha256)
    with head:
        _show_head(opened)
    with bar:
        if obstacle:
            st.info(tr("Read only: {reason}", reason=obstacle), icon=":material/lock:")
        else:
            _show_bar(opened)
    if opened.is_changed and base != sha256:
        _show_conflict(opened)
    _show_checks(findings)
    return opened


def change_text(opened: Opened, text: str) -> None:
    """Change the text as if it had been typed; only in a callback, before the page is drawn."""
    st.session_state[opened.key] = text
    _typed(opened.path, opened.key, opened.base_sha256)


def _show_head(opened: Opened) -> None:
    note = plain(st.session_state.pop(_NOTICE, ""))
    saved = f":green[{note}]" if note else tr(":gray[saved]")
    word = tr(":orange[not saved]") if opened.is_changed else saved
    st.markdown(f"**{plain(opened.path)}** · {word}")
    show_menu(opened.path, opened.text, opened.sha256)


def _show_bar(opened: Opened) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        message = st.text_input(
            tr("What changed"),
            key=f"configs.message.{opened.path}.{opened.sha256}",
            placeholder=tr("what changed, for the history (optional)"),
            max_chars=MAX_MESSAGE_LETTERS,
            label_visibility="collapsed",
            disabled=not opened.is_changed,
        )
        icon = ":material/undo:"
        if opened.is_changed and st.button(tr("Discard"), icon=icon, key="configs.discard"):
            _set_aside(opened)
        is_off = not opened.is_changed
        icon = ":material/save:"
        if st.button(tr("Save"), type="primary", icon=icon, disabled=is_off, key="configs.save"):
            _save(opened, opened.base_sha256, message or "")
    aside = load_draft(*_place(), _aside(opened.path))
    if aside and not opened.is_changed and aside.text != opened.text:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(tr("A text of yours was set aside."))
            st.button(
                tr("Bring it back"),
                key="configs.aside",
                type="tertiary",
                on_click=change_text,
                args=(opened, aside.text),
            )


def _show_checks(findings: Sequence[Finding]) -> None:
    if not findings:
        st.markdown(tr(":green[:material/check_circle:] No problems found."))
        return
    mark = Markdown(
        ":red[:material/error:]" if has_errors(findings) else ":orange[:material/info:]"
    )
    st.markdown(
        tr(
            "{mark} **{summary}** :gray[a file with problems can be saved too]",
            mark=mark,
            summary=summary(findings),
        )
    )
    lines = dict.fromkeys(line for finding in findings if (line := line_of(finding)))
    with st.container(horizontal=True):
        for line in list(lines)[:_JUMPS]:
            st.button(
                tr("Go to line {line}", line=line),
                key=f"configs.jump.{line}",
                type="tertiary",
                on_click=jump_to,
                args=(line,),
            )
    show_findings(findings)


def _show_conflict(opened: Opened) -> None:
    path = opened.path
    st.warning(
        tr(
            "**{path} was changed by somebody else while you were editing.**  \n"
            "Nothing is overwritten and your text is kept. Compare, then choose.",
            path=path,
        ),
        icon=":material/sync_problem:",
    )
    yours = tr_text("{path} (your text)", path=path)
    st.code(diff_text(opened.text_on_disk, opened.text, path, yours), language="diff")
    pure = PurePosixPath(path)
    name = st.text_input(
        tr("Another name for my text"),
        value=str(pure.with_name(f"{pure.stem}-mine{pure.suffix}")),
        key=f"configs.other.{path}",
    )
    with st.container(horizontal=True):
        if st.button(tr("Save mine under that name"), key="configs.other"):
            _save_as(opened, name or "")
        if st.button(tr("Take theirs, set mine aside"), key="configs.theirs"):
            _set_aside(opened)
        if st.button(tr("Save mine over it"), key="configs.mine"):
            _save(opened, opened.sha256, "")


def _typed(path: str, key: str, base: str) -> None:
    keep_draft(*_place(), path, Draft(st.session_state[key], base))


def _save(opened: Opened, expected_sha256: str, message: str) -> None:
    try:
        saved = save_text(
            services.here().volume,
            opened.path,
            opened.text,
            expected_sha256=expected_sha256,
            user=services.user(),
            message=message,
        )
    except FileChanged:
        st.rerun()  # shows the conflict: the draft is kept and says what it started from
    except SlipwayError as reason:
        show_error(reason)
        return
    drop_draft(*_place(), opened.path)
    st.session_state[f"{opened.key}.sha256"] = saved.sha256
    st.session_state[_NOTICE] = tr("saved just now, version {number}", number=saved.number)
    st.rerun()


def _save_as(opened: Opened, name: str) -> None:
    try:
        save_text(
            services.here().volume, name, opened.text, expected_sha256="", user=services.user()
        )
    except SlipwayError as reason:
        show_error(reason)
        return
    drop_draft(*_place(), opened.path)
    del st.session_state[opened.key]
    state.set_url(state.FILE, name)
    st.rerun()


def _set_aside(opened: Opened) -> None:
    """Show the file as it is on the volume; what was typed can be brought back."""
    keep_draft(*_place(), _aside(opened.path), Draft(opened.text, opened.base_sha256))
    drop_draft(*_place(), opened.path)
    del st.session_state[opened.key]
    st.rerun()


def _aside(path: str) -> str:
    return f"{path} set aside"


def _place() -> tuple[Path, str]:
    return services.here().settings.state, services.user()
