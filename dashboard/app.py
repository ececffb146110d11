"""The dashboard's script, which Streamlit runs for every session."""

from __future__ import annotations

import streamlit as st

from dashboard import language
from dashboard.navigation import pages
from dashboard.theme import apply_style
from pipeline.core.secrets import hide_in_logs

hide_in_logs()
st.set_page_config(page_title="Slipway", page_icon=":material/rocket_launch:", layout="wide")
language.choose()
page = st.navigation(pages(), position="top")
apply_style()
page.run()
