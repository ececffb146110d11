import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard import services
from dashboard.views.datasets.findings import findings_table, fitting
from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.files import sha256_file
from pipeline.core.findings import error, warning
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from tests.dashboard.pages import open_page, text_of
from tests.waiting import until

LABELS = "datasets/shapes/labels/train"
IMAGES = "datasets/shapes/images/train"


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views.datasets import page as datasets

    guarded(datasets.render)()


def korean() -> None:
    from dashboard import language
    from dashboard.errors import guarded
    from dashboard.views.datasets import page as datasets

    language.choose()
    guarded(datasets.render)()


def opened(**query: str) -> AppTest:
    return settled(open_page(script, **query))


def settled(page: AppTest) -> AppTest:
    """Draw the page once nothing is being read any more."""
    names = [choice.path for choice in services.here().volume.choices("data")]
    known = services.inspections().known
    until(lambda: all(known(name).report and not known(name).is_running for name in names))
    page.run()
    assert not page.exception
    return page


def html_of(page: AppTest) -> str:
    return "\n".join(element.proto.body for element in page.get("html"))


def write(volume: Path, name: str, text: str) -> None:
    (volume / name).parent.mkdir(parents=True, exist_ok=True)
    (volume / name).write_text(text, encoding="utf-8")


def test_an_empty_volume_says_what_belongs_here(installation: Path) -> None:
    (installation / "data-custom.yaml").unlink()
    page = open_page(script)
    assert "No dataset on the volume yet" in text_of(page)
    assert str(installation) in page.code[0].value


def test_the_answer_comes_first_then_where_every_split_lies(installation: Path) -> None:
    page = opened()
    assert "**24 images · " in text_of(page)
    assert "3 classes · imbalance" in text_of(page) and "nothing wrong" in text_of(page)
    table = page.dataframe[0].value
    assert list(table["split"]) == ["train", "val", "test"]
    assert list(table["images"]) == [17, 5, 2]
    assert table["where it lies"][0] == IMAGES
    assert "relative paths start" in text_of(page)


def test_the_list_says_how_each_dataset_is(installation: Path) -> None:
    write(installation, "data-broken.yaml", "train: [\n")
    write(installation, f"{LABELS}/train-0001.txt", "0 0.5 0.5\n")
    page = opened(data="data-custom")
    text = text_of(page)
    assert ":red[1 error]" in text and ":orange[1 warning] · 24 images" in text
    page.button(key="datasets.open.data-broken").click().run()
    assert page.query_params["data"] == ["data-broken"]
    page = settled(page)
    assert "What keeps the dataset from being read" in text_of(page)
    assert "data-broken.yaml:" in text_of(page)


def test_a_link_to_what_is_gone_says_so(installation: Path) -> None:
    assert "There is no data yaml 'gone'" in text_of(opened(data="gone"))


def test_splits_that_do_not_exist_say_what_to_do(installation: Path) -> None:
    text = (installation / "data-custom.yaml").read_text().replace("images/val", "images/nope")
    write(installation, "data-custom.yaml", text)
    shown = text_of(opened())
    assert "images/nope" in shown and "Correct" in shown


@pytest.mark.parametrize(
    ("line", "yaml", "said"),
    [
        ("0 .1 .1 .5 .1 .5 .5 .3 .6 .1 .5", "", "segment"),
        ("0 .1 .1 .5 .1 .5 .5 .1 .5", "", "obb"),
        ("0 .5 .5 .2 .2 .4 .4 .6 .6", "kpt_shape: [2, 2]\n", "pose"),
    ],
)
def test_other_tasks_are_named_and_drawn(
    installation: Path, line: str, yaml: str, said: str
) -> None:
    for label in (installation / "datasets/shapes/labels").rglob("*.txt"):
        label.write_text(f"{line}\n")
    path = installation / "data-custom.yaml"
    path.write_text(path.read_text() + yaml)
    page = opened(part="samples")
    assert said in text_of(page)
    assert html_of(page).count("image/svg+xml") == 24


def test_folders_of_classes_are_counted_and_said_to_be_no_detection_data(
    installation: Path,
) -> None:
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (installation / "datasets" / "pets" / split / name).mkdir(parents=True)
            Image.new("RGB", (32, 32)).save(installation / "datasets/pets" / split / name / "0.png")
    text = "path: datasets/pets\ntrain: train\nval: val\nnames: [cat, dog]\n"
    write(installation, "data-pets.yaml", text)
    shown = text_of(opened(data="data-pets"))
    assert "classify" in shown and "label file" in shown


def test_the_distribution_can_be_turned_into_a_table(installation: Path) -> None:
    page = opened()
    page.button_group(key="datasets.data-custom.yaml.view").set_value(":material/table_rows:").run()
    table = page.dataframe[1].value
    assert list(table.columns) == ["class", "train", "val", "test"]
    page.toggle(key="datasets.data-custom.yaml.share").set_value(True).run()
    assert page.dataframe[1].value["train"].sum() == pytest.approx(100)


def test_boxes_are_described_by_split(installation: Path) -> None:
    text = text_of(opened(part="boxes"))
    assert "median side" in text and "at imgsz 640" in text
    assert "Known when every image was opened" in text


