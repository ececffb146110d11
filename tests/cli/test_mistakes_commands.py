from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from pipeline.actions.installation import Installation
from pipeline.core.mistakes.summary import write_summary
from pipeline.core.settings import Settings
from tests.cli.conftest import Cli
from tests.core.mistakes.sliced import made
from tests.core.mistakes.tables import drawn, table
from tests.tested_runs import NAMES, run_with_test, say_kept

pytestmark = pytest.mark.usefixtures("nothing_starts")
BOX = (100, 100, 200, 200)


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    return Installation(Settings(volume=volume, state=state, user="kim"))


def test_a_test_is_told_image_by_image(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, drawn(1, images=12), empty=["c/nothing.jpg"])
    said = cli("mistakes", run.name, "--json")
    found = said.json
    assert said.code == 0, said.err
    assert (found["split"], found["conf"], found["iou"]) == ("test", 0.25, 0.45)
    assert set(found["counts"]) == {"right", *found["cost"]}
    assert found["matrix"]["labels"] == [*NAMES, "background"]
    assert set(found["size"]["small"]) == {"instances", "AP50-95"}
    assert list(found["share"]) == ["0-0.001", "0.001-0.01", "0.01-0.1", "0.1-1"]
    assert set(found["share"]["0.1-1"]) == {"instances", "AP50-95"}
    assert set(found["threshold"]["classes"]) == set(NAMES)
    assert set(found["threshold"]["all"]) == {"conf", "precision", "recall", "f1"}
    assert {"image", "targets", "right", "missed", "background"} <= set(found["images"][0])
    assert found["images"][-1]["image"] == "c/nothing.jpg"


def test_the_matrix_and_the_counts_are_of_the_confidence_that_is_asked_for(
    cli: Cli, here: Installation
) -> None:
    run = run_with_test(here, drawn(2, images=12))
    low, high = (
        cli("mistakes", run.name, "--conf", conf, "--json").json for conf in ("0.01", "0.9")
    )
    assert low["counts"]["right"] > high["counts"]["right"]
    assert high["counts"]["right"] == sum(high["matrix"]["counts"][at][at] for at in range(3))
    assert low["cost"] == high["cost"]


def test_the_worst_slices_are_told(cli: Cli, here: Installation) -> None:
    boxes, _ = made(1, lambda targets: (targets["class"] == 2).cast(pl.Float64) * 0.7)
    run = run_with_test(here, boxes)
    [star] = cli("mistakes", run.name, "--json").json["slices"]
    assert star["slice"] == {"class": "star"}
    assert star["recall"]["value"] == star["right"] / star["targets"]
    assert star["recall"]["low"] < star["recall"]["value"] < star["recall"]["rest"] == 1
    assert "worst slices" in cli("mistakes", run.name).out


def test_what_the_test_has_worked_out_is_what_would_be_worked_out(
    cli: Cli, here: Installation
) -> None:
    run = run_with_test(here, drawn(2, images=12))
    before = cli("mistakes", run.name, "--json").json
    write_summary(run)
    assert cli("mistakes", run.name, "--json").json == before
    document = json.loads(run.mistakes.read_text())
    document["cost"]["missed"] = 0.125
    del document["share"]
    run.mistakes.write_text(json.dumps(document))
    after = cli("mistakes", run.name, "--json").json
    assert after["cost"]["missed"] == 0.125
    assert after["share"] == before["share"], "of a summary from before shares"


def test_only_the_worst_images_are_listed_when_asked(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, drawn(2, images=12))
    whole = cli("mistakes", run.name, "--json").json["images"]
    assert cli("mistakes", run.name, "--limit", "2", "--json").json["images"] == whole[:2]


def test_a_person_reads_first_what_costs_most(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, table(("a.jpg", "target", 1, None, BOX)))
    said = cli("mistakes", run.name).out
    assert said.startswith("On split test, mAP50 is 0.000; ")
    assert "a.jpg" in said and "best conf" in said and "share of the image" in said


