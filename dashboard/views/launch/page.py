"""Launch: choose, see what follows, launch."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import services, state
from dashboard.errors import guarded, show_error
from dashboard.i18n import marked, tr, tr_said
from dashboard.plain import code, joined, plain
from dashboard.views.launch import advice as launch_advice
from dashboard.views.launch import form as launch_form
from dashboard.views.launch import images as launch_images
from dashboard.views.launch import plan as launch_plan
from dashboard.views.launch import presets as launch_presets
from dashboard.views.launch import preview as launch_preview
from dashboard.views.launch import space as launch_space
from dashboard.views.launch import sweep as launch_sweep
from dashboard.views.launch import team_preset as launch_team_preset
from dashboard.views.launch.plan import PLAN
from dashboard.widgets.dataset.distribution import show_distribution
from dashboard.widgets.findings import show_findings, summary
from dashboard.widgets.formats import plural
from dashboard.widgets.forms.cfg import cfg_form
from dashboard.widgets.sample import offer_sample
from pipeline.actions.launching.launches import Plan
from pipeline.core.checks.parts import Part, worst_by_part
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import has_errors
from pipeline.core.launch.choices import Choices

_FIRST, _PAINTED = "launch.first", "launch.painted"
# Shorter, and the rest of the page arrives before the browser has drawn the pickers.
_FIRST_PAINT_S = 0.25
_MARKS = {
    "error": ":red[:material/close:]",
    "warning": ":orange[:material/priority_high:]",
    "": ":green[:material/check:]",
}
_PARTS: dict[Part, str] = {
    "files": marked("files"),
    "labels": marked("labels"),
    "splits": marked("splits"),
    "cfg": "cfg",
    "resources": marked("resources"),
    "sweep": marked("sweep"),
}


def render() -> None:
    """Show the launch page."""
    cloned_from, cloned, ran_on = launch_plan.cloned()
    launch_form.restore(cloned, ran_on)
    picked, engine = launch_form.pickers()
    if not all(picked.values()):
        _show_empty(picked)
        return
    _show_reason(cloned_from)
    # A clone's fields were filled in just now, and Streamlit tells the browser about such values
    # only in the run that makes the field.
    if cloned is None and _PAINTED not in st.session_state:
        _paint_first()
        return
    left, right = st.columns([2.25, 1], gap="medium")
    data_card, settings_card = left.container(border=True), left.container(border=True)
    _shape(picked, engine, cloned_from, settings_card, left.container(), right)
    with data_card:
        _show_data(PLAN.kept())


def _show_reason(cloned_from: str) -> None:
    """Say why a run's mistakes led here."""
    run, reason = st.session_state.get(state.REASON, ("", ""))
    if run and run == cloned_from:
        told = tr("From the mistakes of {run}: {reason}", run=run, reason=tr_said(reason))
        st.info(told, icon=":material/lightbulb:")


@st.fragment
@guarded
def _shape(
    picked: dict[str, Any],
    engine: str,
    cloned_from: str,
    settings_card: DeltaGenerator,
    space_card: DeltaGenerator,
    right: DeltaGenerator,
) -> None:
    """Show what a launch is made of besides the files; a fragment, as the chart stays the same."""
    space_part = space_card.container()
    with right.container():  # both of this fragment's own, or the inner one would be drawn twice
        _decide(picked, engine, launch_plan.overrides(), cloned_from, space_part)
    with settings_card:
        _show_settings(PLAN.kept())


@st.fragment
@guarded
def _decide(
    picked: dict[str, Any],
    engine: str,
    overrides: dict[str, Any],
    cloned_from: str,
    space_part: DeltaGenerator,
) -> None:
    """Show switches, resources and what follows; a fragment, as the settings stay the same."""
    if launch_plan.overrides() != overrides:  # changed here, and the settings show it too
        st.rerun()
    findings_card = st.container(border=True)
    with st.container(border=True):
        switches = launch_form.switches()
        with st.expander(tr("Resources and tracking"), type="compact"):
            resources, unreadable = launch_form.resources(engine)
        choices = Choices(**picked, **switches, **resources, overrides=overrides)
        plan = launch_plan.current(choices, engine, cloned_from, unreadable)
        plan = launch_images.with_images(plan)
        swept = launch_sweep.chosen(plan, unreadable)
        with findings_card:
            _show_findings(launch_sweep.as_one(plan, swept) if swept else plan)
        if swept:
            launch_sweep.show(swept)
        else:
            _show_launch(plan)
    with space_part.container():  # also when it stays empty: that keeps the place
        launch_space.show(plan)
    launch_form.keep()


@st.fragment(run_every=_FIRST_PAINT_S)
def _paint_first() -> None:
    """Let the browser paint what is chosen from before it loads 4.7 MB to draw the chart."""
    if _FIRST in st.session_state:
        st.session_state[_PAINTED] = True
        st.rerun()
    st.session_state[_FIRST] = True
    left, right = st.columns([2.25, 1], gap="medium")
    left.skeleton(height=300)
    right.skeleton(height=92)


