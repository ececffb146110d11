import inspect

import pytest
from ultralytics.utils import downloads

from pipeline.core.errors import FileMissing
from pipeline.core.official_weights import NAMES, OFFICIAL, WEIGHTS_URL, official_name
from pipeline.core.volume.paths import Volume


def test_every_name_is_one_that_ultralytics_downloads_from_the_same_release() -> None:
    assert NAMES <= downloads.GITHUB_ASSETS_NAMES
    release = inspect.signature(downloads.attempt_download_asset).parameters["release"].default
    repo = downloads.GITHUB_ASSETS_REPO
    assert f"https://github.com/{repo}/releases/download/{release}" == WEIGHTS_URL


def test_the_plain_detectors_of_every_family_are_offered() -> None:
    plain = {f"yolo{family}{scale}.pt" for family in ("v8", "11", "12", "26") for scale in "nsmlx"}
    assert plain <= NAMES
    assert OFFICIAL["YOLO11"][0] == "yolo11n.pt" and len(NAMES) == sum(map(len, OFFICIAL.values()))


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("yolov8n.pt", "yolov8n.pt"),
        ("yolo11s", "yolo11s.pt"),
        ("weights/yolo11s.pt", "yolo11s.pt"),
        ("yolov8n-seg.pt", ""),
        ("other/yolov8n.pt", ""),
        ("yolov8n.yaml", ""),
        ("", ""),
    ],
)
def test_a_models_name_may_mean_official_weights(name: str, means: str) -> None:
    assert official_name(name) == means


def test_official_weights_that_are_missing_can_be_fetched(tmp_path) -> None:
    with pytest.raises(FileMissing) as caught:
        Volume(tmp_path).resolve("model", "yolo11s")
    assert "slipway weights yolo11s.pt" in caught.value.next
    with pytest.raises(FileMissing) as caught:
        Volume(tmp_path).resolve("model", "mine.pt")
    assert "weights" not in caught.value.next
