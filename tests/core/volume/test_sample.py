from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.errors import InputError, UsageError
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.sample import needs_sample, sample_files, write_sample
from pipeline.core.yamltext.file import load_yaml

SPLITS = ("train", "val", "test")


def _instances(volume: Path, split: str) -> Counter[str]:
    folder = volume / "datasets/shapes/labels" / split
    return Counter(
        line.split()[0] for path in folder.glob("*.txt") for line in path.read_text().splitlines()
    )


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def test_the_same_bytes_each_time(sample_volume: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "other", images=24)
    assert _digest(tmp_path / "other") == _digest(sample_volume)


@pytest.mark.parametrize("images", [12, 24, 61, 240])
def test_images_counts_all_splits_together(images: int) -> None:
    names = list(sample_files(images))
    assert sum(name.endswith(".jpg") for name in names) == images
    for split in SPLITS:
        pictures = {Path(name).stem for name in names if f"images/{split}/" in name}
        labels = {Path(name).stem for name in names if f"labels/{split}/" in name}
        assert pictures == labels
        assert pictures


def test_classes_are_unbalanced_and_the_star_is_rare(tmp_path: Path) -> None:
    write_sample(tmp_path)
    total = sum((_instances(tmp_path, split) for split in SPLITS), Counter[str]())
    assert total["0"] > total["1"] > 3 * total["2"] > 0
    assert all(_instances(tmp_path, split)["2"] for split in SPLITS)


def test_boxes_fit_what_is_drawn(sample_volume: Path) -> None:
    folder = sample_volume / "datasets/shapes"
    for path in sorted((folder / "labels").rglob("*.txt")):
        with Image.open(folder / "images" / path.parent.name / f"{path.stem}.jpg") as picture:
            assert picture.size == (96, 96)
        for line in path.read_text().splitlines():
            x, y, width, height = map(float, line.split()[1:])
            assert 0 <= x - width / 2 < x + width / 2 <= 1
            assert 0 <= y - height / 2 < y + height / 2 <= 1


def test_backgrounds_have_an_empty_label_file(tmp_path: Path) -> None:
    write_sample(tmp_path)
    labels = (tmp_path / "datasets/shapes/labels").rglob("*.txt")
    assert any(path.stat().st_size == 0 for path in labels)


def test_its_yaml_files_can_be_chosen(sample_volume: Path) -> None:
    volume = Volume(root=sample_volume)
    assert "yolov8n-scratch.yaml" in [choice.name for choice in volume.choices("model")]
    assert [choice.name for choice in volume.choices("cfg")] == ["cfg-custom"]
    assert [choice.name for choice in volume.choices("data")] == ["data-custom"]
    assert [choice.name for choice in volume.choices("tune")] == ["tune-custom"]


def test_model_yaml_is_what_ultralytics_calls_yolov8(sample_volume: Path) -> None:
    from ultralytics.utils import ROOT

    ours = load_yaml(sample_volume / "yolov8-scratch.yaml").data
    theirs = load_yaml(ROOT / "cfg/models/v8/yolov8.yaml").data
    assert ours["scales"] == theirs["scales"]
    assert _built(ours["backbone"]) == _built(theirs["backbone"])
    assert _built(ours["head"]) == _built(theirs["head"])


def _built(layers: list[list[object]]) -> list[list[object]]:
    """Layers as the builder sees them: it turns the text None into nothing."""
    return [
        [[None if arg == "None" else arg for arg in entry] if isinstance(entry, list) else entry
         for entry in layer]
        for layer in layers
    ]  # fmt: skip


def test_writing_again_changes_nothing(volume: Path) -> None:
    before = _digest(volume)
    write_sample(volume, images=24)
    assert _digest(volume) == before


def test_an_edited_file_is_not_overwritten(volume: Path) -> None:
    cfg = volume / "cfg-custom.yaml"
    cfg.write_text("epochs: 3\n")
    with pytest.raises(InputError) as caught:
        write_sample(volume, images=60)
    assert "cfg-custom.yaml" in [finding.where for finding in caught.value.findings]
    assert cfg.read_text() == "epochs: 3\n"
    assert len(list(volume.rglob("*.jpg"))) == 24


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="12"):
        write_sample(tmp_path / "volume", images=3)
    assert not (tmp_path / "volume").exists()


def test_a_sample_is_needed_where_nothing_of_the_person_is(volume: Path, tmp_path: Path) -> None:
    assert needs_sample(tmp_path / "missing")
    assert not needs_sample(volume)
    for path in volume.glob("*.yaml"):
        path.unlink()
    assert needs_sample(volume), "broken off before the yaml files"
    (volume / "datasets/mine").mkdir()
    assert not needs_sample(volume)
