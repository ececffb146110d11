"""Colours and the one style sheet; the rest of the look is in ``.streamlit/config.toml``."""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st


@dataclass(frozen=True)
class Colours:
    """The colours of one theme, for what Streamlit's theme does not reach (plotly, graphviz).

    Parameters
    ----------
    text, muted, border, background, surface
        Ink, secondary ink, lines, page, raised areas.
    accent, accent_soft
        The first series and its quiet companion.
    good, bad, warn
        State colours; never the only sign of a state.
    runs
        A palette for runs that colour-blind people can tell apart.
    """

    text: str
    muted: str
    border: str
    background: str
    surface: str
    accent: str
    accent_soft: str
    good: str
    bad: str
    warn: str
    runs: tuple[str, ...]


LIGHT = Colours(
    text="#171A21",
    muted="#6B7280",
    border="#DDE1E8",
    background="#FFFFFF",
    surface="#F5F6F8",
    accent="#2F5BD7",
    accent_soft="#ADBDF0",
    good="#1A7F4B",
    bad="#C2354B",
    warn="#B45F06",
    runs=(
        *("#2F5BD7", "#D9691A", "#0F8A6B", "#A2429B", "#B08900"),
        *("#C2354B", "#3C8FB5", "#6B5BD6", "#5F7A2A", "#7A6A5D"),
    ),
)
DARK = Colours(
    text="#E7EAF0",
    muted="#98A1B0",
    border="#2B313D",
    background="#101319",
    surface="#181C24",
    accent="#7EA2FF",
    accent_soft="#3D4C75",
    good="#4CC38A",
    bad="#FF7F8F",
    warn="#FFB05C",
    runs=(
        *("#7EA2FF", "#FF9E57", "#4CC9A4", "#DE8AD8", "#E0BE3A"),
        *("#FF7F8F", "#72C4E8", "#A99BFF", "#A9C66C", "#C9B8A8"),
    ),
)

