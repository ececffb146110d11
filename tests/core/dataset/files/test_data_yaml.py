"""Data yaml: what is refused and by which line, where paths start, and the rewritten one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from ultralytics.data.utils import check_det_dataset

from pipeline.core.dataset.files.images import count_channels
from pipeline.core.dataset.read import (
    inspect_dataset,
    load_dataset,
    read_boxes,
    write_verified_data,
)
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.volume.paths import Volume
from tests.core.dataset.forms import DATA, IMAGES, findings_of, lists, write_data, write_images


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("train: [a\n", "yaml-invalid", 2),
        ("names: !!python/object/apply:os.system [id]\n", "yaml-invalid", 1),
        ("- a\n- b\n", "yaml-invalid", 1),
        (DATA.replace("names: [a, b, c]", "nc: many"), "nc-invalid", 5),
        (DATA.replace("names: [a, b, c]", "nc: 0"), "nc-invalid", 5),
        (DATA.replace("names: [a, b, c]", "nc: 1e300"), "nc-invalid", 5),
        (DATA.replace("names: [a, b, c]", "names: circle"), "names-invalid", 5),
        (DATA.replace("names: [a, b, c]", "names: {0: a, 2: b}"), "names-invalid", 5),
        (DATA.replace("names: [a, b, c]", "names: []"), "names-invalid", 5),
        (DATA.replace("names: [a, b, c]", "other: 1"), "names-missing", None),
        (DATA + "nc: 2\n", "names-nc-mismatch", 6),
        (DATA.replace("train: images/train\n", ""), "split-not-given", None),
        (DATA.replace("images/val", ""), "split-not-given", 3),
        (DATA.replace("images/val", "7"), "split-invalid", 3),
        (DATA.replace("images/val", "[images/val, 7]"), "split-invalid", 3),
        (DATA.replace("images/val", "images/vall"), "split-missing", 3),
        (DATA.replace("images/train", "images/trainn"), "split-missing", 2),
        (DATA.replace("shapes", "shape"), "path-missing", 1),
        (DATA.replace("shapes", "[shapes]"), "path-invalid", 1),
        (DATA.replace("images/val", "/etc"), "outside-volume", 3),
        (DATA.replace("images/val", "../../../.."), "outside-volume", 3),
        (DATA + "kpt_shape: 17\n", "kpt-shape-invalid", 6),
        (DATA + "channels: 1000000000\n", "channels-invalid", 6),
        (DATA + "channels: __import__('os')\n", "channels-invalid", 6),
        (DATA + "kpt_shape: 17, 3\n", "kpt-shape-invalid", 6),
        (DATA + "kpt_shape: [17]\n", "kpt-shape-invalid", 6),
        (DATA + "channels: '3'\n", "channels-invalid", 6),
        (DATA + "channels: 4\n", "channels-wrong", 6),
        (DATA + "channels: 2\n", "channels-wrong", 6),
        (DATA.replace("images/val", "None"), "split-not-given", 3),
        (
            DATA.replace("train: images/train", "train:\n- images/train\n- images/none"),
            "split-missing",
            4,
        ),
        ("path: " + "x" * 5000 + "\n" + DATA.partition("\n")[2], "path-missing", 1),
    ],
)
def test_a_data_yaml_that_is_refused(root: Path, text: str, code: str, line: int | None) -> None:
    write_data(root, text)
    (finding,) = findings_of(root, code)
    assert finding.severity == "error"
    assert finding.where == "data-custom.yaml" + (f":{line}" if line else "")
    if code == "channels-wrong":  # which only the images tell
        return
    with pytest.raises(InputError) as caught:
        load_dataset(Volume(root), "data-custom.yaml")
    assert finding in caught.value.findings


@pytest.mark.parametrize(
    "address",
    ["http://h/coco8.zip", "HTTPS://h/x.yaml", "ul://user/datasets/x", "gs://b/x", "file:///etc"],
)
@pytest.mark.parametrize("key", ["path", "train", "val"])
def test_an_address_is_no_place_of_images(root: Path, key: str, address: str) -> None:
    text = yaml.safe_dump({**yaml.safe_load(DATA), key: address})
    write_data(root, text)
    (finding,) = findings_of(root, "path-missing" if key == "path" else "split-missing")
    assert finding.severity == "error"
    with pytest.raises(InputError):
        write_verified_data(Volume(root), text, "data-custom.yaml", root / "out")


@pytest.mark.parametrize("entry", ["images/none", "[images/train, images/none]"])
def test_of_several_train_entries_the_missing_one_is_named(root: Path, entry: str) -> None:
    write_data(root, DATA.replace("images/train", entry))
    (finding,) = findings_of(root, "split-missing")
    assert finding.message.startswith("'images/none' of train")


@pytest.mark.parametrize(
    "test", ["images/none", "../test/images", "[images/test, images/none]", "http://h/x.zip", "5",
             "/nowhere/at/all", "empty", "none.txt"],
)  # fmt: skip
def test_a_test_split_that_cannot_be_used_is_a_warning_and_done_without(
    root: Path, test: str
) -> None:
    (root / "datasets/shapes/empty").mkdir()
    (root / "datasets/shapes/none.txt").write_text("./images/test/not-there.jpg\n")
    text = DATA.replace("images/test", test)
    write_data(root, text)
    report = inspect_dataset(Volume(root), "data-custom.yaml")
    assert report.ok and [*report.splits] == ["train", "val"]
    (finding,) = [one for one in report.findings if one.code.startswith("split-")]
    assert (finding.severity, finding.where) == ("warning", "data-custom.yaml:4")
    path = write_verified_data(Volume(root), text, "data-custom.yaml", root / "runs/x/verify")
    assert "test" not in yaml.safe_load(path.read_text())
    with pytest.raises(InputError, match="not a split"):
        read_boxes(Volume(root), "data-custom.yaml", "test")


@pytest.mark.parametrize("key", ["test", "path", "channels", "kpt_shape", "flip_idx", "nc"])
@pytest.mark.parametrize("nothing", ["", "None", "[]", "''", "null"])
def test_a_key_with_nothing_behind_it_is_as_if_it_were_not_there(
    root: Path, key: str, nothing: str
) -> None:
    if (key, nothing) in (("path", "[]"), ("nc", "[]"), ("nc", "''")):
        pytest.skip("of another type than Ultralytics takes")
    document = yaml.safe_load(DATA) | {"path": "datasets/shapes"}
    if key == "path":
        for folder in ("images", "labels"):
            os.rename(root / "datasets/shapes" / folder, root / folder)
    document.pop(key, None)
    text = yaml.safe_dump(document) + f"{key}: {nothing}\n"
    write_data(root, text)
    assert inspect_dataset(Volume(root), "data-custom.yaml").ok
    path = write_verified_data(Volume(root), text, "data-custom.yaml", root / "runs/x/verify")
    if key not in ("path", "nc"):
        assert key not in yaml.safe_load(path.read_text())


@pytest.mark.parametrize("line", ["flip_idx: 0, 1", "flip_idx: [a]", "kpt_shape: [0, 0]"])
def test_what_a_detector_does_not_use_is_left_out(root: Path, line: str) -> None:
    write_data(root, f"{DATA}{line}\n")
    assert inspect_dataset(Volume(root), "data-custom.yaml").ok
    path = write_verified_data(Volume(root), f"{DATA}{line}\n", "data-custom.yaml", root / "out")
    assert line.partition(":")[0] not in yaml.safe_load(path.read_text())


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", "png"), ("LA", "png"), ("RGB", "png"), ("RGBA", "png"), ("P", "png"), ("1", "png"),
     ("CMYK", "jpg"), ("L", "jpg"), ("RGB", "tif"), ("RGBA", "tif"), ("RGBA", "webp"),
     ("I;16", "png")],
)  # fmt: skip
def test_channels_are_counted_as_ultralytics_reads_them(
    tmp_path: Path, mode: str, suffix: str
) -> None:
    import cv2
    from ultralytics.utils.patches import imread

    path = tmp_path / f"x.{suffix}"
    Image.new(mode, (16, 16)).save(path)
    assert count_channels(str(path)) == imread(path, cv2.IMREAD_UNCHANGED).shape[2]


def test_all_mistakes_are_told_at_once(root: Path) -> None:
    write_data(root, "path: shapes\nval: 7\nnames: circle\n")
    codes = {finding.code for finding in inspect_dataset(Volume(root), "data-custom.yaml").findings}
    assert codes == {"split-not-given", "split-invalid", "names-invalid"}


def test_a_missing_yaml_is_a_finding_of_the_inspection_and_an_exception_of_the_loading(
    root: Path,
) -> None:
    report = inspect_dataset(Volume(root), "data-none.yaml")
    assert [finding.code for finding in report.findings] == ["data-missing"]
    with pytest.raises(FileMissing):
        load_dataset(Volume(root), "data-none.yaml")


def test_a_yaml_that_is_a_fifo_is_not_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.yaml")
    assert not inspect_dataset(Volume(root), "pipe.yaml").ok


@pytest.mark.parametrize(
    ("places", "taken"),
    [
        (["data-yaml"], "the yaml's folder"),
        (["datasets"], "the volume's datasets/"),
        (["."], "the volume"),
        (["datasets", "."], "the volume's datasets/"),
    ],
)
def test_the_first_base_with_path_and_train_is_taken(
    tmp_path: Path, places: list[str], taken: str
) -> None:
    (tmp_path / "data-yaml/shapes").mkdir(parents=True)  # the path alone does not make it fit
    for place in places:
        write_images(tmp_path, f"{place}/shapes")
    name = write_data(tmp_path, DATA, "data-yaml/data-custom.yaml")
    report = inspect_dataset(Volume(tmp_path), name)
    assert report.base_note.endswith(taken)
    ambiguous = [finding for finding in report.findings if finding.code == "base-ambiguous"]
    assert len(ambiguous) == len(places) - 1


def test_a_path_from_windows_is_explained(root: Path) -> None:
    write_data(root, DATA.replace("images/train", "images\\train"))
    assert "'/'" in findings_of(root, "split-missing")[0].next
    write_data(root, DATA.replace("images/val", "images\\val"))
    assert "'/'" in findings_of(root, "split-missing")[0].next


def test_names_that_yaml_reads_as_something_else_and_names_used_twice(root: Path) -> None:
    write_data(root, DATA.replace("[a, b, c]", "[no, b, b]"))
    assert "'False'" in findings_of(root, "name-not-text")[0].message
    assert findings_of(root, "names-repeated")
    report = inspect_dataset(Volume(root), "data-custom.yaml")
    assert set(report.splits["train"].classes) == {"False", "b (1)", "b (2)"}


@pytest.mark.parametrize(
    "key", ["download", "validation", "minival", "yaml_file", "masks_dir", "anything"]
)
def test_the_rewritten_yaml_keeps_only_what_a_training_reads(root: Path, key: str) -> None:
    text = DATA + f"{key}: rm -rf /\nchannels: 1\n"
    path = write_verified_data(Volume(root), text, "data-custom.yaml", root / "runs/x/verify")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert path == root / "runs/x/verify/data.yaml"
    assert document["train"] == str(root / IMAGES / "train")
    assert (document["channels"], document["nc"]) == (1, 3)
    assert key not in document


@pytest.mark.parametrize(
    "download",
    ["https://x/y.zip", "bash evil.sh", "|\n  import os\n  os.system('true')", "[a, b]", "{a: b}"],
)
def test_a_download_is_said_to_be_ignored(root: Path, download: str) -> None:
    write_data(root, DATA + f"download: {download}\n")
    (finding,) = findings_of(root, "download-ignored")
    assert (finding.severity, finding.where) == ("info", "data-custom.yaml:6")


def test_what_download_says_is_never_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ultralytics' own reader runs it where the images of val are missing."""
    monkeypatch.setattr("ultralytics.data.utils.check_font", lambda font: None)
    marker = root / "marker"
    evil = f"download: |\n  open({str(marker)!r}, 'w').close()\n"
    path = write_verified_data(Volume(root), DATA + evil, "data-custom.yaml", root / "runs/x")
    shutil.rmtree(root / IMAGES / "val")
    with pytest.raises(FileNotFoundError):
        check_det_dataset(path)
    assert not marker.exists()
    path.write_text(path.read_text() + evil)
    check_det_dataset(path)
    assert marker.exists(), "Ultralytics does not run it any more: the guards may go"