def test_findings_are_filtered_and_lead_to_the_image(installation: Path) -> None:
    write(installation, f"{LABELS}/train-0001.txt", "0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.1 0.1\n")
    write(installation, f"{LABELS}/train-0002.txt", "0 0.5 0.5\n")
    page = opened(part="findings")
    table = page.dataframe[0].value
    assert list(table["code"]) == ["label-class-unknown", "label-malformed"]
    page.selectbox(key="form.severity").set_value("warning").run()
    assert list(page.dataframe[0].value["where"]) == [f"{LABELS}/train-0002.txt:1"]
    assert page.query_params["severity"] == ["warning"]
    # The error that stops a launch is above everything, on each part.
    assert "class 9 does not exist" in text_of(opened(part="classes"))


def test_a_link_to_an_image_opens_it_with_its_line(installation: Path) -> None:
    write(installation, f"{LABELS}/train-0001.txt", "0 0.5 0.5 0.2 0.2\n9 0.5 0.5 0.1 0.1\n")
    page = opened(part="findings", image=f"{IMAGES}/train-0001.jpg", line="2")
    text = text_of(page)
    assert "**train-0001.jpg**" in text and "96 × 96 px" in text
    assert "left out by the training" in text
    lines = page.dataframe[-1].value
    assert list(lines["class"]) == ["circle", "9 ?"] and lines["problem"][0] == ""
    assert "is not an image of this dataset" in text_of(opened(image="gone.jpg"))


def test_samples_are_filtered_and_paged(installation: Path) -> None:
    page = opened(part="samples")
    assert len([button for button in page.button if "samples.open" in str(button.key)]) == 24
    page.selectbox(key="form.split").set_value("val").run()
    assert "5 images" in text_of(page) and page.query_params["split"] == ["val"]
    page.selectbox(key="form.class").set_value("2").run()
    stars = [
        path
        for path in (installation / "datasets/shapes/labels/val").iterdir()
        if any(line.startswith("2 ") for line in path.read_text().splitlines())
    ]
    assert html_of(page).count("image/jpeg") == len(stars) > 0
    page.selectbox(key="form.kind").set_value("background").run()
    assert "No image fits the filters" in text_of(page)


def add_images(volume: Path, count: int) -> None:
    one = volume / IMAGES / "train-0000.jpg"
    for number in range(count):
        (volume / IMAGES / f"more-{number:02}.jpg").write_bytes(one.read_bytes())


@pytest.mark.parametrize("asked", ["0", "-1", "99", "x", "1" * 5000])
def test_a_page_that_is_none_is_the_first(installation: Path, asked: str) -> None:
    add_images(installation, 30)
    page = opened(part="samples", page=asked)
    assert html_of(page).count("image/jpeg") == 24
    assert "page" not in page.query_params and not page.error


def test_where_a_filter_leaves_fewer_pages_the_first_is_shown(installation: Path) -> None:
    add_images(installation, 30)
    page = opened(part="samples", page="3")
    assert html_of(page).count("image/jpeg") == 6
    page.selectbox(key="form.split").set_value("val").run()
    assert not page.exception and not page.error
    assert html_of(page).count("image/jpeg") == 5
    page = opened(part="samples", page="3")
    page.query_params["split"] = "val"  # as a link or the browser's back button does
    page.run()
    assert not page.exception and not page.error
    assert html_of(page).count("image/jpeg") == 5


def test_a_click_opens_an_image_and_the_next_one_is_a_click_away(installation: Path) -> None:
    page = opened(part="samples", split="val")
    page.button(key="samples.open.0").click().run()
    assert page.query_params["image"] == ["datasets/shapes/images/val/val-0000.jpg"]
    assert page.button(key="samples.before").disabled
    page.button(key="samples.after").click().run()
    assert page.query_params["image"] == ["datasets/shapes/images/val/val-0001.jpg"]
    assert "2 / 5" in text_of(page)


def test_a_damaged_image_is_a_tile_that_says_so(installation: Path) -> None:
    (installation / IMAGES / "train-0000.jpg").write_bytes(b"no image")
    page = opened(part="samples", split="train")
    assert "cannot be decoded" in html_of(page)
    assert html_of(page).count("image/jpeg") == 16


def test_the_deep_check_finds_what_only_opening_finds_and_outlives_a_reload(
    installation: Path,
) -> None:
    (installation / IMAGES / "train-0000.jpg").write_bytes(b"no image")
    page = opened(part="findings")
    assert "images are not opened yet" in text_of(page)
    page.button(key="datasets.deep").click().run()
    again = opened(part="findings")
    assert "image-damaged" in list(again.dataframe[0].value["code"])
    assert "Every image was opened" in text_of(again)
    assert "96 × 96" in list(opened(part="boxes").dataframe[0].value["px"])


OTHER = "f" * 40  # the fingerprint of other data


