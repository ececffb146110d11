"""What views work with, made once for the process and shared by all sessions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import streamlit as st

from pipeline.access.hosts import parse_host
from pipeline.actions.installation import Installation
from pipeline.actions.launching.catalog import list_choices
from pipeline.core.settings import load_settings
from pipeline.core.volume.paths import FOLDERS, Kind

if TYPE_CHECKING:
    from pipeline.actions.fetching.downloads import Downloads
    from pipeline.actions.inspections import Inspections
    from pipeline.core.dataset.thumbnails import Thumbnails
    from pipeline.tracking.sync import BackgroundSync


@st.cache_resource(show_spinner=False)
def here() -> Installation:
    """Give this installation."""
    return Installation(load_settings())


def as_user() -> Installation:
    """Give this installation with the person in front of the browser as the user."""
    return here().as_user(user())


@st.cache_resource(show_spinner=False)
def mlflow_sync() -> BackgroundSync:
    """Give what reads MLflow ahead of the pages, while somebody looks."""
    from pipeline.tracking.sync import BackgroundSync  # only pages about runs need it

    return BackgroundSync(here().settings)


@st.cache_resource(show_spinner=False)
def inspections() -> Inspections:
    """Give what reads datasets in the background."""
    from pipeline.actions.inspections import Inspections  # polars takes a while to import

    return Inspections(here())


@st.cache_resource(show_spinner=False)
def downloads() -> Downloads:
    """Give what fetches official weights in the background."""
    from pipeline.actions.fetching.downloads import Downloads  # only the Models page needs the web

    return Downloads(here())


@st.cache_resource(show_spinner=False)
def thumbnails() -> Thumbnails:
    """Give the pictures of images that are kept."""
    from pipeline.core.dataset.thumbnails import Thumbnails

    return Thumbnails(here().settings.state / "thumbnails")


def user() -> str:
    """Say who is in front of the browser: the trusted proxy's word, else the settings'."""
    header = here().settings.user_header
    return (st.context.headers.get(header) if header else None) or here().settings.user


def as_seen(url: str) -> str:
    """Give an address of the embedded MLflow as the person's own machine reaches it."""
    from pipeline.tracking.server import ui_url  # only pages about runs need MLflow

    host = parse_host(st.context.headers.get("Host") or "")
    own = ui_url(here().settings)
    if not host or not own or not url.startswith(f"{own}/"):
        return url
    name = f"[{host.name}]" if ":" in host.name else host.name
    return ui_url(here().settings, seen_at=name) + url.removeprefix(own)


def choices(kind: Kind) -> list[str]:
    """Give the names that can be chosen; files are read again only when one of them changed."""
    return _choices(kind, volume_signature())


def volume_signature() -> tuple[tuple[str, int, int], ...]:
    """Give name, time and size of every file that can be chosen or that a launch is made of."""
    root = here().volume.root
    found = []
    for folder in (root, *(root / name for name in sorted(set(FOLDERS.values())))):
        if folder.is_dir():
            for entry in os.scandir(folder):
                if entry.is_file():
                    status = entry.stat()
                    found.append((entry.path, status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))


# A run that finishes adds its weights without touching a file of the signature.
@st.cache_data(show_spinner=False, max_entries=16, ttl=10)
def _choices(kind: Kind, signature: tuple[tuple[str, int, int], ...]) -> list[str]:
    return [choice.name for choice in list_choices(here(), kind)]
