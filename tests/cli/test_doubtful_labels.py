from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from yaml import safe_dump, safe_load

from pipeline.actions.installation import Installation
from pipeline.core.dataset.read import load_dataset
from pipeline.core.launch.choices import Choices
from pipeline.core.mistakes.table import image_name
from pipeline.core.settings import Settings
from pipeline.core.volume.run_folder import RunFolder
from tests.cli.conftest import Cli
from tests.core.mistakes.tables import drawn, table
from tests.tested_runs import run_with_test, say_kept

pytestmark = pytest.mark.usefixtures("nothing_starts")
SIZE = (640, 480)  # of the images in tests.tested_runs
SEEN = (64.0, 48.0, 128.0, 96.0)  # 0.15 0.15 0.1 0.1 of it
FAR = (320.0, 240.0, 384.0, 288.0)


@pytest.fixture
def here(volume: Path, state: Path) -> Installation:
    return Installation(Settings(volume=volume, state=state, user="kim"))


def _run_on(here: Installation, text: str, *, is_list: bool = False) -> RunFolder:
    """Give a run that saw one image, whose label file says this, and found one label's class wrong.

    Each table is made of the launch's own data, so that the file is where a test had it.
    """
    data = here.volume.resolve("data", Choices().data).path
    dataset = load_dataset(here.volume, data)
    base = dataset.splits["test"][0].path
    image = next(path for path in sorted(base.rglob("*")) if path.suffix in (".jpg", ".png"))
    label = Path(str(image).replace("/images/", "/labels/")).with_suffix(".txt")
    label.write_text(text)
    name = image_name(str(image), base)
    if is_list:  # verify writes a copy of the list into the run's folder, which names start from
        name = f"../../../{image.relative_to(here.volume.root)}"
        (here.volume.root / "listed.txt").write_text(f"{image}\n")
        yaml = here.volume.path(data)
        document = safe_load(yaml.read_text())
        document["test"] = str(here.volume.root / "listed.txt")
        yaml.write_text(safe_dump(document))
    return run_with_test(
        here,
        table(
            (name, "target", 0, None, SEEN),
            (name, "prediction", 1, 0.9, SEEN),
            (name, "prediction", 2, 0.5, FAR),
        ),
    )


def test_a_doubtful_label_is_told_with_its_line(cli: Cli, here: Installation) -> None:
    run = _run_on(here, "1 0.9 0.9 0.1 0.1\n\n0 0.15 0.15 0.1 0.1\n")
    said = cli("mistakes", run.name, "--labels", "--json")
    assert said.code == 0, said.err
    first, second = said.json
    assert set(first) == {"image", "line", "kind", "score", "class", "box", "mark"}
    assert (first["kind"], first["line"], first["class"]) == ("class", 3, "circle")
    assert first["box"] == list(SEEN)
    # One of one is taken for a square, and as if ten more were taken for what they are.
    assert first["score"] == pytest.approx(0.9 * (10 / 11) ** 3)
    assert (second["kind"], second["line"], second["class"]) == ("missing", None, "star")


def test_a_label_that_changed_since_the_test_has_no_line(cli: Cli, here: Installation) -> None:
    run = _run_on(here, "0 0.6 0.6 0.1 0.1\n")
    assert cli("mistakes", run.name, "--labels", "--json").json[0]["line"] is None


def test_lines_are_found_where_a_split_is_a_list(cli: Cli, here: Installation) -> None:
    run = _run_on(here, "1 0.9 0.9 0.1 0.1\n0 0.15 0.15 0.1 0.1\n", is_list=True)
    assert cli("mistakes", run.name, "--labels", "--json").json[0]["line"] == 2


def test_labels_of_data_that_are_gone_are_told_without_lines(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, table(("a.jpg", "target", 0, None, SEEN), *_says("a.jpg")))
    run.data.unlink()
    found = cli("mistakes", run.name, "--labels", "--json").json
    assert [row["line"] for row in found] == [None]


def test_only_the_most_doubtful_labels_are_listed_when_asked(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, drawn(2, images=12))
    whole = cli("mistakes", run.name, "--labels", "--json").json
    first = cli("mistakes", run.name, "--labels", "--limit", "2", "--json").json
    assert first == whole[:2] and len(first) == 2


def test_a_person_reads_labels_in_a_table(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, table(*_says("a.jpg")))
    said = cli("mistakes", run.name, "--labels").out
    assert said.startswith("score") and "missing" in said and "a.jpg" in said


@pytest.mark.parametrize("boxes", [table(), table(("a", "target", 1, None, SEEN))])
def test_a_test_without_doubts_says_so(cli: Cli, here: Installation, boxes: pl.DataFrame) -> None:
    run = run_with_test(here, boxes, empty=["only.jpg"])
    assert cli("mistakes", run.name, "--labels").out.strip() == "The model doubts no label."
    ranking = cli("mistakes", run.name, "--labels", "--json").json
    assert [label["score"] for label in ranking] == [0.0] * len(boxes), "all labels, none doubted"


def test_exit_codes_of_labels_are_those_of_mistakes(cli: Cli, here: Installation) -> None:
    assert cli("mistakes", run_with_test(here, None).name, "--labels").code == 5
    damaged = run_with_test(here, drawn(1))
    damaged.boxes.write_bytes(b"PAR1 no")
    assert cli("mistakes", damaged.name, "--labels").code == 3
    assert cli("mistakes", "any", "--labels", "--conf", "0.5").code == 2
    assert cli("mistakes", "nothing", "--labels").code == 5


def _says(image: str) -> list[tuple[object, ...]]:
    return [(image, "prediction", 1, 0.9, SEEN)]


def test_what_the_test_left_out_is_said_to_people(cli: Cli, here: Installation) -> None:
    run = run_with_test(here, drawn(2).filter(~(pl.col("conf") < 0.5).fill_null(False)))
    assert "not kept" not in cli("mistakes", run.name, "--labels").out
    found = cli("mistakes", run.name, "--labels", "--json").json
    say_kept(run, conf=0.5)
    said = cli("mistakes", run.name, "--labels").out
    assert said.startswith("Boxes of less than confidence 0.5 were not kept.\n\n")
    assert cli("mistakes", run.name, "--labels", "--json").json == found
