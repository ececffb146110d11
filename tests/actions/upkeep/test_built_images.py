"""The images as they are built: what is in them, and that it starts."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.actions.upkeep.image_files import DOCKERFILES, PINS, ROOT, output, read_pins

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


def copy_of_code(folder: Path) -> None:
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, output(words, folder=ROOT).split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