def test_the_rewritten_lists_are_absolute(tmp_path: Path) -> None:
    name = lists(tmp_path)
    text = (tmp_path / name).read_text(encoding="utf-8")
    path = write_verified_data(Volume(tmp_path), text, name, tmp_path / "runs/x/verify")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = Path(document["train"]).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert all(Path(line).is_file() for line in lines)


def test_the_rewritten_yaml_uses_the_snapshot_and_refuses_a_bad_one(root: Path) -> None:
    with pytest.raises(InputError):
        write_verified_data(Volume(root), "train: 1", "data-custom.yaml", root / "runs/x/verify")
    assert not (root / "runs/x/verify/data.yaml").exists()


_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["images/train", "images/val", "shapes", "..", "/", "/dev/zero", "\0", "~"]),
)


_values = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_leaves, inner, max_size=3)
    ),
    max_leaves=5,
)


_keys = st.sampled_from(
    [
        "path",
        "train",
        "val",
        "validation",
        "test",
        "nc",
        "names",
        "kpt_shape",
        "download",
        "channels",
        "flip_idx",
    ]
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=st.dictionaries(_keys, _values, max_size=4))
def test_no_content_of_a_data_yaml_raises(root: Path, changes: dict[str, Any]) -> None:
    document = {**yaml.safe_load(DATA), **changes}
    write_data(root, yaml.safe_dump(document, allow_unicode=True))
    report = inspect_dataset(Volume(root), "data-custom.yaml")
    json.dumps(report.as_dict())


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=80))
def test_no_bytes_of_a_data_yaml_raise(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "data.yaml").write_bytes(data)
    assert not inspect_dataset(Volume(folder), "data.yaml").ok