_CSS = """
<style>
.stMainBlockContainer { max-width: 1400px; padding-top: 4.2rem; padding-bottom: 2rem; }
.stMain input, .stMetric, .stDataFrame, .stMain code { font-variant-numeric: tabular-nums; }
/* As a text the theme's accent, which is made for white on it, is too dark on a dark page. */
[data-testid="stTab"][aria-selected="true"] p,
button[aria-checked="true"], button[aria-checked="true"] * { color: ACCENT; }
/* One container, not one for each row and column: the page redraws faster, and wraps by itself. */
[class*="st-key-cfg-fields"] {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1rem;
}
/* A search space: one grid for all rows; where it is narrow, a row has its name above. */
[class*="st-key-space-frame-"] { container-type: inline-size; }
[class*="st-key-space-rows-"] {
  display: grid; gap: 0.4rem 0.5rem; align-items: center;
  grid-template-columns: minmax(9rem, 1.5fr) minmax(4.5rem, 1fr) minmax(4.5rem, 1fr) 7rem 2.2rem;
}
[class*="st-key-space-rows-"] > * { min-width: 0; width: 100%; }
[class*="st-key-space-rows-"] > [class*="st-key-space-span2-"] { grid-column: span 2; }
[class*="st-key-space-rows-"] > [class*="st-key-space-span3-"],
[class*="st-key-space-rows-"] > :has(> [class*="st-key-space-span3-"]) { grid-column: span 3; }
[class*="st-key-space-rows-"] > :has(> [class*="st-key-space-note-"]) { grid-column: 1 / -1; }
[class*="st-key-space-note-"] { row-gap: 0; }
[class*="st-key-space-note-"] > * { flex-shrink: 0; max-width: 100%; }
@container (max-width: 26rem) {
  [class*="st-key-space-rows-"] { grid-template-columns: 1fr 1fr 6rem 2.2rem; }
  [class*="st-key-space-rows-"] > :has(> .stMarkdown strong) { grid-column: 1 / -1; }
  [class*="st-key-space-rows-"] > :first-child { display: none; }  /* the names' own title */
}
/* For a narrow or a wide window only; with its wrapper, which would leave a gap. */
@media (min-width: 641px) {
  [class*="st-key-narrow-"],
  [data-testid="stLayoutWrapper"]:has(> [class*="st-key-narrow-"]) { display: none; }
}
@media (max-width: 640px) {
  [class*="st-key-wide-"],
  [data-testid="stLayoutWrapper"]:has(> [class*="st-key-wide-"]) { display: none; }
}
/* A run in two lines is a link that a thumb finds; a long name wraps. */
.st-key-narrow-runs a {
  padding: 0.55rem 0.25rem; border-bottom: 1px solid BORDER; border-radius: 0;
  font-variant-numeric: tabular-nums;
}
.st-key-narrow-runs a p { white-space: normal; overflow-wrap: anywhere; line-height: 1.5; }
.st-key-narrow-runs a > :has(> [data-testid="stIconMaterial"]) { display: none; }  /* the page's */
.st-key-datasets-list { max-height: 80vh; overflow-y: auto; }
.st-key-samples-grid {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 0.75rem;
}
[class*="st-key-samples-tile"] { position: relative; gap: 0; }
/* The whole tile is its button: the picture has no click of its own. */
[class*="st-key-samples-tile"] [data-testid="stElementContainer"]:has(button) {
  position: absolute; inset: 0; width: 100%;
}
[class*="st-key-samples-tile"] .stButton, [class*="st-key-samples-tile"] button {
  width: 100%; height: 100%; align-items: flex-end; justify-content: flex-start; padding: 0;
}
[class*="st-key-samples-tile"] button p {
  font-size: 0.78rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.samples-picture { position: relative; height: 8.5rem; margin-bottom: 1.7rem; }
.samples-full { height: min(68vh, 44rem); }
/* Boxes and what hovers over them lie on the picture: all take its shape, whatever the room. */
.mistakes-picture { position: relative; max-width: 100%; max-height: 72vh; margin: 0 auto; }
.mistakes-picture > * { position: absolute; inset: 0; }
.mistakes-picture > img { width: 100%; height: 100%; }
.mistakes-tile { height: 100%; display: flex; justify-content: center; }
.mistakes-tile > .mistakes-picture { height: 100%; margin: 0; }
.mistakes-key { display: inline-block; margin-right: 1rem; font-size: 0.8rem; white-space: nowrap; }
.mistakes-key i { display: inline-block; width: 0.7rem; height: 0.7rem; margin-right: 0.35rem; }
.mistakes-zoomed { max-height: 72vh; overflow: auto; cursor: grab; user-select: none; }
.mistakes-zoomed > div { margin: 0 auto; }
.mistakes-zoomed img { pointer-events: none; }  /* dragging moves it, and takes no copy along */
.mistakes-zoomed .mistakes-picture { max-width: none; max-height: none; }
.st-key-mistakes-n, .st-key-mistakes-p { display: none; }
.mistakes-close-up { position: relative; height: 100%; max-width: 100%; overflow: hidden; }
.mistakes-close-up > div { position: absolute; }
.mistakes-close-up .mistakes-picture { max-width: none; max-height: none; }
.st-key-doubtful-grid {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.25rem 0.75rem;
}
[class*="st-key-doubtful-tile"] { gap: 0.1rem; }
[class*="st-key-doubtful-tile"] .stButton p {
  max-width: 12rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
[class*="st-key-doubtful-tile"] .mistakes-tile { justify-content: flex-start; }
[class*="st-key-doubtful-tile"] .mistakes-tile + .samples-note { left: 0.3rem; transform: none; }
[class*="st-key-doubtful-tile"] .samples-picture { height: 9.5rem; margin-bottom: 0.3rem; }
/* Two runs' boxes on one picture, side by side. */
.st-key-pairs-grid {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr));
  gap: 0.75rem;
}
.mistakes-pair {
  display: grid; grid-template-columns: 1fr 1fr; gap: 0.25rem; margin-bottom: 1.7rem;
}
.mistakes-pair .samples-picture { height: auto; margin-bottom: 0; min-width: 0; }
.mistakes-pair .mistakes-tile > .mistakes-picture { width: 100%; height: auto; max-height: none; }
.mistakes-pair .samples-broken { min-height: 8.5rem; }
.samples-note {
  position: absolute; left: 0.3rem; bottom: 0.3rem; padding: 0 0.35rem; border-radius: 4px;
  background: rgba(16, 19, 25, 0.8); color: #FFFFFF; font-size: 0.7rem;
}
.mistakes-tile + .samples-note {
  left: 50%; transform: translateX(-50%); max-width: 100%;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
}
.samples-broken {
  height: 100%; padding: 0.6rem; border: 1px dashed currentColor; border-radius: 6px;
  font-size: 0.75rem; overflow: hidden; display: flex; flex-direction: column; opacity: 0.75;
}
@media (max-width: 640px) {
  .stHorizontalBlock:has(> * > .stMetric) { gap: 1rem 2rem; }
  .st-key-datasets-list { max-height: 13rem; }
  .samples-full { height: 40vh; }
  .stMainBlockContainer { padding-left: 1rem; padding-right: 1rem; }
  .st-key-narrow-filters button, .st-key-runs_sync button, .st-key-runs_sweeps button,
  .st-key-runs_page button, .st-key-runs_queue :is(summary, button) { min-height: 2.75rem; }
  .st-key-runs_page button { min-width: 2.75rem; }
}
</style>
"""


def colours() -> Colours:
    """Give the colours of the theme that the browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def colour_of(run: str) -> str:
    """Give a run its colour: the same on every page and in every session."""
    palette = colours().runs
    return palette[zlib.crc32(run.encode()) % len(palette)]


def colours_of(runs: Collection[str]) -> dict[str, str]:
    """Give each run of a set a colour: its own, or the next free one when that is taken.

    The order in which runs were chosen changes nothing; from the eleventh on, colours repeat.
    """
    palette = colours().runs
    given: dict[str, str] = {}
    for run in sorted(set(runs)):
        first = palette.index(colour_of(run))
        ordered = (*palette[first:], *palette[:first])
        taken = list(given.values())
        given[run] = min(ordered, key=taken.count)
    return given


def apply_style() -> None:
    """Add the style sheet to the page."""
    shown = colours()
    st.html(_CSS.replace("ACCENT", shown.accent).replace("BORDER", shown.border))