@pytest.mark.parametrize(
    ("boxes", "sentence"),
    [
        (table(), "Nothing was to be found in the images of split test."),
        (table(("a", "prediction", 1, 0.9, BOX)), "Nothing was to be found"),
        (
            table(("a", "target", 1, None, BOX), ("a", "prediction", 1, 0.9, BOX)),
            "and no kind of mistake costs any of it.",
        ),
    ],
)
def test_tests_without_targets_or_mistakes_read_well(
    cli: Cli, here: Installation, boxes, sentence: str
) -> None:
    run = run_with_test(here, boxes, empty=["only.jpg"])
    assert sentence in cli("mistakes", run.name).out
    assert cli("mistakes", run.name, "--json").code == 0


def test_a_run_that_kept_nothing_is_to_be_tested_again(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, None)
    said = cli("mistakes", run.name)
    assert said.code == 5
    assert f"'slipway clone {run.name}'" in said.err, "it has no weights of its own"
    run.weights("best").parent.mkdir(parents=True)
    run.weights("best").touch()
    again = f"slipway clone {run.name} --no-train --test-split SPLIT"
    assert again in cli("mistakes", run.name).err


@pytest.mark.parametrize("name", ["boxes.parquet", "images.parquet", "confusion_matrix.json"])
def test_a_damaged_file_is_named(cli: Cli, here: Installation, name: str) -> None:
    run = run_with_test(here, drawn(1))
    (run.step("test") / name).write_bytes(b"PAR1 no")
    said = cli("mistakes", run.name)
    assert said.code == 3
    assert f"{name} is damaged" in said.err


@pytest.mark.parametrize("name", ["metrics.json", "confusion_matrix.json"])
def test_a_document_that_is_not_there_yet_or_damaged_is_named(
    cli: Cli, here: Installation, name: str
) -> None:
    run = run_with_test(here, drawn(1))
    path = run.step("test") / name
    for content in ("{", "[]", "{}", '{"split": "", "labels": []}', '{"split": 1, "labels": "a"}'):
        path.write_text(content)
        said = cli("mistakes", run.name)
        assert (said.code, f"{name} is damaged" in said.err) == (3, True), content
    path.unlink()
    said = cli("mistakes", run.name)
    assert (said.code, f"is not over, or has lost {name}." in said.err) == (5, True)


def test_what_the_test_left_out_is_said_and_never_guessed(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, drawn(2, images=12).filter(~(pl.col("conf") < 0.5).fill_null(False)))
    say_kept(run, conf=0.5, max_det=300, predictions_left_out=0, images_left_out=1)
    assert (
        "Boxes of less than confidence 0.5 were not kept. Images" in cli("mistakes", run.name).out
    )
    found = cli("mistakes", run.name, "--json").json
    assert found["conf"] == found["kept"]["conf"] == 0.5
    bests = [found["threshold"]["all"], *found["threshold"]["classes"].values()]
    assert all(best["conf"] >= 0.5 for best in bests)
    said = cli("mistakes", run.name, "--conf", "0.4")
    assert said.code == 3
    assert "kept boxes from confidence 0.5 on; 0.4 is less" in said.err
    assert cli("mistakes", run.name, "--conf", "0.6", "--json").json["conf"] == 0.6


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("partner", 10_000),
        ("image", None),
        ("x1", None),
        ("y2", float("nan")),
        ("x2", float("inf")),
        ("conf", float("-inf")),
        ("conf", float("nan")),
        ("conf", None),
    ],
)
def test_rows_that_no_test_writes_are_damage(
    cli: Cli, here: Installation, column: str, value: float | None
) -> None:
    run = run_with_test(here, drawn(1))
    rows = pl.read_parquet(run.boxes)
    rows = rows.with_columns(pl.lit(value).cast(rows.schema[column]).alias(column))
    rows.write_parquet(run.boxes)
    assert "boxes.parquet is damaged" in cli("mistakes", run.name).err


