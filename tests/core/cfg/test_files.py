"""No setting names anything but files of the volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ultralytics.utils import DEFAULT_CFG_PATH

from pipeline.core.cfg.check import check_value
from pipeline.core.cfg.files import weight_files, weight_paths
from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.cfg.train_cfg import check_cfg, parse_override
from pipeline.core.checks.file import check_file
from pipeline.core.checks.preflight import preflight
from pipeline.core.errors import FileMissing, InputError
from pipeline.core.findings import Finding
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.presets import load_preset
from pipeline.core.space.search_space import check_space, load_space
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import parse_yaml

# Settings that Ultralytics takes text for, though never the name of something: one of a few words,
# or a device's name. What is here was looked up in its source (engine/, cfg/, data/, nn/, utils/).
NO_NAMES = {
    "task", "mode", "cache", "device", "optimizer", "amp", "compile", "split", "quantize", "format",
    "copy_paste_mode", "auto_augment", "freeze",
}  # fmt: skip
ADDRESSES = [
    "http://evil.example/evil.pt", "https://evil.example/evil.pt", "HTTPS://evil.example/evil.pt",
    "Http:/evil.example/evil.pt", "http:evil.pt", "  https://evil.example/evil.pt", "\thttp://e/e.pt",
    "http\n://evil.example/e.pt", "https%3A%2F%2Fevil.example%2Fe.pt", "https%253A//evil.example/e",
    "http:\\\\evil.example\\e.pt", "ul://user/project/model", "UL://user/x", "gs://bucket/x.pt",
    "s3://bucket/x.pt", "grpc://host/model", "GRPC://host", "rtsp://cam/1", "rtmp://cam", "tcp://h",
    "file:///etc/passwd", "file:x.pt", "ftp://h/x.pt", "hub:x", "triton:x", "data:,x", "C:\\x.pt",
    "\u200bhttps://evil.example/e.pt", "http\x00://e/e.pt",
]  # fmt: skip
OUTSIDE = [
    "/etc/passwd", "/elsewhere/x.pt", "//host/share/x.pt", "\\\\host\\share\\x.pt", "../x.pt",
    "weights/../../x.pt", "weights/../best.pt", "..\\x.pt", "%2e%2e/x.pt", "%2Fetc%2Fpasswd",
    "~/x.pt", "", "   ",
]  # fmt: skip
NAMING = [key for key, setting in SCHEMA.items() if setting.names and not setting.owned]


@pytest.fixture
def here(tmp_path: Path) -> Volume:
    root = tmp_path / "volume"
    for name in ("best.pt", "weights/teacher.pt", "runs/one/train/weights/best.pt"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
    (tmp_path / "outside.pt").write_bytes(b"weights")
    (root / "link.pt").symlink_to(tmp_path / "outside.pt")
    (root / "folder.pt").mkdir()
    (root / "only.yaml").write_text("backbone: []\nhead: []\n")
    return Volume(root)


def errors(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(f.code, f.where) for f in findings if f.severity == "error"]


def in_file(volume: Volume, key: str, value: str) -> list[tuple[str, str]]:
    from pipeline.core.cfg.train_cfg import merge_cfg

    text = merge_cfg("epochs: 1\n", {key: value})
    return errors(check_cfg(parse_yaml(text, name="cfg.yaml"), {}, volume))


def as_override(volume: Volume | None, key: str, value: str) -> list[tuple[str, str]]:
    return errors(check_cfg(parse_yaml("", name="cfg.yaml"), {key: value}, volume))


def test_every_text_of_ultralytics_defaults_is_known_to_name_something_or_not() -> None:
    documented = {
        line.partition(":")[0]
        for line in DEFAULT_CFG_PATH.read_text(encoding="utf-8").splitlines()
        if ":" in line
        and not line.startswith("#")
        and ("str" in line.partition("#")[2].partition(")")[0] or "path" in line.partition("#")[2])
    }
    assert {"pretrained", "distill_model", "tracker", "source", "data"} <= documented
    takes_text = {key for key, s in SCHEMA.items() if s.accepts("str")}
    takes_words = {key for key, s in SCHEMA.items() if any(isinstance(c, str) for c in s.choices)}
    naming = {key for key, setting in SCHEMA.items() if setting.names}
    assert (documented | takes_text | takes_words) - naming <= NO_NAMES
    assert not naming & NO_NAMES


@pytest.mark.parametrize("key", sorted(NO_NAMES - {"freeze"}))
def test_a_setting_that_names_nothing_takes_a_few_words_or_never_reaches_a_training(
    key: str,
) -> None:
    setting = SCHEMA[key]
    if setting.owned or setting.group == "export":
        return
    assert check_value(setting, "http://evil.example/e.pt", "")
    assert check_value(setting, "/etc/passwd", "")


@pytest.mark.parametrize("key", NAMING)
@pytest.mark.parametrize("value", ADDRESSES)
def test_an_address_is_refused_wherever_it_stands(here: Volume, key: str, value: str) -> None:
    assert in_file(here, key, value) == [("setting-address", "cfg.yaml:2")]
    assert as_override(here, key, value) == [("setting-address", f"overrides.{key}")]
    assert as_override(None, key, value) == [("setting-address", f"overrides.{key}")]


@pytest.mark.parametrize("key", NAMING)
@pytest.mark.parametrize("value", OUTSIDE)
def test_what_lies_outside_the_volume_is_refused(here: Volume, key: str, value: str) -> None:
    assert in_file(here, key, value) == [("unsafe-path", "cfg.yaml:2")]
    assert as_override(here, key, value) == [("unsafe-path", f"overrides.{key}")]


@pytest.mark.parametrize("key", ["pretrained", "distill_model"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("link.pt", "unsafe-path"),
        ("none.pt", "file-missing"),
        ("only", "file-missing"),
        ("only.yaml", "file-missing"),
        ("folder.pt", "file-missing"),
        ("yolov8n.pt", "file-missing"),
        ("x" * 300, "unsafe-path"),
    ],
)
def test_a_name_without_weights_on_the_volume_is_refused(
    here: Volume, key: str, value: str, code: str
) -> None:
    assert as_override(here, key, value) == [(code, f"overrides.{key}")]
    with pytest.raises((FileMissing, InputError)):
        weight_files({key: value}, here)


def test_the_finding_says_what_is_near_and_how_official_weights_come_there(here: Volume) -> None:
    (missing,) = check_cfg(parse_yaml("", name="c"), {"pretrained": "none.pt"}, here)
    assert "best.pt" in missing.next
    (official,) = check_cfg(parse_yaml("", name="c"), {"pretrained": "yolov8n"}, here)
    assert "slipway weights yolov8n.pt" in official.next
    url = "https://github.com/ultralytics/assets/releases/download/v8.4.0/yolo26n.pt"
    (address,) = check_cfg(parse_yaml("", name="c"), {"pretrained": url}, here)
    assert "slipway weights yolo26n.pt" in address.next


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("best.pt", "best.pt"),
        ("best", "best.pt"),
        ("teacher", "weights/teacher.pt"),
        ("weights/teacher.pt", "weights/teacher.pt"),
        ("runs/one/train/weights/best.pt", "runs/one/train/weights/best.pt"),
    ],
)
def test_a_name_on_the_volume_becomes_the_path_of_its_file(
    here: Volume, value: str, path: str
) -> None:
    cfg = {"pretrained": value, "distill_model": value, "epochs": 3}
    assert as_override(here, "pretrained", value) == []
    assert weight_paths(cfg, here) == {"pretrained": path, "distill_model": path}
    assert weight_files(cfg, here)["pretrained"] == here.root / path


@pytest.mark.parametrize("value", [True, False, None])
def test_values_that_name_nothing_stay_what_they_are(here: Volume, value: Any) -> None:
    key = "distill_model" if value is None else "pretrained"
    assert as_override(here, key, value) == []
    assert weight_files({key: value}, here) == {}


@given(st.text(max_size=40))
def test_no_text_becomes_a_path_outside_the_volume(text: str) -> None:
    volume = Volume(Path("/nowhere/volume"))
    try:
        files = weight_files({"pretrained": text}, volume)
    except (InputError, FileMissing):
        return
    assert files == {}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("http://evil.example/e.pt", "setting-address"),
        ("/etc/passwd", "unsafe-path"),
        ("none.pt", "file-missing"),
    ],
)
def test_presets_spaces_and_the_editor_look_too(here: Volume, value: str, code: str) -> None:
    text = f"distill_model: {value!r}\n"
    assert (code, "cfg-x.yaml:1") in errors(check_file(here, "cfg-x.yaml", text))
    (here.root / "presets").mkdir()
    (here.root / "presets" / "p.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_preset(here, "p")
    assert errors(list(caught.value.findings)) == [(code, "presets/p.yaml:1")]
    space = f"space:\n  distill_model: {{choices: ['best.pt', {value!r}]}}\n"
    file = parse_yaml(space, name="tune-x.yaml")
    assert errors(check_space(file, None, {}, here)) == [(code, "tune-x.yaml:2")]
    assert (code, "tune-x.yaml:2") in errors(check_file(here, "tune-x.yaml", space))
    with pytest.raises(InputError):
        load_space(file, here)


def test_files_that_a_space_names_become_paths_on_the_volume(here: Volume) -> None:
    text = "space:\n  distill_model: {choices: [best, teacher]}\n"
    space = load_space(parse_yaml(text, name="tune-x.yaml"), here)
    assert space.space["distill_model"].choices == ("best.pt", "weights/teacher.pt")


def test_preflight_refuses_what_was_typed(volume: Path) -> None:
    for typed in ("pretrained=http://127.0.0.1:9/evil.pt", "distill_model=/elsewhere/x.pt"):
        key, value = parse_override(typed)
        choices = Choices(model="yolov8n-scratch.yaml", overrides={key: value})
        checked = preflight(Volume(volume), choices)
        assert not checked.ok
        assert {f.where for f in checked.findings if f.severity == "error"} == {f"overrides.{key}"}
