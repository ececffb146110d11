"""Small Argo workflows in the form that kfp 1.8.22 writes, with shell scripts as steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.core.states import State
from pipeline.engines.base import Engine, Run
from tests.kfp_backend import IMAGE

CLAIM = "{{inputs.parameters.volume-mount-name}}"
MANIFEST = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: NAME}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: train
  resources: {requests: {storage: 64Mi}}
"""
# A fixture draws it anew for every test: a cluster may hold the runs and claims of others.
token = "none"


def own(name: str) -> str:
    """Give a launch id that no other test has."""
    return f"{name}-{token}"


def claim() -> str:
    """Give the name of this test's own claim."""
    return own("slipway-test")


def own_runs(engine: Engine) -> list[Run]:
    """Give the runs of this test, newest first, whoever else uses the engine."""
    found: list[Run] = []
    following = ""
    while True:
        page = engine.list_runs(limit=100, token=following)
        found += [run for run in page.runs if run.launch.endswith(token)]
        following = page.next_token
        if not following:
            return found


def workflow(
    *steps: Mapping[str, Any],
    parameters: Mapping[str, str] | None = None,
    conditions: Mapping[str, str] | None = None,
    on_exit: str = "",
) -> dict[str, Any]:
    """Make a workflow that mounts the claim and then runs the steps one after the other.

    A step named in `conditions` is wrapped in a DAG of its own that runs when that parameter is
    ``True``, as kfp writes ``dsl.Condition``.
    """
    given, asks = dict(parameters or {}), conditions or {}
    templates: list[dict[str, Any]] = [_claim(), *map(dict, steps)]
    tasks: list[dict[str, Any]] = [{"name": "volume-mount", "template": "volume-mount"}]
    for entry in steps:
        task = _task(entry["name"], given)
        if entry["name"] in asks:
            template, condition = _condition(entry["name"], asks[entry["name"]], given)
            templates.append(template)
            task |= condition
        tasks.append({**task, "dependencies": [tasks[-1]["name"], "volume-mount"]})
    names = {"parameters": [{"name": name} for name in given]}
    passed = [{"name": name, "value": f"{{{{inputs.parameters.{name}}}}}"} for name in given]
    templates.append({"name": "exit-handler-1", "inputs": names, "dag": {"tasks": tasks}})
    entry_task = {"name": "exit-handler-1", "template": "exit-handler-1"}
    templates.append(
        {
            "name": "shapes",
            "inputs": names,
            "dag": {"tasks": [{**entry_task, "arguments": {"parameters": passed}}]},
        }
    )
    spec: dict[str, Any] = {
        "entrypoint": "shapes",
        "serviceAccountName": "pipeline-runner",
        "arguments": {"parameters": [{"name": k, "value": v} for k, v in given.items()]},
        "templates": templates,
    }
    if on_exit:
        templates.append(_exit_handler(on_exit))
        spec["onExit"] = "notify"
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "shapes-"},
        "spec": spec,
    }


def step(name: str, script: str, *, inputs: Sequence[str] = (), gpus: int = 0) -> dict[str, Any]:
    """Make the template of a step that runs a shell script with the claim at ``/data``."""
    resources = {"resources": {"limits": {"nvidia.com/gpu": gpus}}} if gpus else {}
    return {
        "name": name,
        "inputs": _inputs(inputs),
        "container": {
            "image": IMAGE,
            "command": ["sh", "-ec", script],
            "env": [{"name": "SLIPWAY_VOLUME", "value": "/data"}],
            "volumeMounts": [
                {"mountPath": "/data", "name": "volume-mount"},
                {"mountPath": "/dev/shm", "name": "shm"},
            ],
            **resources,
        },
        "metadata": {"labels": {"pipelines.kubeflow.org/pipeline-sdk-type": "kfp"}},
        "volumes": [
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
            {"name": "volume-mount", "persistentVolumeClaim": {"claimName": CLAIM}},
        ],
    }


def launch(engine: Engine, *steps: Mapping[str, Any]) -> str:
    """Start a run of this test's own and give its id."""
    document = workflow(*steps, parameters={"launch": own("l")})
    return engine.submit(document, own("l"))


def wait(engine: Engine, run_id: str, until: Callable[[Run], bool]) -> Run:
    """Ask until something holds; fail with what the run looked like last."""
    is_local = engine.name == "local"
    give_up_at = time.monotonic() + (30 if is_local else 180)
    while True:
        run = engine.get(run_id)
        if until(run):
            return run
        assert time.monotonic() < give_up_at, run
        time.sleep(0.02 if is_local else 0.3)


def finish(engine: Engine, run_id: str) -> Run:
    """Wait for the end of a run."""
    return wait(engine, run_id, lambda run: run.state.is_finished)


def is_running(name: str) -> Callable[[Run], bool]:
    """Give a condition for `wait`: the step runs."""
    return lambda run: states(run)[name] is State.RUNNING


def states(run: Run) -> dict[str, State]:
    """Give the steps' states by name."""
    return {entry.name: entry.state for entry in run.steps}


def messages(run: Run) -> dict[str, str]:
    """Give the steps' messages by name."""
    return {entry.name: entry.message for entry in run.steps}


def log(engine: Engine, run_id: str, name: str) -> str:
    """Give all that a step has printed."""
    return engine.logs(run_id, name).text


def read_on(engine: Engine, run_id: str, name: str, offset: int = 0) -> str:
    """Give what a step prints from an offset on, when that is all."""
    text = ""
    give_up_at = time.monotonic() + 60
    while True:
        chunk = engine.logs(run_id, name, offset)
        text, offset = text + chunk.text, chunk.offset
        if chunk.is_complete:
            return text
        assert time.monotonic() < give_up_at, text
        time.sleep(0.3)


def _claim() -> dict[str, Any]:
    return {
        "name": "volume-mount",
        "resource": {"action": "apply", "manifest": MANIFEST.replace("NAME", claim())},
        "outputs": {
            "parameters": [
                {"name": "volume-mount-manifest", "valueFrom": {"jsonPath": "{}"}},
                {"name": "volume-mount-name", "valueFrom": {"jsonPath": "{.metadata.name}"}},
                {
                    "name": "volume-mount-size",
                    "valueFrom": {"jsonPath": "{.status.capacity.storage}"},
                },
            ]
        },
    }


def _condition(
    name: str, parameter: str, given: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the DAG around a step, and what makes the step's task one of that DAG."""
    around = f"condition-{name}"
    dag = {"tasks": [_task(name, given, "inputs")]}
    when = f'"{{{{inputs.parameters.{parameter}}}}}" == "True"'
    return (
        {"name": around, "inputs": _inputs(given), "dag": dag},
        {"name": around, "template": around, "when": when},
    )


def _exit_handler(script: str) -> dict[str, Any]:
    """Give a step without the volume, as kfp lets its exit op depend on nothing."""
    handler = step("notify", script)
    del handler["inputs"], handler["volumes"], handler["container"]["volumeMounts"]
    handler["container"]["env"] = []
    return handler


def _task(name: str, given: Mapping[str, str], source: str = "tasks") -> dict[str, Any]:
    claim = "{{tasks.volume-mount.outputs.parameters.volume-mount-name}}"
    passed = [{"name": key, "value": f"{{{{inputs.parameters.{key}}}}}"} for key in given]
    passed.append({"name": "volume-mount-name", "value": claim if source == "tasks" else CLAIM})
    return {"name": name, "template": name, "arguments": {"parameters": passed}}


def _inputs(names: Sequence[str] | Mapping[str, str]) -> dict[str, Any]:
    return {"parameters": [{"name": name} for name in (*names, "volume-mount-name")]}
