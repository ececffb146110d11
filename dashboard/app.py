"""The dashboard's script, which Streamlit runs for every session."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard import language
from dashboard.navigation import pages
from dashboard.theme import apply_style

# A file of ours: the browser would fetch one of Streamlit's icons from Google.
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="Slipway", page_icon=ICON, layout="wide")
language.choose()
page = st.navigation(pages(), position="top")
apply_style()
page.run()
