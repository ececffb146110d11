from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.actions.installation import Installation
from pipeline.core.settings import Settings
from tests.cli.conftest import Cli
from tests.core.mistakes.tables import table
from tests.tested_runs import run_with_test

pytestmark = pytest.mark.usefixtures("nothing_starts")
BOX = (100, 100, 200, 200)
IMAGES = [f"{number}.jpg" for number in range(24)]


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    return Installation(Settings(volume=volume, state=state, user="kim"))


def run_of(here: Installation, found: list[str], labelled: list[str] = IMAGES, **more) -> str:
    """Give a run whose test found the star of some images."""
    rows = [(name, "target", 2, None, BOX) for name in labelled]
    rows += [(name, "prediction", 2, 0.9, BOX) for name in found]
    return run_with_test(here, table(*sorted(rows)), **more).name


def test_what_another_run_fixed_and_broke_is_listed(cli: Cli, here: Installation) -> None:
    run, other = run_of(here, IMAGES[:10]), run_of(here, IMAGES[1:22])
    answer = cli("mistakes", run, other, "--json")
    found = answer.json
    assert answer.code == 0, answer.err
    assert sorted(found["fixed"]) == sorted(IMAGES[10:22])
    assert found["broken"] == [IMAGES[0]]
    assert (found["same"], found["still_wrong"], found["still_right"]) == (11, 2, 9)
    assert found["classes"] == {"star": {"targets": 24, "fixed": 12, "broken": 1}}
    delta = found["delta"]["mAP50-95"]
    assert delta["low"] <= delta["value"] <= delta["high"]
    change = found["metrics"]["other"]["mAP50-95"] - found["metrics"]["run"]["mAP50-95"]
    assert (delta["value"], delta["more_than_chance"]) == (pytest.approx(change), True)
    assert not any(found["differs"][name] for name in ("only_run", "only_other", "relabelled"))


def test_lists_are_whole_unless_there_is_a_limit(cli: Cli, here: Installation) -> None:
    run, other = run_of(here, []), run_of(here, IMAGES)
    assert len(cli("mistakes", run, other, "--json").json["fixed"]) == 24
    found = cli("mistakes", run, other, "--limit", "3", "--json").json
    assert (len(found["fixed"]), found["same"]) == (3, 0)


def test_the_confidence_decides_what_is_right(cli: Cli, here: Installation) -> None:
    run, other = run_of(here, []), run_of(here, IMAGES)
    found = cli("mistakes", run, other, "--conf", "0.95", "--json").json
    assert (found["fixed"], found["still_wrong"]) == ([], 24)
    assert found["delta"]["mAP50"]["value"] > 0.9


@pytest.mark.parametrize(
    ("one", "other", "sentence"),
    [
        (IMAGES[:3], IMAGES, "mAP50-95 rose by 0.870, from 0.125 to 0.995 ("),
        (IMAGES, IMAGES[:3], "): more than chance."),
        (IMAGES[:12], IMAGES[:13], "): it could be chance."),
        (IMAGES, IMAGES, "mAP50-95 did not change, from 0.995 to 0.995 ("),
    ],
)
def test_a_person_reads_first_whether_it_is_more_than_chance(
    cli: Cli, here: Installation, one: list[str], other: list[str], sentence: str
) -> None:
    said = cli("mistakes", run_of(here, one), run_of(here, other)).out
    assert sentence in said.splitlines()[0]
    assert "Of 24 images, at confidence 0.25, " in said


def test_few_images_cannot_tell(cli: Cli, here: Installation) -> None:
    run, other = (run_of(here, names, IMAGES[:5]) for names in ([], IMAGES[:5]))
    assert "with fewer than 20 images nobody can tell" in cli("mistakes", run, other).out
    found = cli("mistakes", run, other, "--json").json
    assert found["delta"]["mAP50-95"]["more_than_chance"] is None


def test_what_is_left_out_is_said(cli: Cli, here: Installation) -> None:
    run = run_of(here, IMAGES[:10], IMAGES[:22], empty=["only.jpg"])
    other = run_of(here, IMAGES[1:10], IMAGES[1:], empty=[IMAGES[0]])
    found = cli("mistakes", run, other, "--json").json
    assert found["images"] == 21
    differs = {name: found["differs"][name] for name in ("only_run", "only_other", "relabelled")}
    assert differs == {"only_run": 1, "only_other": 2, "relabelled": 1}
    said = cli("mistakes", run, other).out
    assert f"Left out: images that only {run} was tested on (1), images that only {other}" in said
    assert "images whose labels differ (1)." in said


def test_data_that_differ_are_said(cli: Cli, here: Installation, volume: Path) -> None:
    run = run_of(here, IMAGES)
    assert cli("mistakes", run, run, "--json").json["differs"]["data"] == "labels"
    label = next((volume / "datasets").rglob("labels/train/*.txt"))
    label.write_text("0 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    other = run_of(here, IMAGES)
    assert cli("mistakes", run, other, "--json").json["differs"]["data"] == "different"
    assert "The runs' data are not the same. Labels or lists" in cli("mistakes", run, other).out


def test_nothing_in_common_is_not_acceptable(cli: Cli, here: Installation) -> None:
    said = cli("mistakes", run_of(here, [], ["a"]), run_of(here, [], ["b"]))
    assert (said.code, "no image in common" in said.err) == (3, True)


def test_tests_without_boxes_are_all_right(cli: Cli, here: Installation) -> None:
    run = run_of(here, [], [], empty=["a", "b"])
    found = cli("mistakes", run, run, "--json").json
    assert (found["same"], found["still_right"], found["classes"]) == (2, 2, {})
    assert found["delta"]["mAP50-95"]["value"] == 0
    assert cli("mistakes", run, run).code == 0


def test_the_run_that_kept_nothing_is_named(cli: Cli, here: Installation) -> None:
    run, other = run_of(here, []), run_with_test(here, None).name
    said = cli("mistakes", run, other)
    assert (said.code, f"slipway clone {other}" in said.err) == (5, True)


def test_labels_are_doubted_by_one_run_only(cli: Cli) -> None:
    said = cli("mistakes", "one", "other", "--labels")
    assert (said.code, "--labels is about one run" in said.err) == (2, True)