def _show_data(plan: Plan) -> None:
    _show_numbers(plan)
    if st.button(
        tr("Open the dataset"),
        icon=":material/dataset:",
        type="tertiary",
        key="launch.dataset",
        help=tr("Every finding, samples with their boxes, sizes, and the runs that used it"),
    ):
        state.open_dataset(plan.launch.choices.data)


def _show_numbers(plan: Plan) -> None:
    if plan.report is None or not plan.report.splits:
        st.markdown(tr("**No numbers for {data} yet**", data=plan.launch.choices.data))
        st.caption(tr("The findings beside this say what keeps the dataset from being read."))
        return
    report, splits = plan.report, plan.report.splits
    backgrounds = sum(split.backgrounds for split in splits.values())
    dropped = sum(split.dropped for split in splits.values())
    parts = [plain(f"{name} {split.images:,}") for name, split in splits.items()]
    parts += [plural(backgrounds, "background")] if backgrounds else []
    parts += [tr("{dropped:,} labels dropped", dropped=dropped)] if dropped else []
    parts += [tr_said(report.base_note)] if report.base_note else []
    title = tr(
        "**{images} · {instances} · {classes}**  \n:small[:gray[{details}]]",
        images=plural(sum(split.images for split in splits.values()), "image"),
        instances=plural(sum(split.instances for split in splits.values()), "instance"),
        classes=plural(len(report.names), "class", "classes"),
        details=joined(" · ", parts),
    )
    show_distribution(splits, title=title, key=f"distribution.{plan.resolved['data_yaml']}")


def _show_findings(plan: Plan) -> None:
    counted = summary(plan.findings)
    if has_errors(plan.findings):
        st.markdown(tr(":red[:material/error:] **Not ready** :gray[{counted}]", counted=counted))
    else:
        st.markdown(
            tr(":green[:material/check_circle:] **Ready** :gray[{counted}]", counted=counted)
        )
    checks = worst_by_part(plan.findings)
    st.markdown("  ".join(f"{_MARKS[worst]} {tr(_PARTS[part])}" for part, worst in checks.items()))
    show_findings(plan.findings, shown=3)
    launch_images.show(plan)
    launch_advice.show(plan)
    if takes := launch_advice.expected(plan.estimate):
        st.caption(takes, help=launch_advice.how(plan.estimate))


def _show_launch(plan: Plan) -> None:
    if st.button(
        tr("Preview: graph · cfg diff · YAML · CLI"),
        icon=":material/chevron_right:",
        width="stretch",
        key="launch.preview",
        disabled=not plan.ok,
    ):
        launch_preview.show(plan)
    clicked = st.button(
        tr("Launch"),
        type="primary",
        icon=":material/rocket_launch:",
        width="stretch",
        key="launch.submit",
        disabled=not plan.ok,
        on_click=PLAN.click,
    )
    if not plan.ok:
        st.caption(tr("Launch waits until the errors above are corrected."))
    if clicked:
        try:
            run = PLAN.start(lambda: launch_plan.submit(plan))
        except SlipwayError as reason:
            show_error(reason)
            return
        launch_form.remember(plan.launch)
        launch_form.keep()
        state.open_run(run)


def _show_settings(plan: Plan) -> None:
    from pipeline.core.cfg.schema import SCHEMA

    base = launch_plan.base_cfg(plan)
    if base is None:
        st.markdown("**Hyperparameters**")
        st.caption(
            tr("The cfg cannot be read; the findings say where. Correct it to edit settings.")
        )
        if plan.resolved["cfg_yaml"] and st.button(tr("Open the cfg"), icon=":material/edit_note:"):
            state.open_config(plan.resolved["cfg_yaml"])
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        launch_presets.show_presets(base)
        launch_team_preset.show(base)
    cfg_form(
        SCHEMA,
        base,
        plan.launch.choices.overrides,
        scope=plan.resolved["cfg_yaml"],
        on_change=lambda key, value: launch_plan.change(key, value, base),
    )


def _show_empty(picked: dict[str, Any]) -> None:
    """Say what belongs on the volume and how to get it."""
    root = services.here().settings.volume
    missing = [kind for kind, name in picked.items() if not name]
    what = {
        "model": tr("a model: weights (`yolov8n.pt`) or an architecture (`yolov8-scratch.yaml`)"),
        "cfg": tr("a cfg: training settings such as `cfg-custom.yaml` (`epochs: 100`)"),
        "data": tr("a data yaml such as `data-custom.yaml` (`path`, `train`, `val`, `names`)"),
    }
    with st.container(border=True):
        st.markdown(tr("**Missing on the volume: {kinds}**", kinds=", ".join(missing)))
        st.markdown(
            tr(
                "Put these into {root}, or into its folder of the kind, and reload:",
                root=code(str(root)),
            )
        )
        st.markdown("\n".join(f"- {what[kind]}" for kind in missing))
        st.markdown(tr("Or start with the sample, generated shapes that train in a minute:"))
        offer_sample()
        if "model" in missing and st.button(
            tr("Fetch official weights"), icon=":material/cloud_download:"
        ):
            state.open_models()