@pytest.mark.parametrize("conf", ["-0.1", "1.5", "nan", "much"])
def test_a_confidence_that_is_none_is_wrong_usage(cli: Cli, conf: str) -> None:
    said = cli("mistakes", "any", f"--conf={conf}")
    assert (said.code, "is not a number from 0 to 1" in said.err) == (2, True)


def test_a_run_that_is_not_there_is_not_found(cli: Cli) -> None:
    assert cli("mistakes", "nothing").code == 5


def test_classes_of_one_name_stay_two(cli: Cli, here: Installation) -> None:
    boxes = table(
        ("a", "target", 0, None, BOX),
        ("a", "prediction", 0, 0.9, BOX),
        ("b", "target", 2, None, BOX),
        ("b", "prediction", 1, 0.8, BOX),
    )
    run = run_with_test(here, boxes, names=("star", "all", "star"))
    found = cli("mistakes", run.name, "--json").json
    recalls = {name: of["recall"] for name, of in found["threshold"]["classes"].items()}
    assert recalls == {"star (0)": pytest.approx(1), "all": None, "star (2)": 0}
    assert found["matrix"]["labels"] == ["star", "all", "star", "background"], "as the test has it"
    rows = [line.split()[0] for line in cli("mistakes", run.name).out.splitlines() if line]
    assert rows.count("all") == 2, "a class may be called so"
    [label] = cli("mistakes", run.name, "--labels", "--limit", "1", "--json").json
    assert label["class"] == "star (2)"
    pair = cli("mistakes", run.name, run.name, "--json").json
    assert set(pair["classes"]) == {"star (0)", "star (2)"}


def test_a_run_that_goes_on_is_to_be_waited_for(cli: Cli, here: Installation) -> None:
    live, over = run_with_test(here, None, state="running"), run_with_test(here, drawn(1))
    early = run_with_test(here, drawn(1), state="running")
    early.test_metrics.unlink()  # written after the tables
    for words in (
        (live.name,),
        (live.name, over.name),
        (over.name, live.name),
        (live.name, "--labels"),
        (early.name,),
    ):
        said = cli("mistakes", *words)
        assert (said.code, "is not over" in said.err) == (5, True), words
        assert "Wait for it" in said.err and "clone" not in said.err


def test_while_the_engine_is_away_nobody_knows_whether_there_is_such_a_run(
    cli: Cli, here: Installation, tmp_path: Path
) -> None:
    run = run_with_test(here, drawn(1))
    (tmp_path / "file").touch()
    away = ("--state", str(tmp_path / "file"))
    for words in (("nothing",), (run.name, "nothing"), ("nothing", "--labels")):
        said = cli("mistakes", *words, *away)
        assert (said.code, "'nothing' is not known" in said.err) == (6, True), words
    assert cli("mistakes", run.name, *away, "--json").json["split"] == "test", "by its folder"


def test_a_test_of_one_class_reads_well(cli: Cli, here: Installation) -> None:
    boxes = drawn(2, images=12, classes=1)
    run = run_with_test(here, boxes, names=("thing",))
    found = cli("mistakes", run.name, "--json").json
    assert found["matrix"]["labels"] == ["thing", "background"]
    assert found["counts"]["wrong_class"] == found["counts"]["both"] == 0
    assert found["cost"]["wrong_class"] == found["cost"]["both"] == 0
    assert set(found["threshold"]["classes"]) == {"thing"}
    assert found["threshold"]["classes"]["thing"] == found["threshold"]["all"]
    assert not [of for of in found["slices"] if "class" in of["slice"]], "it is the whole test"
    assert cli("mistakes", run.name).code == cli("mistakes", run.name, "--labels").code == 0
    pair = cli("mistakes", run.name, run.name, "--json").json
    assert set(pair["classes"]) == {"thing"}