def add_run(volume: Path, name: str, **changes: Any) -> None:
    recorded: dict[str, Any] = {
        "sha256": {"data": sha256_file(volume / "data-custom.yaml")},
        "dataset_fingerprint": inspect_dataset(Volume(volume), "data-custom.yaml").fingerprint,
    }
    choices = Choices(model="yolov8n-scratch.yaml", data=changes.pop("data", "data-custom"))
    Launch(
        id=name,
        choices=choices,
        model_path="yolov8-scratch.yaml",
        user="ann",
        created_at=f"2026-11-23T14:32:0{len(name) % 10}Z",
        code_version="0",
        **(recorded | changes),
    ).save(RunFolder(volume / "runs" / name).launch)


def test_runs_say_whether_the_data_is_what_they_used(installation: Path) -> None:
    assert "No run used this dataset yet" in text_of(opened(part="runs"))
    add_run(installation, "same")
    add_run(installation, "other", dataset_fingerprint=OTHER, sha256={"data": "0"})
    add_run(installation, "older1", dataset_fingerprint="", sha256={})
    # Made in a way that cannot be compared.
    add_run(installation, "older2", dataset_fingerprint="f" * 64)
    add_run(installation, "elsewhere", data="data-other")
    page = opened(part="runs")
    table = page.dataframe[0].value.set_index("launch")
    assert set(table.index) == {"same", "other", "older1", "older2"}
    assert table["dataset"].to_dict() == {
        "same": "✓ same labels and lists",
        "other": "✎ changed since",
        "older1": "not recorded",
        "older2": "not recorded",
    }
    assert table["data yaml"]["other"] == "✎ changed since"
    assert "4 runs used this data yaml; the dataset changed since 1 of them" in text_of(page)


def test_runs_say_how_good_they_got_and_which_is_the_best_on_this_data(installation: Path) -> None:
    for name, values in {"same": (0.1, 0.25, 0.2), "worse": (0.15,), "other": (0.9,)}.items():
        add_run(
            installation, name, **({"dataset_fingerprint": "f" * 40} if name == "other" else {})
        )
        lines = [f"{epoch},{value}" for epoch, value in enumerate(values, start=1)]
        text = "\n".join(["epoch,metrics/mAP50-95(B)", *lines, ""])
        write(installation, f"runs/{name}/train/results.csv", text)
    add_run(installation, "failed")
    page = opened(part="runs")
    shown = page.dataframe[0].value.set_index("launch")["mAP50-95"]
    assert shown.drop("failed").to_dict() == {"same": 0.25, "worse": 0.15, "other": 0.9}
    assert shown.isna()["failed"]
    assert "Best mAP50-95 on the data as it is now: **0.250** by same." in text_of(page)


def test_findings_fit_by_severity_code_and_words() -> None:
    findings = [
        error("a", "One thing.", where="x/1.txt:3"),
        warning("b", "Another thing.", where="y/2.txt:1"),
    ]
    assert fitting(findings, "", "", "") == findings
    assert fitting(findings, "error", "", "") == findings[:1]
    assert fitting(findings, "", "b", "thing 2.TXT") == findings[1:]
    assert fitting(findings, "", "", "B 2.txt") == findings[1:]  # the code, too
    assert fitting(findings, "error", "b", "") == []
    assert findings_table(findings).to_csv(index=False).splitlines() == [
        "severity,code,where,message,count,next",
        "error,a,x/1.txt:3,One thing.,1,",
        "warning,b,y/2.txt:1,Another thing.,1,",
    ]


def test_the_figures_suggest_settings_with_a_reason(installation: Path) -> None:
    text = text_of(opened())
    assert "**epochs 300** :gray[instead of 100]" in text
    assert "updates of the weights" in text


ENGLISH = re.compile(r"\b(?:the|a|is|are|has|of|not|and|or|in|it)\b", re.IGNORECASE)


def test_a_korean_page_says_what_is_wrong_in_korean_and_shows_the_code(installation: Path) -> None:
    write(installation, f"{LABELS}/train-0001.txt", "0 0.5 0.5\n")
    write(installation, f"{LABELS}/train-0002.txt", "7 0.5 0.5 0.1 0.1\n")
    write(installation, f"{LABELS}/train-0003.txt", "0 2 0.5 0.1 0.1\n")
    (installation / IMAGES / "train-0004.jpg").unlink()
    yaml = installation / "data-custom.yaml"
    yaml.write_text(yaml.read_text() + "download: x.zip\nchannels: 4\n")
    opened(data="data-custom")  # reads it
    page = open_page(korean, data="data-custom", part="findings", lang="ko")
    table = page.dataframe[0].value
    codes = {"label-malformed", "label-class-unknown", "label-out-of-range", "channels-wrong"}
    assert codes | {"download-ignored", "label-without-image"} <= set(table["code"])
    for column in ("message", "next"):
        assert not [text for text in table[column] if ENGLISH.search(text)]
    shown = [markdown.value for markdown in page.markdown if "material/error" in markdown.value]
    assert shown and not [text for text in shown if ENGLISH.search(text)]
    assert "`channels-wrong`" in "\n".join(shown)


def test_a_korean_page_says_where_paths_start(installation: Path) -> None:
    opened()
    page = open_page(korean, lang="ko")
    assert "상대 경로의 기준" in text_of(page) and "relative paths" not in text_of(page)
