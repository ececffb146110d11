from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.cli.main import main
from pipeline.core.settings import load_settings
from pipeline.core.version import image_name

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = {
    "light": ROOT / "step_images/light/Dockerfile",
    "yolo": ROOT / "step_images/yolo/Dockerfile",
    "dashboard": ROOT / "Dockerfile",
}
PINS = {
    "light": ROOT / "step_images/light/requirements.txt",
    "yolo": ROOT / "step_images/yolo/requirements.txt",
    "dashboard": ROOT / "requirements-dashboard.txt",
}
NOT_IN = {
    "light": {"torch", "mlflow", "streamlit", "kfp", "ray", "ultralytics-opencv-headless"},
    "yolo": {"streamlit", "kfp", "opencv-python"},
    "dashboard": {"torch", "ray", "ultralytics-opencv-headless"},
}
# Read at import: every test has the settings of whoever runs it taken out of the environment.
_BUILDERS = (os.environ.get("SLIPWAY_IMAGE_BUILDER", ""), "buildah", "docker", "podman")
_IS_REQUIRED = os.environ.get("SLIPWAY_REQUIRE_KUBEFLOW", "") == "1"
LIGHT_LIMIT_BYTES = 330_000_000
BASE = "docker.io/library/python:3.11-slim"
OF_THE_BASE = {"pip", "wheel", "setuptools"}
# stdlib only, so that it runs in every image
INSTALLED = (
    "import importlib.metadata as m, json;"
    "names = {d.metadata['Name'] for d in m.distributions()};"
    "print(json.dumps({name: m.version(name) for name in names}))"
)

# Starts what the rest of the words say, waits for its answer, and ends all of it.
ASK = """
import os, signal, subprocess, sys, time, urllib.request
variables = dict(os.environ, MLFLOW_TRACKING_URI="http://127.0.0.1:1", SLIPWAY_VOLUME="/tmp/volume")
with open("/tmp/log", "w") as log:
    server = subprocess.Popen(
        sys.argv[2:], env=variables, stdout=log, stderr=log, start_new_session=True
    )
try:
    deadline = time.monotonic() + 120
    while True:
        try:
            print("answers", urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())
            break
        except OSError:
            assert time.monotonic() < deadline and server.poll() is None, open("/tmp/log").read()
            time.sleep(0.5)
finally:
    os.killpg(server.pid, signal.SIGTERM)
    server.wait()
print(open("/tmp/log").read())
"""
LAYERS = (
    "echo $SLIPWAY_CODE_VERSION; stat -c %Y /usr/local/lib/python3.11/site-packages/polars;"
    "cat pipeline/__init__.py"
)


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


class Images:
    """Builds images with the builder at hand, and runs programs in them."""

    def __init__(self, builder: str) -> None:
        self.builder = builder
        self.runner = next(name for name in ("buildah", "docker", "podman") if shutil.which(name))

    def build(self, image: str, folder: Path = ROOT, **environment: str) -> str:
        words = [sys.executable, "-m", "pipeline", "images", "--only", image, "--json"]
        answer = subprocess.run(
            [*words, "--builder", self.builder],
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
        )
        assert answer.returncode == 0, answer.stderr[-3000:]
        return str(json.loads(answer.stdout)[image])

    def run(self, name: str, *command: str) -> str:
        if self.runner != "buildah":
            return output([self.runner, "run", "--rm", "--entrypoint", "", name, *command])
        container = output(["buildah", "from", "--pull-never", name]).strip()
        try:
            return output(["buildah", "run", "--isolation", "chroot", container, "--", *command])
        finally:
            output(["buildah", "rm", container])

    def bytes_of(self, name: str) -> int:
        command = "du -sx --apparent-size -B1 / 2>/dev/null || true"  # not all of it is readable
        return int(self.run(name, "sh", "-c", command).split()[0])

    def remove(self, name: str) -> None:
        output([self.runner, "rmi", name])


@pytest.fixture(scope="module")
def images() -> Images:
    builder = next((name for name in _BUILDERS if name and shutil.which(name)), "")
    if builder and _IS_REQUIRED:
        return Images(builder)
    reason = "no buildah, docker or podman"
    if not _IS_REQUIRED:
        reason = "7 GB of images are not built unasked"
    message = f"{reason}: SLIPWAY_REQUIRE_KUBEFLOW=1 asks, SLIPWAY_IMAGE_BUILDER names a builder"
    return pytest.fail(message) if _IS_REQUIRED else pytest.skip(message)


@pytest.fixture(scope="module", params=list(DOCKERFILES))
def built(request: pytest.FixtureRequest, images: Images) -> tuple[str, str]:
    image = str(request.param)
    return image, images.build(image)


@pytest.mark.images
@pytest.mark.timeout(900)  # torch is 3 GB
def test_what_is_installed_is_what_is_pinned(images: Images, built: tuple[str, str]) -> None:
    image, name = built
    document = json.loads(images.run(name, "python", "-c", INSTALLED))
    installed = {canonicalize_name(key): value.partition("+")[0] for key, value in document.items()}
    pins = read_pins(PINS[image])
    assert {key: installed.get(key) for key in pins} == pins
    assert set(installed) - set(pins) <= OF_THE_BASE
    assert "No broken requirements" in images.run(name, "python", "-m", "pip", "check")


