"""What settings and a launch put into the pods of the document: place, addresses, secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.launch.choices import Choices
from pipeline.core.settings import Settings
from pipeline.workflow.compile import compile_workflow
from tests.workflow.compiled import (
    HEAVY,
    PROGRAMS,
    launch_of,
    plain_variables,
    templates,
)


def test_a_webhook_address_is_not_written_into_the_document(settings: Settings) -> None:
    secret = replace(settings, webhook_url="https://hooks.example/T0KEN")
    assert "T0KEN" not in json.dumps(compile_workflow(secret))


def test_what_weights_may_use_is_of_the_installation_and_no_parameter(settings: Settings) -> None:
    allowing = replace(settings, weights_allow=("mine.Head", "mine.Neck"))
    document = compile_workflow(allowing)
    entry = {"name": "SLIPWAY_WEIGHTS_ALLOW", "value": "mine.Head,mine.Neck"}
    for step in (*HEAVY, "verify"):
        assert entry in templates(document)[step]["container"]["env"]
    assert "mine.Head" not in json.dumps(document["spec"]["arguments"])
    assert "SLIPWAY_WEIGHTS_ALLOW" not in json.dumps(compile_workflow(settings))


@pytest.mark.parametrize("engine", ["local", "kubeflow"])
@pytest.mark.parametrize("form", ["http://kim:{}@h:1/x", "http://{}@h:1", "http://h:1/?token={}"])
def test_no_address_brings_a_secret_into_the_document(
    settings: Settings, engine: str, form: str
) -> None:
    address = form.format("S3cret")
    secret = replace(
        settings,
        engine=engine,
        tracking_uri=address,
        pod_tracking_uri=address,
        s3_endpoint_url=address,
        kfp_endpoint=address,
        weights_url=address,
        webhook_url=address,
        kfp_token="S3cret",
        kfp_cookie="S3cret",
    )
    document = compile_workflow(secret)
    assert "S3cret" not in json.dumps(document)
    said = plain_variables(templates(document)["train"])["MLFLOW_TRACKING_URI"]
    assert said.startswith("http://h:1")


def test_resources_and_placement_go_to_the_steps_that_compute(settings: Settings) -> None:
    choices = Choices(
        gpus=2,
        cpus=4,
        mem_gb=8,
        node_selector={"disk": "ssd"},
        tolerations=("nvidia.com/gpu:NoSchedule", "team=vision:NoExecute"),
    )
    documents = templates(compile_workflow(settings, launch_of(choices)))
    for step in HEAVY:
        assert documents[step]["container"]["resources"] == {
            "limits": {"nvidia.com/gpu": 2, "memory": "8G"},
            "requests": {"cpu": "4", "memory": "8G"},
        }
        assert documents[step]["nodeSelector"] == {"disk": "ssd"}
        assert documents[step]["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "team", "operator": "Equal", "value": "vision", "effect": "NoExecute"},
        ]
        assert {"name": "OMP_NUM_THREADS", "value": "4"} in documents[step]["container"]["env"]
    for step in ("verify", "distribution", "plot", "notify"):
        assert "resources" not in documents[step]["container"]
        assert not {"nodeSelector", "tolerations"} & set(documents[step])


def test_images_and_tracking_come_from_the_settings(settings: Settings) -> None:
    other = replace(
        settings,
        image_light="registry/light:1",
        image_yolo="registry/yolo:1",
        tracking_uri="http://mlflow:5000",
        s3_endpoint_url="http://minio:9000",
    )
    documents = templates(compile_workflow(other))
    assert documents["verify"]["container"]["image"] == "registry/light:1"
    assert documents["tune"]["container"]["image"] == "registry/yolo:1"
    assert plain_variables(documents["verify"]) == {"SLIPWAY_VOLUME": "/data"}
    assert plain_variables(documents["train"]) == {
        "SLIPWAY_VOLUME": "/data",
        "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000",
    }


def test_pods_are_told_the_address_that_they_reach(settings: Settings) -> None:
    both = replace(
        settings, tracking_uri="http://127.0.0.1:5000", pod_tracking_uri="http://u:p@mlflow:5000"
    )
    for engine, address in (("local", "http://127.0.0.1:5000"), ("kubeflow", "http://mlflow:5000")):
        document = templates(compile_workflow(replace(both, engine=engine)))["train"]
        assert plain_variables(document)["MLFLOW_TRACKING_URI"] == address


@hypothesis.settings(max_examples=15, deadline=None)
@given(
    password=st.text(
        st.characters(exclude_characters="/?#[]", codec="utf-8"), min_size=3, max_size=12
    )
)
@example(password="00\n")
def test_no_password_of_mlflow_gets_into_the_document(password: str) -> None:
    secret = f"zq{password}qz"
    for address in (f"http://kim:{secret}@mlflow:5000", f"https://kim:{quote(secret)}@mlflow/x"):
        asked = Settings(
            volume=Path("/volume"), state=Path("/state"), user="kim", tracking_uri=address
        )
        text = yaml.safe_dump(compile_workflow(asked), allow_unicode=True)
        assert "zq" not in text and "qz" not in text and "kim" not in text


def test_secrets_are_optional_and_from_the_named_secret(settings: Settings) -> None:
    documents = templates(compile_workflow(replace(settings, secret_name="team")))
    tracking = {
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    expected: dict[str, set[str]] = {
        step: tracking if step in HEAVY else set() for step in PROGRAMS
    }
    expected["notify"] = {"SLIPWAY_WEBHOOK_URL"}
    for step, names in expected.items():
        variables = documents[step]["container"].get("env", [])
        references = {
            item["name"]: item["valueFrom"]["secretKeyRef"]
            for item in variables
            if "valueFrom" in item
        }
        assert references == {
            name: {"name": "team", "key": name, "optional": True} for name in names
        }


def test_pods_may_write_on_a_new_volume_and_pull_only_what_is_missing(
    workflow: dict[str, Any],
) -> None:
    assert workflow["spec"]["securityContext"] == {
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",  # not through all files at every start
    }
    for step in (*PROGRAMS, "notify"):
        document = templates(workflow)[step]
        assert document["container"]["imagePullPolicy"] == "IfNotPresent"
        assert "retryStrategy" not in document


@pytest.mark.parametrize("step", PROGRAMS)
def test_the_local_engine_takes_the_document_and_names_what_it_ignores(
    tmp_path: Path, step: str
) -> None:
    from pipeline.engines.argo.document import read_document

    asked = Settings(volume=tmp_path, state=tmp_path, tracking_uri="http://kim:pw@mlflow:5000")
    choices = Choices(cpus=2, mem_gb=8, node_selector={"a": "b"}, tolerations=("k:NoSchedule",))
    notes = {
        note.where for note in read_document(compile_workflow(asked, launch_of(choices))).notes
    }
    assert "spec.securityContext" in notes
    for field in ("nodeSelector", "tolerations"):
        assert (f"spec.templates[{step}].{field}" in notes) == (step in HEAVY)
