"""What becomes of a run is decided by what its steps came to, never by the words about them."""

from __future__ import annotations

import pytest

from pipeline.core.states import State
from pipeline.engines.argo.document import read_document
from pipeline.engines.local.queue.rows import StepRow
from pipeline.engines.local.steps.progress import STOPPED, decide
from tests.engines.documents import step, workflow

PLAN = read_document(workflow(step("train", "true"), on_exit="true"))


def decided(train: StepRow, notify: State) -> tuple[State | None, bool, dict[str, str]]:
    steps = {name: StepRow("r", name, State.SUCCEEDED) for name in PLAN.steps}
    steps |= {"train": train, "notify": StepRow("r", "notify", notify)}
    found = decide(PLAN, steps, {"workflow.uid": "u"}, is_stopped=True)
    return found.outcome, found.is_cut_short, found.skipped


def test_a_stop_skips_what_has_not_begun_and_says_that_it_did() -> None:
    waiting = StepRow("r", "train", State.PENDING)
    assert decided(waiting, State.PENDING) == (None, True, {"train": STOPPED})


@pytest.mark.parametrize("message", [STOPPED, "train is 'False', not 'True'", ""])
@pytest.mark.parametrize("is_stopping", [True, False])
def test_only_a_step_that_the_stop_kept_from_beginning_makes_a_run_stopped(
    message: str, is_stopping: bool
) -> None:
    skipped = StepRow("r", "train", State.SKIPPED, message, is_stopping=is_stopping)
    outcome, _, _ = decided(skipped, State.SUCCEEDED)
    assert outcome is (State.STOPPED if is_stopping else State.SUCCEEDED)
