import os
from pathlib import Path

import pytest

from pipeline.core.errors import FileMissing, UnsafePath
from pipeline.core.volume.paths import Volume, kind_of, scaled_name

MODEL = "nc: 3\nscales:\n  n: [0.33, 0.25, 1024]\n  s: [0.33, 0.5, 1024]\nbackbone: []\nhead: []\n"
FILES = {
    "cfg-custom.yaml": "epochs: 3\n",
    "data-custom.yaml": "path: d\ntrain: a\nval: b\nnames: [x]\n",
    "yolov8-scratch.yaml": MODEL,
    "yolov8n.pt": "weights",
    "tune-lr.yaml": "space: {}\n",
    "cfg-yaml/big.yaml": "epochs: 300\n",
    "cfg-yaml/cfg-custom.yaml": "epochs: 4\n",
    "weights/other.pt": "weights",
    "data-yaml/가나 다.yaml": "train: a\nval: b\nnames: [x]\n",
}


@pytest.fixture
def small(tmp_path: Path) -> Volume:
    for name, text in FILES.items():
        path = tmp_path / "volume" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Volume(tmp_path / "volume")


def test_choices_are_sorted_by_what_the_files_are(small: Volume) -> None:
    assert [choice.name for choice in small.choices("model")] == [
        "yolov8n-scratch.yaml",
        "yolov8s-scratch.yaml",
        "yolov8n.pt",
        "other.pt",
    ]
    assert [choice.name for choice in small.choices("cfg")] == [
        "cfg-custom",
        "big",
        "cfg-yaml/cfg-custom.yaml",
    ]
    assert [choice.name for choice in small.choices("data")] == ["data-custom", "가나 다"]
    assert [choice.name for choice in small.choices("tune")] == ["tune-lr"]


@pytest.mark.parametrize("kind", ["model", "cfg", "data", "tune"])
def test_every_choice_resolves_to_its_own_file(small: Volume, kind) -> None:
    for choice in small.choices(kind):
        assert small.resolve(kind, choice.name).path == choice.path


@pytest.mark.parametrize(
    ("kind", "name", "path", "scale"),
    [
        ("cfg", "cfg-custom", "cfg-custom.yaml", ""),
        ("cfg", "cfg-custom.yaml", "cfg-custom.yaml", ""),
        ("model", "yolov8n", "yolov8n.pt", ""),
        ("model", "yolov8s-scratch", "yolov8-scratch.yaml", "s"),
        ("model", "yolov8-scratch.yaml", "yolov8-scratch.yaml", ""),
        ("model", "weights/other.pt", "weights/other.pt", ""),
        ("data", "가나 다", "data-yaml/가나 다.yaml", ""),
    ],
)
def test_names_as_people_type_them(small: Volume, kind, name, path, scale) -> None:
    resolved = small.resolve(kind, name)
    assert (resolved.path, resolved.scale) == (path, scale)


def test_weights_win_over_a_yaml_of_the_same_name_and_the_note_says_so(small: Volume) -> None:
    (small.root / "yolov8n.yaml").write_text(MODEL)
    resolved = small.resolve("model", "yolov8n")
    assert resolved.path == "yolov8n.pt"
    assert "yolov8n.yaml" in resolved.note


@pytest.mark.parametrize("name", ["nothing", "yolov8x-scratch.yaml", "", " "])
def test_a_name_that_is_not_there_says_what_is(small: Volume, name: str) -> None:
    with pytest.raises(FileMissing, match=r"Choose one of: yolov8n-scratch\.yaml"):
        small.resolve("model", name)


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../outside", "a/../../outside", "weights/../../x", "a\0b"]
)
def test_a_name_cannot_leave_the_volume(small: Volume, name: str) -> None:
    with pytest.raises(UnsafePath):
        small.resolve("cfg", name)


def test_a_name_too_long_for_a_file_is_refused(small: Volume) -> None:
    with pytest.raises(UnsafePath, match="too long"):
        small.resolve("data", "x" * 5000)


def test_a_link_cannot_leave_the_volume(small: Volume, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("epochs: 1\n")
    os.symlink(tmp_path / "secret.yaml", small.root / "link.yaml")
    with pytest.raises(UnsafePath):
        small.resolve("cfg", "link")


def test_a_folder_that_leads_out_blocks_nothing_beside_it(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "volume"
    for folder in (outside, root):
        folder.mkdir()
    for path in (outside / "far.pt", outside / "near.pt", root / "near.pt"):
        path.write_bytes(b"weights")
    (root / "yolov8-own.yaml").write_text("nc: 1\nscales: {n: [1, 1, 1]}\nbackbone: []\nhead: []\n")
    (root / "weights").symlink_to(outside)
    volume = Volume(root)
    assert volume.resolve("model", "near.pt").path == "near.pt"
    assert volume.resolve("model", "yolov8n-own.yaml").scale == "n"
    assert "far.pt" not in [choice.name for choice in volume.choices("model")]
    for choice in volume.choices("model"):
        assert volume.resolve("model", choice.name).path == choice.path
    with pytest.raises(UnsafePath, match=r"'weights/far\.pt' leads out of the volume"):
        volume.resolve("model", "far.pt")


def test_a_file_that_leads_out_is_not_offered(small: Volume, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("lr0: 0.1\n")
    (small.root / "cfg-linked.yaml").symlink_to(tmp_path / "secret.yaml")
    assert "cfg-linked" not in [choice.name for choice in small.choices("cfg")]


def test_data_may_lie_under_the_data_roots(tmp_path: Path) -> None:
    volume = Volume(tmp_path / "volume", (tmp_path / "nas",))
    assert volume.allows_data(tmp_path / "nas" / "coco")
    assert not volume.allows_data(tmp_path / "elsewhere")


def test_a_fifo_among_the_files_is_not_opened(small: Volume) -> None:
    os.mkfifo(small.root / "pipe.yaml")
    assert "pipe" not in [choice.name for choice in small.choices("cfg")]


def test_a_broken_yaml_is_offered_by_its_name(small: Volume) -> None:
    (small.root / "data-broken.yaml").write_text("train: [\n")
    assert kind_of(small.root / "data-broken.yaml") == "data"


def test_the_scale_goes_behind_the_version_number() -> None:
    assert scaled_name("yolov8-scratch.yaml", "n") == "yolov8n-scratch.yaml"
    assert scaled_name("yolo11.yaml", "x") == "yolo11x.yaml"


@pytest.mark.parametrize("suffix", [".YAML", ".Yml", ".YML"])
def test_an_extension_in_capitals_is_one_too(small: Volume, suffix: str) -> None:
    (small.root / f"data-yaml/DATA{suffix}").write_text("train: a\nval: b\nnames: [x]\n")
    assert small.resolve("data", "DATA").path == f"data-yaml/DATA{suffix}"
    assert small.resolve("data", f"DATA{suffix}").path == f"data-yaml/DATA{suffix}"
    assert "DATA" in [choice.name for choice in small.choices("data")]
