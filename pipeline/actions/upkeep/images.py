"""Build the step images and the dashboard's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from ast import literal_eval
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.core.errors import SlipwayError, UsageError
from pipeline.core.version import code_version, image_name

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILES = {
    "light": "step_images/light/Dockerfile",
    "yolo": "step_images/yolo/Dockerfile",
    "dashboard": "Dockerfile",
}
# --layers: without it buildah does all the work again each time.
BUILDERS = {
    "buildah": ("bud", "--layers"),
    "docker": ("build",),
    "podman": ("build", "--layers"),
}
_CA_IN_BUILD = "/run/secrets/ca.pem"
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")
_LAST_LINES = 12


def build_images(only: Iterable[str], builder: str) -> dict[str, str]:
    """Build images from the working tree; what the builder says goes to stderr.

    Parameters
    ----------
    only
        Some of ``light``, ``yolo``, ``dashboard``; empty means all.
    builder
        ``buildah``, ``docker``, ``podman``, or the path of a program that takes what follows
        ``docker build`` and finds its package settings itself; empty means the first one on PATH.

    Returns
    -------
    dict
        The name of every image that was asked for.

    Raises
    ------
    UsageError
        No such image or builder.
    SlipwayError
        A build failed; the message has its exit code and last lines.
    """
    wanted = tuple(only) or tuple(DOCKERFILES)
    unknown = sorted(set(wanted) - set(DOCKERFILES))
    if unknown:
        raise UsageError(
            f"no image is called {', '.join(unknown)}; there are {', '.join(DOCKERFILES)}.",
            where="--only",
        )
    command = _command(builder)
    with tempfile.TemporaryDirectory(prefix="slipway-build-") as folder:
        if Path(command[0]).name in BUILDERS:
            command += _secrets(Path(folder))
        for image in DOCKERFILES:
            if image in wanted:
                _build(image, command)
    return {image: image_name(image) for image in DOCKERFILES if image in wanted}


def _command(builder: str) -> list[str]:
    """Give the builder's program and subcommand."""
    found = next((name for name in ((builder,) if builder else BUILDERS) if shutil.which(name)), "")
    if not found:
        missing = f"'{builder}'" if builder else f"none of {', '.join(BUILDERS)}"
        raise UsageError(
            f"{missing} can be run here, and images need a builder.",
            where="--builder",
            next="Install one, for example 'apt install buildah', or name the path of one.",
        )
    program = str(shutil.which(found))
    return [program, *BUILDERS.get(Path(program).name, ())]


def _secrets(folder: Path) -> list[str]:
    """Hand this machine's package index and certificates to the build, and not to the image."""
    settings = _pip_settings()
    authority = next(
        (
            path
            for path in (settings.pop("cert", ""), os.environ.get("SSL_CERT_FILE", ""))
            if path and Path(path).is_file()
        ),
        "",
    )
    options = []
    if authority:
        settings["cert"] = _CA_IN_BUILD
        options += ["--secret", f"id=ca.pem,src={authority}"]
    lines = [f"{name} = {value}" for name, value in settings.items()]
    configuration = folder / "pip.conf"
    configuration.write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    return [*options, "--secret", f"id=pip.conf,src={configuration}"]


def _pip_settings() -> dict[str, str]:
    """Read what pip is told here by files and environment, less what names other host folders."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    answer = subprocess.run(command, capture_output=True, text=True)  # without pip: nothing
    found = {}
    # pip lists them in no fixed order; what the environment says wins over files.
    for line in sorted(answer.stdout.splitlines(), key=lambda line: line.startswith(":env:")):
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2].removeprefix("default-")
        if name in (*_PIP_SETTINGS, "cert"):
            found[name] = " ".join(literal_eval(value).split())
    return found


def _build(image: str, command: Sequence[str]) -> None:
    words = [
        *command,
        *("-t", image_name(image), "-f", DOCKERFILES[image]),
        *("--build-arg", f"CODE_VERSION={code_version()}", "."),
    ]
    print(f"Building {image_name(image)} …", file=sys.stderr, flush=True)
    last: deque[str] = deque(maxlen=_LAST_LINES)
    # BuildKit, which older dockers leave off, is what knows about secrets.
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", file=sys.stderr, flush=True)
            last.append(line.rstrip())
    if process.returncode != 0:
        raise SlipwayError(
            f"building the {image} image ended with exit code {process.returncode}:\n"
            + "\n".join(last),
            where=DOCKERFILES[image],
            next="Correct what it says, and build again.",
        )
