"""Counts and their plot, from the verified data to what the KFP UI draws."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.volume.paths import Volume
from tests.step_images.step_runner import StepRunner

UID = "uid-1234-5678"


@pytest.fixture
def steps(volume: Path, tmp_path: Path) -> StepRunner:
    return StepRunner(volume, tmp_path / "outputs")


def distribution(steps: StepRunner) -> None:
    done = steps(
        "distribution",
        run_uid=UID,
        data_yaml=steps.output("data-yaml"),
        result_json_output=str(steps.outputs / "result"),
        cls_names_json_output=str(steps.outputs / "names"),
        mlpipeline_ui_metadata_output=str(steps.outputs / "ui"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def plot(steps: StepRunner) -> None:
    done = steps(
        "plot",
        run_uid=UID,
        result_json=str(steps.outputs / "result"),
        cls_names_json=str(steps.outputs / "names"),
        mlpipeline_ui_metadata_output=str(steps.outputs / "plot-ui"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_counts_are_those_of_inspect(steps: StepRunner) -> None:
    steps.verify()
    distribution(steps)
    result = json.loads(steps.output("result"))
    expected = inspect_dataset(Volume(steps.volume), "data-custom.yaml").as_dict()
    assert result["splits"] == expected["splits"]
    assert json.loads(steps.output("names")) == expected["names"]
    stored = steps.volume / "runs" / UID / "distribution" / "result.json"
    assert json.loads(stored.read_text(encoding="utf-8")) == result


def test_the_kfp_table_has_a_row_for_each_class(steps: StepRunner) -> None:
    steps.verify()
    distribution(steps)
    (table,) = json.loads(steps.output("ui"))["outputs"]
    assert (table["type"], table["storage"], table["format"]) == ("table", "inline", "csv")
    rows = list(csv.reader(table["source"].splitlines()))
    assert [row[0] for row in rows] == ["circle", "square", "star"]
    assert table["header"][:3] == ["class", "train images", "train instances"]
    assert all(len(row) == len(table["header"]) for row in rows)


def test_the_plot_is_a_png_and_a_page_with_it_inside(steps: StepRunner) -> None:
    steps.verify()
    distribution(steps)
    plot(steps)
    with Image.open(steps.volume / "runs" / UID / "plot" / "distribution.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 500
    (page,) = json.loads(steps.output("plot-ui"))["outputs"]
    assert (page["type"], page["storage"]) == ("web-app", "inline")
    assert '<img alt="distribution.png"' in page["source"]
    assert "data:image/png;base64,iVBOR" in page["source"]
    assert 'src="http' not in page["source"]


def test_korean_names_and_dollar_signs_are_only_names(steps: StepRunner) -> None:
    path = steps.volume / "data-custom.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["names"] = {0: "사과 <b>", 1: "$x_1$, y", 2: "별"}
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    steps.verify()
    distribution(steps)
    plot(steps)
    (table,) = json.loads(steps.output("ui"))["outputs"]
    names = [row[0] for row in csv.reader(table["source"].splitlines())]
    assert names == ["사과 <b>", "$x_1$, y", "별"]


def test_classes_of_one_name_are_counted_apart(steps: StepRunner) -> None:
    path = steps.volume / "data-custom.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data["names"] = {0: "star", 1: "square", 2: "star"}
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    steps.verify()
    distribution(steps)
    plot(steps)
    (table,) = json.loads(steps.output("ui"))["outputs"]
    names = [row[0] for row in csv.reader(table["source"].splitlines())]
    assert names == ["star (0)", "square", "star (2)"]
    assert list(json.loads(steps.output("result"))["splits"]["train"]["classes"]) == names


def test_a_dataset_that_broke_since_is_a_sentence(steps: StepRunner) -> None:
    steps.verify()
    Path(steps.output("data-yaml")).write_text("train: [", encoding="utf-8")
    done = steps(
        "distribution",
        run_uid=UID,
        data_yaml=steps.output("data-yaml"),
        result_json_output=str(steps.outputs / "result"),
        cls_names_json_output=str(steps.outputs / "names"),
        mlpipeline_ui_metadata_output=str(steps.outputs / "ui"),
    )
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1].startswith("distribution failed: the dataset has errors")
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("step", ["verify", "distribution", "plot", "notify"])
def test_light_steps_do_not_import_heavy_libraries(steps: StepRunner, step: str) -> None:
    import subprocess

    heavy = ("torch", "ultralytics", "kfp", "mlflow", "ray", "pandas", "cv2")
    code = (
        f"import step_images.{step}.__main__, sys; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
