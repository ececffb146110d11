"""What `pipeline.engines.base` promises, for every engine."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from pipeline.core.errors import InputError, NotFound, RunNotFound
from pipeline.core.states import State
from pipeline.engines.base import Engine
from tests.engines.documents import (
    finish,
    is_running,
    log,
    messages,
    own,
    own_runs,
    read_on,
    states,
    step,
    wait,
    workflow,
)

LONG = "echo started; trap 'exit 143' TERM; sleep 60 & wait"


def test_run_goes_through_its_steps_in_order(engine: Engine) -> None:
    document = workflow(
        step("verify", "echo checked"),
        step("plot", "echo {{inputs.parameters.cfg}}", inputs=["cfg"]),
        parameters={"cfg": "cfg-custom", "launch": own("l-1")},
    )
    run_id = engine.submit(document, own("l-1"))
    run = finish(engine, run_id)
    assert (run.id, run.launch, run.engine) == (run_id, own("l-1"), engine.name)
    assert run.state is State.SUCCEEDED, run
    assert [entry.name for entry in run.steps] == ["volume-mount", "verify", "plot"]
    assert set(states(run).values()) == {State.SUCCEEDED}
    assert run.parameters == {"cfg": "cfg-custom", "launch": own("l-1")}
    times = [run.created_at, run.started_at]
    for entry in run.steps:
        times += [entry.started_at, entry.finished_at]
    assert times == sorted(times)
    assert run.finished_at >= times[-1]
    assert log(engine, run_id, "plot") == "cfg-custom\n"


def test_run_is_found_by_launch_id_too(engine: Engine) -> None:
    run_id = engine.submit(workflow(step("verify", "true")), own("l-1"))
    assert engine.get(own("l-1")).id == run_id
    finish(engine, own("l-1"))


def test_submitting_a_launch_again_starts_nothing(engine: Engine) -> None:
    document = workflow(step("verify", "echo once >>/data/count"))
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda _: engine.submit(document, own("l-1")), range(8)))
    run = finish(engine, ids.pop())
    assert not ids
    assert len(own_runs(engine)) == 1
    assert engine.submit(document, own("l-1")) == run.id
    assert engine.get(run.id) == run


def test_engine_keeps_its_own_copy_of_the_workflow(engine: Engine) -> None:
    document = workflow(step("verify", "sleep 0.2"), step("plot", "echo kept"))
    run_id = engine.submit(document, own("l-1"))
    document["spec"]["templates"].clear()
    assert finish(engine, run_id).state is State.SUCCEEDED


def test_step_with_a_false_condition_is_skipped(engine: Engine) -> None:
    document = workflow(
        step("verify", "true"),
        step("train", "true"),
        step("tune", "true"),
        parameters={"bool_train": "True", "bool_tune": "False"},
        conditions={"train": "bool_train", "tune": "bool_tune"},
    )
    run = finish(engine, engine.submit(document, own("l-1")))
    assert run.state is State.SUCCEEDED
    assert states(run)["train"] is State.SUCCEEDED
    assert states(run)["tune"] is State.SKIPPED
    assert messages(run)["tune"] == "bool_tune is not True"


def test_failing_step_fails_the_run_and_skips_the_rest(engine: Engine) -> None:
    document = workflow(
        step("verify", "echo looking; echo data-custom.yaml has no train entry; exit 3"),
        step("train", "true"),
    )
    run = finish(engine, engine.submit(document, own("l-1")))
    assert run.state is State.FAILED
    assert states(run) == {
        "volume-mount": State.SUCCEEDED,
        "verify": State.FAILED,
        "train": State.SKIPPED,
    }
    assert messages(run)["verify"] == "data-custom.yaml has no train entry"
    assert messages(run)["train"] == "verify failed"
    assert run.message == "verify failed: data-custom.yaml has no train entry"


def test_stop_ends_the_running_step_and_skips_the_rest(engine: Engine) -> None:
    run_id = engine.submit(workflow(step("train", LONG), step("test", "true")), own("l-1"))
    wait(engine, run_id, lambda run: "started" in log(engine, run.id, "train"))
    engine.stop(run_id)
    engine.stop(run_id)
    run = finish(engine, run_id)
    assert run.state is State.STOPPED
    assert states(run)["train"] is State.STOPPED
    assert states(run)["test"] is State.SKIPPED
    engine.stop(run_id)
    assert engine.get(run_id) == run


def test_stop_right_after_the_submission(engine: Engine) -> None:
    script = "touch /data/begun; sleep 60 & wait"
    run_id = engine.submit(workflow(step("train", script), step("test", "true")), own("l-1"))
    engine.stop(run_id)
    run = finish(engine, run_id)
    assert run.state is State.STOPPED, run
    assert State.SUCCEEDED not in (states(run)["train"], states(run)["test"])


def test_retry_of_a_run_that_runs_changes_nothing(engine: Engine) -> None:
    document = workflow(step("train", f"echo begun; {LONG}"))
    run_id = engine.submit(document, own("l-1"))
    wait(engine, run_id, lambda run: "started" in log(engine, run.id, "train"))
    before = engine.get(run_id)
    engine.retry(run_id)
    assert engine.get(run_id).steps == before.steps
    engine.stop(run_id)
    finish(engine, run_id)
    assert log(engine, run_id, "train").count("begun") == 1


def test_retry_goes_on_at_the_step_that_failed(engine: Engine) -> None:
    document = workflow(
        step("verify", "echo verified >>/data/count"),
        step("train", "echo {{workflow.uid}}; test -e /data/ready"),
        step("test", "touch /data/tested"),
    )
    run_id = engine.submit(document, own("l-1"))
    failed = finish(engine, run_id)
    assert failed.state is State.FAILED
    helper = workflow(step("verify", "touch /data/ready; test ! -e /data/tested"))
    assert finish(engine, engine.submit(helper, own("l-2"))).state is State.SUCCEEDED
    engine.retry(run_id)
    run = finish(engine, run_id)
    assert run.state is State.SUCCEEDED, run
    assert (run.id, run.uid) == (failed.id, failed.uid)
    assert run.steps[1] == failed.steps[1]
    assert log(engine, run_id, "train") == f"{run.uid}\n" * 2
    engine.retry(run_id)
    assert engine.get(run_id) == run


def test_stopped_run_can_be_retried(engine: Engine) -> None:
    document = workflow(step("train", f"test -e /data/go && exit 0; touch /data/go; {LONG}"))
    run_id = engine.submit(document, own("l-1"))
    wait(engine, run_id, lambda run: "started" in log(engine, run.id, "train"))
    engine.stop(run_id)
    finish(engine, run_id)
    engine.retry(run_id)
    assert finish(engine, run_id).state is State.SUCCEEDED


@pytest.mark.parametrize(("code", "status"), [(0, "Succeeded"), (1, "Failed")])
def test_exit_handler_runs_last_and_knows_the_outcome(
    engine: Engine, code: int, status: str
) -> None:
    document = workflow(step("verify", f"exit {code}"), on_exit="echo {{workflow.status}}")
    run = finish(engine, engine.submit(document, own("l-1")))
    assert run.steps[-1].name == "notify"
    assert run.steps[-1].state is State.SUCCEEDED
    assert log(engine, run.id, "notify") == f"{status}\n"
    assert run.state is (State.FAILED if code else State.SUCCEEDED)


def test_deleted_run_is_gone(engine: Engine) -> None:
    run_id = engine.submit(workflow(step("train", LONG)), own("l-1"))
    wait(engine, run_id, is_running("train"))
    engine.delete(run_id)
    with pytest.raises(RunNotFound):
        engine.get(run_id)
    assert own_runs(engine) == []
    again = engine.submit(workflow(step("train", "true")), own("l-1"))
    assert again != run_id
    finish(engine, again)
    engine.delete(again)
    with pytest.raises(RunNotFound):
        engine.get(own("l-1"))


@pytest.mark.parametrize("call", ["get", "stop", "retry", "delete"])
def test_unknown_run_is_not_found(engine: Engine, call: str) -> None:
    with pytest.raises(RunNotFound, match="no-such-run"):
        getattr(engine, call)("no-such-run")


def test_logs_of_what_is_not_there(engine: Engine) -> None:
    with pytest.raises(RunNotFound):
        engine.logs("no-such-run", "train")
    run = finish(
        engine, engine.submit(workflow(step("verify", "exit 1"), step("plot", "")), own("l"))
    )
    with pytest.raises(NotFound, match="bake"):
        engine.logs(run.id, "bake")
    chunk = engine.logs(run.id, "plot")
    assert (chunk.text, chunk.offset, chunk.is_complete) == ("", 0, True)


def test_log_is_read_on_from_an_offset(engine: Engine) -> None:
    # In octal: the database of a KFP need not take more than Latin-1.
    script = "printf 'eins \\355\\225\\230\\353\\202\\230\\nzw'; "
    script += "while ! test -e /data/go; do sleep 0.02; done; printf 'ei'"
    document = workflow(step("train", script))
    run_id = engine.submit(document, own("l-1"))
    wait(engine, run_id, lambda run: log(engine, run.id, "train") != "")
    first = engine.logs(run_id, "train")
    assert (first.text, first.is_complete) == ("eins 하나\n", False)
    assert first.offset == len("eins 하나\n".encode())
    assert engine.logs(run_id, "train", first.offset).text == ""
    engine.stop(run_id)
    finish(engine, run_id)
    # A cluster may call a run over a little before its pod is; and KFP ends what it has kept with
    # a line's end that was not printed.
    assert read_on(engine, run_id, "train", first.offset).rstrip("\n") == "zw"


def test_runs_are_listed_newest_first_by_pages(engine: Engine) -> None:
    ids = [engine.submit(workflow(step("verify", "true")), own(f"l-{n}")) for n in range(5)]
    for run_id in ids:
        finish(engine, run_id)
    found, following = [], ""
    while True:
        page = engine.list_runs(limit=2, token=following)
        assert len(page.runs) <= 2
        found += page.runs
        following = page.next_token
        if not following:
            break
        assert len(page.runs) == 2
    assert len({run.id for run in found}) == len(found)
    assert [run.created_at for run in found] == sorted(
        (run.created_at for run in found), reverse=True
    )
    mine = [run for run in found if run.id in ids]
    assert [run.id for run in mine] == ids[::-1]
    assert mine[0] == engine.get(ids[-1])


def test_unknown_construct_is_refused_by_name_before_anything_runs(engine: Engine) -> None:
    document = workflow(step("verify", "true"), step("train", "true"))
    document["spec"]["templates"][2]["bakeStrategy"] = {"limit": 3}
    with pytest.raises(InputError) as caught:
        engine.submit(document, own("l-1"))
    assert "bakeStrategy" in str(caught.value)
    assert own_runs(engine) == []


def test_rendered_document_is_the_submitted_one(engine: Engine) -> None:
    document = workflow(step("verify", "true"), parameters={"data": "데이터"})
    assert yaml.safe_load(engine.render(document)) == document
