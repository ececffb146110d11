"""Data yaml and datasets: what is refused, what is found, and by which file and line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.dataset import (
    fingerprint,
    inspect_dataset,
    load_dataset,
    write_verified_data,
)
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.findings import Finding
from pipeline.core.volume import Volume
from tests.core.dataset_forms import (
    bad_labels_and_images,
    folders,
    lists,
    write_data,
    write_image,
    write_images,
    write_label,
)

DATA = "path: shapes\ntrain: images/train\nval: images/val\ntest: images/test\nnames: [a, b, c]\n"
LABELS = "datasets/shapes/labels"
IMAGES = "datasets/shapes/images"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folders(tmp_path / "volume")
    return tmp_path / "volume"


def _findings(root: Path, code: str, *, deep: bool = False, **roots: Any) -> list[Finding]:
    report = inspect_dataset(Volume(root, **roots), "data-custom.yaml", deep=deep)
    found = [finding for finding in report.findings if finding.code == code]
    assert found, report.findings
    return found


def test_the_document_of_inspect(root: Path) -> None:
    write_label(root / LABELS / "train/train 0.txt", ["0 .5 .5 .1 .1", "0 .5 .5 .1 .1"])
    document = inspect_dataset(Volume(root), "data-custom.yaml").as_dict()
    json.dumps(document, allow_nan=False)
    assert document["data"] == "data-custom.yaml"
    assert document["names"] == {"0": "a", "1": "b", "2": "c"}
    train = document["splits"]["train"]
    assert {key: train[key] for key in ("images", "labels", "backgrounds", "dropped")} == {
        "images": 6,
        "labels": 4,
        "backgrounds": 2,
        "dropped": 1,
    }
    assert train["instances"] == sum(entry["instances"] for entry in train["classes"].values())
    assert set(train["classes"]["a"]) == {"images", "instances"}
    assert set(document["findings"][0]) == {
        "severity",
        "code",
        "message",
        "where",
        "count",
        "next",
    }


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
        ("path: " + "x" * 5000 + "\n" + DATA.partition("\n")[2], "path-missing", 1),
    ],
)
def test_a_data_yaml_that_is_refused(root: Path, text: str, code: str, line: int | None) -> None:
    write_data(root, text)
    (finding,) = _findings(root, code)
    assert finding.severity == "error"
    assert finding.where == "data-custom.yaml" + (f":{line}" if line else "")
    with pytest.raises(InputError) as caught:
        load_dataset(Volume(root), "data-custom.yaml")
    assert finding in caught.value.findings


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


def test_a_bad_line_is_named_and_its_image_left_out(root: Path) -> None:
    before = inspect_dataset(Volume(root), "data-custom.yaml").splits["train"]
    write_label(
        root / LABELS / "train/train 2.txt", ["0 .5 .5 .1 .1", "3 .5 .5 .1 .1", "0 2 1 1 1"]
    )
    (unknown,) = _findings(root, "label-class-unknown")
    assert (unknown.severity, unknown.where) == ("error", f"{LABELS}/train/train 2.txt:2")
    (outside,) = _findings(root, "label-out-of-range")
    assert (outside.severity, outside.where) == ("warning", f"{LABELS}/train/train 2.txt:3")
    after = inspect_dataset(Volume(root), "data-custom.yaml").splits["train"]
    assert (after.instances, after.dropped) == (before.instances, before.dropped + 3)
    assert after.dropped_images == 1


def test_many_findings_of_a_kind_are_counted(root: Path) -> None:
    write_label(root / LABELS / "train/train 0.txt", ["0 .5 .5 .1"] * 300)
    found = _findings(root, "label-malformed")
    assert (len(found), sum(finding.count for finding in found)) == (21, 300)


def test_images_and_labels_without_each_other(root: Path) -> None:
    write_label(root / LABELS / "train/lonely.txt", ["0 .5 .5 .1 .1"])
    write_label(root / LABELS / "val/deep/lonely.txt", [])
    (root / LABELS / "val/classes.txt").write_text("a\nb\n")
    assert [finding.where for finding in _findings(root, "label-without-image")] == [
        f"{LABELS}/train/lonely.txt",
        f"{LABELS}/val/deep/lonely.txt",
    ]
    train, *_ = _findings(root, "image-without-label")
    assert (train.where, train.count) == (f"{IMAGES}/train/train 2.jpg", 1)


def test_a_txt_list_that_leaves_images_out_makes_no_label_lonely(tmp_path: Path) -> None:
    lists(tmp_path)
    train = tmp_path / "datasets/shapes/train.txt"
    train.write_text("./images/train/train 0.jpg\n")
    codes = {
        finding.code for finding in inspect_dataset(Volume(tmp_path), "data-custom.yaml").findings
    }
    assert "label-without-image" not in codes


def test_an_empty_split_stops_a_launch(root: Path) -> None:
    (root / IMAGES / "none").mkdir()
    write_data(root, DATA.replace("images/val", "images/none"))
    (finding,) = _findings(root, "split-empty")
    assert (finding.severity, finding.where) == ("error", "data-custom.yaml:3")


def test_a_training_without_any_label_is_stopped(root: Path) -> None:
    (root / LABELS).rename(root / "datasets/shapes/annotations")
    train, val, test = _findings(root, "no-labels")
    assert (train.severity, val.severity, test.severity) == ("error", "warning", "warning")
    assert "datasets/shapes/labels/train/train 0.txt" in train.message


def test_splits_that_share_images(root: Path) -> None:
    write_data(root, DATA.replace("images/val", "[images/val, images/train]"))
    (finding,) = _findings(root, "split-overlap")
    assert (finding.severity, finding.count) == ("warning", 6)


def test_shared_images_are_found_through_a_link(tmp_path: Path) -> None:
    write_images(tmp_path, "elsewhere/shapes")
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/shapes").symlink_to(tmp_path / "elsewhere/shapes")
    (tmp_path / "datasets/shapes/val.txt").write_text("shapes/images/train/train 0.jpg\n")
    write_data(tmp_path, DATA.replace("images/val", "val.txt"))
    (finding,) = _findings(tmp_path, "split-overlap")
    assert finding.count == 1


def test_a_path_from_windows_is_explained(root: Path) -> None:
    write_data(root, DATA.replace("images/train", "images\\train"))
    assert "'/'" in _findings(root, "split-missing")[0].next
    write_data(root, DATA.replace("images/val", "images\\val"))
    assert "'/'" in _findings(root, "split-missing")[0].next


def test_a_class_that_is_absent_from_a_split(root: Path) -> None:
    write_data(root, DATA.replace("[a, b, c]", "\n  0: a\n  1: b\n  2: c\n  3: d"))
    found = _findings(root, "class-absent")
    assert [finding.where for finding in found][:1] == ["data-custom.yaml:9"]
    assert {finding.message.rpartition(" ")[2] for finding in found} >= {"train.", "val.", "test."}


def test_names_that_yaml_reads_as_something_else_and_names_used_twice(root: Path) -> None:
    write_data(root, DATA.replace("[a, b, c]", "[no, b, b]"))
    assert "'False'" in _findings(root, "name-not-text")[0].message
    assert _findings(root, "names-repeated")
    report = inspect_dataset(Volume(root), "data-custom.yaml")
    assert set(report.splits["train"].classes) == {"False", "b (1)", "b (2)"}


def test_damaged_images_and_the_same_content_in_two_splits(root: Path) -> None:
    bad_labels_and_images(root)
    (root / IMAGES / "val/copy.jpg").write_bytes((root / IMAGES / "train/train 0.jpg").read_bytes())
    damaged = {finding.where for finding in _findings(root, "image-damaged", deep=True)}
    assert damaged == {
        f"{IMAGES}/train/{name}" for name in ("cut.jpg", "narrow.png", "train 5.jpg")
    }
    assert _findings(root, "image-unfinished", deep=True)[0].where == f"{IMAGES}/train/tail.jpg"
    (same,) = _findings(root, "same-content", deep=True)
    assert same.where == f"{IMAGES}/val/copy.jpg"
    assert f"{IMAGES}/train/train 0.jpg" in same.message


def test_data_outside_the_volume_needs_the_setting(root: Path, tmp_path: Path) -> None:
    nas = tmp_path / "nas"
    write_images(nas, "shapes")
    os.rename(root / "datasets/shapes", root / "datasets/old")
    (root / "datasets/shapes").symlink_to(nas / "shapes")
    for finding in _findings(root, "outside-volume"):
        assert finding.severity == "error"
        assert "SLIPWAY_DATA_ROOTS" in finding.next
    report = inspect_dataset(Volume(root, (nas,)), "data-custom.yaml")
    assert report.ok
    assert report.splits["train"].images == 6


def test_single_links_out_of_the_volume_are_found(root: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "secret.jpg")
    write_label(tmp_path / "secret.txt", ["0 .5 .5 .1 .1"])
    (tmp_path / "more").mkdir()
    (root / IMAGES / "train/x.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / LABELS / "train/train 2.txt").symlink_to(tmp_path / "secret.txt")
    (root / IMAGES / "val/more").symlink_to(tmp_path / "more")
    assert {finding.where for finding in _findings(root, "outside-volume")} == {
        f"{IMAGES}/train/x.jpg",
        f"{LABELS}/train/train 2.txt",
        f"{IMAGES}/val/more",
    }


def test_a_labels_folder_outside_is_told_once(root: Path, tmp_path: Path) -> None:
    os.rename(root / LABELS / "train", tmp_path / "labels")
    (root / LABELS / "train").symlink_to(tmp_path / "labels")
    (finding,) = _findings(root, "outside-volume")
    assert finding.where == f"{LABELS}/train"


def test_fifos_and_devices_are_named_and_never_opened(root: Path) -> None:
    os.mkfifo(root / IMAGES / "train/pipe.jpg")
    os.mkfifo(root / LABELS / "train/train 2.txt")
    (root / LABELS / "val/val 2.txt").symlink_to("/dev/zero")
    found = _findings(root, "not-a-file", deep=True)
    assert {finding.where for finding in found} == {
        f"{IMAGES}/train/pipe.jpg",
        f"{LABELS}/train/train 2.txt",
    }
    assert _findings(root, "outside-volume")[0].where == f"{LABELS}/val/val 2.txt"


def test_a_link_to_a_folder_above_is_not_followed(root: Path) -> None:
    (root / IMAGES / "train/again").symlink_to(root / "datasets")
    assert _findings(root, "link-loop")[0].where == f"{IMAGES}/train/again"
    assert inspect_dataset(Volume(root), "data-custom.yaml").splits["train"].images == 6


def test_a_link_to_itself_is_an_image_that_is_missing(root: Path) -> None:
    (root / IMAGES / "train/self.jpg").symlink_to("self.jpg")
    assert _findings(root, "image-missing")[0].where == f"{IMAGES}/train/self.jpg"
    assert inspect_dataset(Volume(root), "data-custom.yaml").splits["train"].images == 6


def test_lines_of_a_list_that_lead_nowhere(tmp_path: Path) -> None:
    lists(tmp_path)
    train = tmp_path / "datasets/shapes/train.txt"
    train.write_text("\n./images/train/train 0.jpg\n./images/train/gone.jpg\n/etc/x.jpg\n../a b\n")
    assert _findings(tmp_path, "image-missing")[0].where == "datasets/shapes/train.txt:3"
    assert _findings(tmp_path, "outside-volume")[0].where == "datasets/shapes/train.txt:4"
    assert _findings(tmp_path, "list-line-ignored")[0].where == "datasets/shapes/train.txt:5"


@pytest.mark.parametrize(
    ("content", "code"), [(b"\xff\xfe\x00", "list-unreadable"), (b"", "split-empty")]
)
def test_a_list_that_cannot_be_used(tmp_path: Path, content: bytes, code: str) -> None:
    lists(tmp_path)
    (tmp_path / "datasets/shapes/train.txt").write_bytes(content)
    assert _findings(tmp_path, code)[0].severity == "error"


def test_an_image_in_place_of_a_list(root: Path) -> None:
    write_data(root, DATA.replace("images/val", "images/val/val 0.jpg"))
    assert _findings(root, "split-invalid")[0].where == "data-custom.yaml:3"


def test_names_of_files_that_are_not_utf8(root: Path) -> None:
    folder = os.fsencode(root / IMAGES / "train")
    os.rename(folder + b"/train 2.jpg", folder + b"/\xff.jpg")
    report = inspect_dataset(Volume(root), "data-custom.yaml", deep=True)
    json.dumps(report.as_dict(), ensure_ascii=False).encode()
    assert report.splits["train"].images == 6


def test_the_fingerprint_follows_labels_and_lists_and_not_the_mount(tmp_path: Path) -> None:
    folders(tmp_path / "one")
    folders(tmp_path / "two")
    one, two = Volume(tmp_path / "one"), Volume(tmp_path / "two")
    first = fingerprint(one, "data-custom.yaml")
    assert first == fingerprint(two, "data-custom.yaml")
    assert first == inspect_dataset(one, "data-custom.yaml").fingerprint
    write_label(tmp_path / "two" / LABELS / "val/val 2.txt", [])
    second = fingerprint(two, "data-custom.yaml")
    (tmp_path / "two" / IMAGES / "val/val 2.jpg").unlink()
    assert len({first, second, fingerprint(two, "data-custom.yaml")}) == 3


def test_the_rewritten_yaml_keeps_what_it_does_not_know_and_drops_download(root: Path) -> None:
    text = DATA + "download: rm -rf /\nchannels: 1\n"
    path = write_verified_data(Volume(root), text, "data-custom.yaml", root / "runs/x/verify")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert path == root / "runs/x/verify/data.yaml"
    assert document["train"] == str(root / IMAGES / "train")
    assert (document["channels"], document["nc"]) == (1, 3)
    assert "download" not in document


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
    ["path", "train", "val", "validation", "test", "nc", "names", "kpt_shape", "download"]
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
