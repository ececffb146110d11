from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Cli
from tests.weights_files import sound_weights

# 17 training images: no batch of this size is left with a single image.
TINY = ("--model", "yolov8n-scratch.yaml", "--set", "epochs=1", "--set", "imgsz=64")
TINY += ("--set", "batch=5", "--set", "workers=0")


def test_compile_without_choices_is_the_generic_pipeline(cli: Cli, volume: Path) -> None:
    said = cli("compile")
    assert said.code == 0
    given = yaml.safe_load(said.out)["spec"]["arguments"]["parameters"]
    assert [(entry["name"], entry["value"]) for entry in given[:6]] == [
        ("model_name", "yolov8n.pt"),
        ("cfg", "cfg-custom"),
        ("data", "data-custom"),
        ("bool_train", "True"),
        ("bool_tune", "False"),
        ("launch", ""),
    ]
    assert not (volume / "runs").exists()


def test_compile_with_choices_takes_them_as_defaults(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "workflow.yaml"
    assert cli("compile", *TINY, "--tune", "-o", str(file)).code == 0
    given = yaml.safe_load(file.read_text())["spec"]["arguments"]["parameters"]
    values = {entry["name"]: entry["value"] for entry in given}
    assert values["model_name"] == "yolov8n-scratch.yaml"
    assert values["bool_tune"] == "True"
    assert json.loads(values["overrides"])["epochs"] == 1
    assert values["launch"] == ""


def test_compile_refuses_a_size_that_is_none(cli: Cli) -> None:
    said = cli("compile", "--shm-size", "much", "--json")
    assert (said.code, said.json["findings"][0]["code"]) == (3, "shm-size")


def test_a_launch_that_cannot_be_queued_records_nothing(
    cli: Cli, volume: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    said = cli("launch", *TINY, "--json", "--state", str(tmp_path / "file"))
    assert said.code == 6
    assert not (volume / "runs").exists()


def test_a_launch_with_mistakes_records_nothing(cli: Cli, volume: Path) -> None:
    said = cli("launch", "--model", "none", "--json")
    assert (said.code, said.json["ok"]) == (3, False)
    assert not (volume / "runs").exists()
    assert cli("runs", "--json").json == []


def test_weights_and_names_that_are_not_there_are_not_built(cli: Cli, volume: Path) -> None:
    (volume / "w.pt").write_bytes(sound_weights())
    for name, code in (("w.pt", "build-weights"), ("none.yaml", "file-missing")):
        said = cli("build", name, "--json")
        assert (said.code, said.json["findings"][0]["code"]) == (3, code)
    assert cli("build", "yolov8n-scratch.yaml", "--imgsz", "0").code == 2
    assert not (volume / "runs").exists()


@pytest.mark.slow
def test_a_model_is_built_and_why_it_cannot_be_is_said(cli: Cli, volume: Path) -> None:
    words = ("build", "yolov8n-scratch.yaml", "--imgsz", "64", "--wait", "--json")
    said = cli(*words)
    assert said.code == 0, said.err + said.out
    assert said.json["build"]["parameters"] == 3_011_433
    assert [step["name"] for step in said.json["steps"]] == ["volume-mount", "build", "notify"]
    assert "129" in cli("show", said.json["launch"]).out
    assert cli("logs", said.json["launch"], "build").out

    model = volume / "yolov8-scratch.yaml"
    model.write_text(model.read_text().replace("SPPF, [1024, 5]", "SPPF, [1024, 4]"))
    said = cli(*words)
    assert (said.code, said.json["state"], said.json["build"]) == (4, "failed", {})
    assert "layer 9 (SPPF, line" in said.json["message"]


@pytest.mark.slow
def test_a_run_from_launch_to_delete(cli: Cli, volume: Path) -> None:
    said = cli("launch", *TINY, "--wait", "--json")
    shown = said.json
    assert said.code == 0, said.err + said.out
    assert shown["state"] == "succeeded"
    states = {step["name"]: step["state"] for step in shown["steps"]}
    assert (states["test"], states["tune"]) == ("succeeded", "skipped")
    assert {"best", "best_epoch", "last"} == set(shown["metrics"]["mAP50-95"])
    assert shown["test"]["split"] == "test"
    assert shown["params"]["epochs"] == "1"
    assert shown["mlflow"]["run_id"]
    launch, folder = shown["launch"], Path(shown["folder"])
    assert folder == volume / "runs" / launch

    assert cli("show", launch[:-1], "--json").json["run"] == shown["run"]
    assert cli("logs", launch, "train").out
    assert cli("logs", launch, "nothing").code == 5
    assert cli("track", launch, "--json").json["logged"] == 0
    assert cli("retry", launch, "--json").json["state"] == "succeeded"
    models = cli("ls", "models", "--json").json["models"]
    assert f"runs/{launch}/train/weights/best.pt" in {model["path"] for model in models}

    clone = cli("clone", launch, "--set", "lr0=0.02", "--tune", "--json").json
    assert cli("stop", clone["launch"], "--json").json["state"] == "stopped"
    assert cli("stop", clone["run"], "--json").json["state"] == "stopped"
    rows = cli("runs", "--json").json
    assert [row["launch"] for row in rows] == [clone["launch"], launch]
    assert rows[1]["metrics"]["mAP50-95"] == shown["metrics"]["mAP50-95"]["best"]
    compared = cli("compare", launch, clone["launch"], "--json").json
    assert set(compared) == {"params", "metrics", "data"}
    switches = {run: str(on) for run, on in compared["params"]["tune"].items()}
    assert switches == {launch: "False", clone["launch"]: "True"}
    assert "train" not in compared["params"]

    for name in (clone["launch"], launch):
        gone = cli("delete", name, "--json")
        assert (gone.code, gone.json["state"]) == (0, "deleted")
        assert cli("delete", name, "--json").json["freed_bytes"] == 0
    assert not folder.exists()
    assert cli("show", launch).code == 5
