"""What a step sees on this machine: paths, values, files, environment."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core.errors import InputError
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import folder_of_run
from pipeline.engines.base import Engine
from pipeline.engines.registry import make_engine
from tests.engines.documents import claim, finish, log, messages, states, step, workflow

OUT = "/tmp/outputs/model_path/data"


def giving(script: str, **output: Any) -> dict[str, Any]:
    """A step with an output that is both a parameter and an artifact, as kfp declares it."""
    entry = step("verify", script)
    entry["outputs"] = {
        "parameters": [{"name": "verify-model_path", "valueFrom": {"path": OUT}}],
        "artifacts": [{"name": "verify-model_path", "path": OUT, **output}],
    }
    return entry


def taking(document: dict[str, Any], path: str = "/tmp/inputs/model/data") -> dict[str, Any]:
    """Hand the output of verify to plot: the value as a parameter, the file as an artifact."""
    templates = {entry["name"]: entry for entry in document["spec"]["templates"]}
    task = templates["exit-handler-1"]["dag"]["tasks"][2]
    source = "{{tasks.verify.outputs.%s.verify-model_path}}"
    task["arguments"]["parameters"].append({"name": "model", "value": source % "parameters"})
    task["arguments"]["artifacts"] = [{"name": "file", "from": source % "artifacts"}]
    templates["plot"]["inputs"]["artifacts"] = [{"name": "file", "path": path}]
    return document


def test_outputs_reach_later_steps_as_values_and_as_files(local_engine: Engine) -> None:
    script = 'echo "{{inputs.parameters.model}}"; cat /tmp/inputs/model/data'
    document = workflow(
        giving(f"printf '%s\\n\\n' 'a \"b\" {{{{c}}}} 하나' >{OUT}"),
        step("plot", script, inputs=["model"]),
    )
    # As in Argo, what looks like a placeholder in the document must be one; in a value it is text.
    document["spec"]["templates"][1]["container"]["command"] = [
        "python",
        "-c",
        f"open('{OUT}', 'w').write('{{' + '{{c}}' + '}} 하나\\n')",
    ]
    run = finish(local_engine, local_engine.submit(taking(document), "l-1"))
    assert run.state is State.SUCCEEDED, run
    assert log(local_engine, run.id, "plot") == "{{c}} 하나\n{{c}} 하나\n"


def test_output_that_was_not_written_fails_the_step(local_engine: Engine) -> None:
    run = finish(local_engine, local_engine.submit(workflow(giving("true")), "l-1"))
    assert run.state is State.FAILED
    assert messages(run)["verify"] == f"output 'verify-model_path' was not written ({OUT})."


def test_raw_artifact_is_written_to_its_path(local_engine: Engine) -> None:
    entry = step("verify", "cat /tmp/inputs/text/data")
    entry["inputs"]["artifacts"] = [
        {"name": "text", "path": "/tmp/inputs/text/data", "raw": {"data": "roh {}"}}
    ]
    run = finish(local_engine, local_engine.submit(workflow(entry), "l-1"))
    assert log(local_engine, run.id, "verify") == "roh {}"


def test_mount_path_is_the_volume(local_engine: Engine, settings: Settings) -> None:
    script = "echo $SLIPWAY_VOLUME --data=/data/x /database a/data {{inputs.parameters.p}}; pwd"
    document = workflow(step("verify", script, inputs=["p"]), parameters={"p": "/data/typed"})
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    first, folder = log(local_engine, run.id, "verify").splitlines()
    volume = settings.volume
    assert first == f"{volume} --data={volume}/x /database a/data /data/typed"
    assert folder.endswith("main") or (volume / folder / "pipeline").is_dir()


def test_claim_stands_for_the_volume(local_engine: Engine, settings: Settings) -> None:
    run = finish(local_engine, local_engine.submit(workflow(step("verify", "true")), "l-1"))
    line = f"{claim()} stands for {settings.volume}\n"
    assert log(local_engine, run.id, "volume-mount") == line


def test_volume_that_is_not_there_fails_the_mount(local_engine: Engine, settings: Settings) -> None:
    settings.volume.rmdir()
    run = finish(local_engine, local_engine.submit(workflow(step("verify", "true")), "l-1"))
    assert states(run)["volume-mount"] is State.FAILED
    assert str(settings.volume) in run.message
    settings.volume.mkdir()
    local_engine.retry(run.id)
    assert finish(local_engine, run.id).state is State.SUCCEEDED


def test_environment_is_an_allow_list(
    local_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "kim")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://not-of-these-settings")
    monkeypatch.setenv("AWS_PROFILE", "lab")
    monkeypatch.setenv("PRIVATE_TOKEN", "secret")
    run = finish(local_engine, local_engine.submit(workflow(step("verify", "env")), "l-1"))
    lines = log(local_engine, run.id, "verify").splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert {"MLFLOW_TRACKING_USERNAME=kim", "AWS_PROFILE=lab"} <= set(lines)
    assert f"SLIPWAY_STATE={settings.state}" in lines
    assert {"PATH", "HOME", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"} <= names
    assert not {
        name for name in names if name.startswith(("PYTEST", "PRIVATE", "MLFLOW_TRACKING_URI"))
    }


def test_secret_comes_from_the_own_environment(
    local_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = step("verify", "echo $REGISTRY_PASSWORD")
    reference = {"secretKeyRef": {"name": "registry", "key": "password"}}
    entry["container"]["env"].append({"name": "REGISTRY_PASSWORD", "valueFrom": reference})
    with pytest.raises(InputError, match="REGISTRY_PASSWORD"):
        local_engine.submit(workflow(entry), "l-1")
    monkeypatch.setenv("REGISTRY_PASSWORD", "geheim")
    run = finish(local_engine, local_engine.submit(workflow(entry), "l-1"))
    assert log(local_engine, run.id, "verify") == "geheim\n"


def test_mlflow_is_reached_as_the_settings_say_whatever_the_document_leaves_out(
    local_engine: Engine, settings: Settings
) -> None:
    engine = make_engine(replace(settings, tracking_uri="http://kim:pw@127.0.0.1:9"))
    for launch, said, reached in (
        ("l-1", "http://127.0.0.1:9", "http://kim:pw@127.0.0.1:9"),
        ("l-2", "http://another:9", "http://another:9"),
    ):
        entry = step("verify", "echo $MLFLOW_TRACKING_URI")
        entry["container"]["env"].append({"name": "MLFLOW_TRACKING_URI", "value": said})
        run = finish(local_engine, engine.submit(workflow(entry), launch))
        assert log(local_engine, run.id, "verify") == f"{reached}\n"


def test_program_that_is_not_there_is_named(local_engine: Engine) -> None:
    entry = step("verify", "")
    entry["container"]["command"] = ["no-such-program"]
    run = finish(local_engine, local_engine.submit(workflow(entry), "l-1"))
    assert messages(run)["verify"].startswith("no-such-program cannot be started")


def test_failure_file_of_the_step_is_the_message(local_engine: Engine, settings: Settings) -> None:
    script = 'd=/data/runs/l-1/train; mkdir -p "$d"; cp /data/failure.json "$d"; echo noise; exit 1'
    said = {"error": "lr0 is 'x'.", "why": "cfg.yaml:3", "next": "Write a number."}
    (settings.volume / "failure.json").write_text(json.dumps(said))
    document = workflow(step("train", script), parameters={"launch": "l-1"})
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    assert folder_of_run(Volume(settings.volume), "l-1", run.uid).failure("train").exists()
    assert messages(run)["train"] == "lr0 is 'x'. Write a number."


def test_failing_exit_handler_fails_the_run(local_engine: Engine) -> None:
    document = workflow(step("verify", "true"), on_exit="echo no webhook; exit 1")
    run = finish(local_engine, local_engine.submit(document, "l-1"))
    assert run.state is State.FAILED
    assert run.message == "notify failed: no webhook"
