"""What images are made of, and the command that has them built."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.cli.main import main
from pipeline.core.settings import load_settings
from pipeline.core.version import image_name
from tests.actions.upkeep.image_files import DOCKERFILES, PINS, ROOT, output, read_pins

NOT_IN = {
    "light": {"torch", "mlflow", "streamlit", "kfp", "ray", "ultralytics-opencv-headless"},
    "yolo": {"streamlit", "kfp", "opencv-python"},
    "dashboard": {"torch", "ray", "ultralytics-opencv-headless"},
}


@pytest.mark.parametrize("image", PINS)
def test_every_package_has_the_pin_of_requirements(image: str) -> None:
    pins, chosen = read_pins(ROOT / "requirements.txt"), read_pins(PINS[image])
    assert {name: pins.get(name) for name in chosen} == chosen, "compile its .in file anew"
    asked = {
        canonicalize_name(Requirement(line).name)
        for line in PINS[image].with_suffix(".in").read_text().splitlines()
        if not line.startswith("-c")
    }
    assert asked <= set(chosen)
    assert not NOT_IN[image] & set(chosen)


@pytest.mark.parametrize("image", DOCKERFILES)
def test_code_comes_after_what_is_heavy(image: str) -> None:
    text = DOCKERFILES[image].read_text()
    assert set(re.findall(r"^FROM (\S+)", text, re.M)) == {"python:3.11-slim"}
    assert re.findall(r"^USER (\S+)", text, re.M) == ["1000"]
    before, _, after = text.rpartition("-r requirements.txt")
    copied = [line for line in before.splitlines() if line.startswith("COPY ")]
    assert [line for line in copied if "--from=" not in line] == [
        line for line in copied if str(PINS[image].relative_to(ROOT)) in line
    ]
    assert "COPY pipeline pipeline" in after
    assert after.index("COPY step_images") < after.index("ARG CODE_VERSION")


def test_settings_name_the_images_of_this_code() -> None:
    settings = load_settings({}, {})
    assert settings.image_light == image_name("light")
    assert settings.image_yolo == image_name("yolo")
    assert re.fullmatch(r"slipway-yolo:0\.1\.0(-[0-9a-f]{10}(\.[0-9a-f]{8})?)?", image_name("yolo"))


def test_the_version_changes_with_the_code_only(tmp_path: Path) -> None:
    module = tmp_path / "pipeline/core/version.py"
    module.parent.mkdir(parents=True)
    shutil.copyfile(ROOT / "pipeline/core/version.py", module)
    assert version_in(tmp_path) == "0.1.0"  # unpacked from an archive
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "code")
    first = version_in(tmp_path)
    assert re.fullmatch(r"0\.1\.0\+[0-9a-f]{10}", first)

    (tmp_path / "notes.md").write_text("Notes.")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "words")
    assert version_in(tmp_path) == first

    seen = {first}
    for name, text in (("new.py", "a"), ("new.py", "b"), ("core/version.py", "# more\n")):
        with open(tmp_path / "pipeline" / name, "a") as file:
            file.write(text)
        version = version_in(tmp_path)
        assert version.startswith(f"{first}.")
        assert version not in seen
        seen.add(version)
    assert version_in(tmp_path, SLIPWAY_CODE_VERSION="7") == "7"


def test_a_program_of_ones_own_may_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builder = program(tmp_path, f'echo "$@" >> {tmp_path}/calls; echo one step')
    assert main(["images", "--builder", builder, "--only", "yolo,light", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"light": image_name("light"), "yolo": image_name("yolo")}
    assert "one step" in err
    light, yolo = (tmp_path / "calls").read_text().splitlines()
    assert f"-t {image_name('light')} -f step_images/light/Dockerfile " in light
    assert "--secret" not in light
    assert light.endswith(" .")
    assert image_name("yolo") in yolo


def test_package_settings_reach_a_known_builder_as_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text("certificate")
    keep = 'for word; do case $word in id=pip.conf,src=*) cat "${word#*src=}";; esac; done'
    program(tmp_path, f"echo $@; {keep}", name="podman")
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + "/usr/bin:/bin")
    monkeypatch.setenv("PIP_INDEX_URL", "https://kim:pw@mirror.example/simple")
    monkeypatch.setenv("PIP_CERT", str(authority))
    monkeypatch.setenv("PIP_FIND_LINKS", "/here/only")
    words = [sys.executable, "-m", "pipeline", "images", "--builder", "podman", "--only", "light"]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"--secret id=ca.pem,src={authority}" in answer.stderr
    assert "index-url = https://kim:pw@mirror.example/simple" in answer.stderr
    assert "cert = /run/secrets/ca.pem" in answer.stderr
    assert "find-links" not in answer.stderr


def test_mistakes_are_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = program(tmp_path, "echo no space left; exit 7")
    assert main(["images", "--builder", broken]) == 1
    message = capsys.readouterr().err
    assert "exit code 7:\nno space left" in message
    assert "Traceback" not in message
    assert main(["images", "--builder", broken, "--only", "light,heavy"]) == 2
    assert "heavy" in capsys.readouterr().err
    assert main(["images", "--builder", "no-such-builder"]) == 2
    assert "'no-such-builder' can be run" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert main(["images"]) == 2
    assert "apt install buildah" in capsys.readouterr().err


@pytest.fixture(autouse=True)
def _git_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "kim")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "kim@example.org")


def version_in(folder: Path, **environment: str) -> str:
    code = "from pipeline.core.version import code_version; print(code_version())"
    plain = {key: value for key, value in os.environ.items() if key != "SLIPWAY_CODE_VERSION"}
    return output(
        [sys.executable, "-c", code], folder=folder, environment={**plain, **environment}
    ).strip()


def git(folder: Path, *words: str) -> None:
    output(["git", *words], folder=folder)


def program(folder: Path, script: str, *, name: str = "builder") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)