@pytest.mark.images
@pytest.mark.timeout(900)
def test_it_runs_as_nobody_in_particular(images: Images, built: tuple[str, str]) -> None:
    image, name = built
    shown = images.run(
        name, "sh", "-c", "id -u; pwd; echo $SLIPWAY_CODE_VERSION; find /run/secrets || true"
    )
    user, folder, version = shown.split()[:3]
    assert (user, folder) == ("1000", "/app")
    assert name == f"slipway-{image}:{version.replace('+', '-')}"
    assert "pem" not in shown
    assert (
        images.run(
            name, "sh", "-c", 'touch "$HOME/x" && python -c "import getpass; getpass.getuser()"'
        )
        == ""
    )


@pytest.mark.images
def test_the_light_image_is_light_and_knows_hangul(images: Images) -> None:
    name = images.build("light")
    assert images.bytes_of(name) - images.bytes_of(BASE) <= LIGHT_LIMIT_BYTES
    code = "from step_images.plot.figure import fonts; print(fonts())"
    assert "NanumGothic" in images.run(name, "python", "-c", code)
    for step in ("verify", "distribution", "plot", "notify"):
        assert "usage" in images.run(name, "python", "-m", f"step_images.{step}", "--help")


@pytest.mark.images
@pytest.mark.timeout(900)
def test_the_yolo_image_has_all_that_trains(images: Images) -> None:
    name = images.build("yolo")
    code = (
        "from step_images.ultralytics_home import prepare; prepare();"
        "import cv2, torch, ultralytics, ray.tune, mlflow, boto3, os;"
        "from pathlib import Path;"
        "fonts = Path(os.environ['YOLO_CONFIG_DIR']).glob('**/Arial.Unicode.ttf');"
        "print('hangul', max(font.stat().st_size for font in fonts) > 2_000_000)"
    )
    assert "hangul True" in images.run(name, "python", "-c", code)
    for step in ("train", "test", "tune"):
        assert "usage" in images.run(name, "python", "-m", f"step_images.{step}", "--help")


@pytest.mark.images
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("python -m pipeline.serve --host 0.0.0.0", "/_stcore/health"),
        (
            "python -m pipeline.tracking.mlflow_server --host 0.0.0.0 --workers 1"
            " --backend-store-uri sqlite:////tmp/mlflow.db"
            " --artifacts-destination s3://bucket/mlflow",
            "/health",
        ),
    ],
    ids=["dashboard", "mlflow"],
)
def test_the_dashboard_image_serves(images: Images, command: str, path: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [*command.split(), "--port", str(port)]
    name = images.build("dashboard")
    shown = images.run(name, "python", "-c", ASK, f"http://127.0.0.1:{port}{path}", *words)
    assert re.search("^answers ok", shown, re.I | re.M)
    assert "MLflow comes up" not in shown  # there is an address, so the embedded server stays out


@pytest.mark.images
def test_a_change_of_code_keeps_the_heavy_layer(images: Images, tmp_path: Path) -> None:
    copy_of_code(tmp_path)
    (tmp_path / "pipeline/__init__.py").chmod(0o600)
    seen = []
    for number in (1, 2):
        with open(tmp_path / "pipeline/__init__.py", "a") as file:
            file.write(f"# change {number}\n")
        name = images.build("light", tmp_path, SLIPWAY_CODE_VERSION=f"0.1.0+{os.getpid()}.{number}")
        try:
            seen.append(images.run(name, "sh", "-c", LAYERS).split("\n", 2))
        finally:
            images.remove(name)
    (version, installed, code), (later_version, later_installed, later_code) = seen
    assert (version, later_version) == (f"0.1.0+{os.getpid()}.1", f"0.1.0+{os.getpid()}.2")
    assert later_installed == installed
    assert later_code == code + "# change 2\n"


@pytest.fixture(autouse=True)
def _git_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "kim")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "kim@example.org")


def read_pins(path: Path) -> dict[str, str]:
    entries = [
        Requirement(line.partition("#")[0])
        for line in path.read_text().splitlines()
        if re.match(r"[A-Za-z0-9]", line)
    ]
    linux = {"sys_platform": "linux", "platform_machine": "x86_64"}
    return {
        canonicalize_name(entry.name): str(entry.specifier).removeprefix("==")
        for entry in entries
        if entry.marker is None or entry.marker.evaluate(linux)
    }


def copy_of_code(folder: Path) -> None:
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, output(words, folder=ROOT).split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def version_in(folder: Path, **environment: str) -> str:
    code = "from pipeline.core.version import code_version; print(code_version())"
    plain = {key: value for key, value in os.environ.items() if key != "SLIPWAY_CODE_VERSION"}
    return output(
        [sys.executable, "-c", code], folder=folder, environment={**plain, **environment}
    ).strip()


def git(folder: Path, *words: str) -> None:
    output(["git", *words], folder=folder)


def output(
    words: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    answer = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, f"{words}\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


def program(folder: Path, script: str, *, name: str = "builder") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)
