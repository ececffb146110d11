"""Official weights on the Models page: choose, fetch, or see where to put the file."""

from __future__ import annotations

import streamlit as st

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import tr, tr_said
from dashboard.plain import Markdown, code, plain
from dashboard.widgets.choosing import one_of
from dashboard.widgets.formats import size
from pipeline.actions.fetching.downloads import Download
from pipeline.actions.fetching.weights import Fetched, place_of, url_of, where_it_is
from pipeline.core.official_weights import OFFICIAL

_REFRESH_S = 1.0


def show_official(*, is_open: bool) -> None:
    """Offer the detectors that Ultralytics publishes, and show those that are being fetched."""
    with st.expander(
        tr("Official weights"),
        icon=":material/cloud_download:",
        expanded=is_open or bool(services.downloads().known()),
    ):
        st.caption(tr("Detectors that Ultralytics has trained and publishes, to start from."))
        family = one_of(tr("Family"), {name: plain(name) for name in OFFICIAL}, "models.family")
        names = {name: plain(name) for name in OFFICIAL[family]}
        name = one_of(tr("Weights, small to large"), names, f"models.official.{family}")
        _show_one(name)
        _show_downloads()


def _show_one(name: str) -> None:
    here = services.here()
    if there := where_it_is(here, name):
        st.markdown(tr(":green[:material/check:] On the volume as {path}.", path=code(there)))
        return
    is_running = any(one.name == name and one.is_running for one in services.downloads().known())
    if st.button(
        tr("Fetch {name}", name=name),
        icon=":material/download:",
        key="models.fetch",
        disabled=is_running,
    ):
        services.downloads().start(name)
        st.rerun()
    st.caption(
        tr(
            "From {url} to {path}. Where this machine has no network, get the file "
            "elsewhere and put it there.",
            url=code(url_of(here, name)),
            path=code(str(place_of(here, name))),
        )
    )


def _show_downloads() -> None:
    """Show what is being fetched; draw the page again when one of them is over."""
    drawn = [one.name for one in services.downloads().known() if one.is_running]

    @st.fragment(run_every=_REFRESH_S if drawn else None)
    @guarded
    def watch() -> None:
        known = services.downloads().known()
        if [one.name for one in known if one.is_running] != drawn:
            st.rerun()
        for one in reversed(known):
            with st.container(border=True):
                _show_download(one)

    watch()


def _show_download(one: Download) -> None:
    if one.is_running:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(one.done / one.total if one.total else 0.0, _progress(one))
            _stop_button(one.name, tr("Stop"), ":material/stop:")
    elif one.fetched:
        st.markdown(_arrived(one.fetched))
        st.caption(_compared(one.fetched))
        with st.container(horizontal=True):
            if st.button(
                tr("Launch from it"), icon=":material/rocket_launch:", key=f"launch.{one.name}"
            ):
                state.open_launch(model=one.name)
            _stop_button(one.name, tr("Hide"), ":material/close:")
    elif one.failure:
        show_error(one.failure)
        with st.container(horizontal=True):
            if st.button(tr("Try again"), icon=":material/refresh:", key=f"again.{one.name}"):
                services.downloads().start(one.name)
                st.rerun()
            _stop_button(one.name, tr("Hide"), ":material/close:")


def _stop_button(name: str, label: Markdown, icon: str) -> None:
    if st.button(label, icon=icon, key=f"stop.{name}"):
        services.downloads().stop(name)
        st.rerun()


def _progress(one: Download) -> Markdown:
    if not one.done:
        return tr("{name}: asking the server", name=one.name)
    done = size(one.done)
    if not one.total:
        return Markdown(f"{plain(one.name)}: {done}")
    return tr("{name}: {done} of {total}", name=one.name, done=done, total=size(one.total))


def _arrived(fetched: Fetched) -> Markdown:
    return tr(
        ":green[:material/check:] **{name}** was fetched to {path} · {size}",
        name=fetched.name,
        path=code(fetched.path),
        size=size(fetched.bytes),
    )


def _compared(fetched: Fetched) -> Markdown:
    if fetched.compared_with:
        return tr(
            "SHA-256 {sha256}, as {source} says.",
            sha256=code(fetched.sha256),
            source=code(fetched.compared_with),
        )
    return tr(
        "SHA-256 {sha256}; it was not compared with a published one: {why}",
        sha256=code(fetched.sha256),
        why=tr_said(fetched.why_not),
    )
