"""What Tab offers, asked of a real bash; zsh's script is parsed where there is a zsh."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.serving import ROOT

# Bash calls the function as it does on Tab, with the words up to the cursor.
OFFER = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_shtab_slipway
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "completion.bash"
    path.write_text(cli("completion", "bash").out)
    return path


def offered(script: Path, *words: str) -> list[str]:
    command = ["bash", "-c", OFFER, "bash", str(script), str(ROOT / "tools/slipway"), *words]
    place = {**os.environ, "SLIPWAY_STATE": str(script.parent / "state")}
    answer = subprocess.run(
        command, cwd=script.parent, env=place, capture_output=True, text=True, check=True
    )
    assert answer.stderr == ""
    return answer.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("comp",), ["compile", "compare", "completion"]),
        (("launch", "--mod"), ["--model"]),
        (("ls", ""), ["models", "cfgs", "datasets"]),
        (("queue", "--priority", ""), ["high", "normal", "low"]),
        (("runs", "--state", "s"), ["succeeded", "stopped"]),
        (("launch", "--engine", ""), ["local", "kubeflow"]),
        (("logs", "run", "t"), ["train", "test", "tune"]),
        (("completion", ""), ["bash", "zsh"]),
        (("weights", "yolo11n"), ["yolo11n.pt"]),
        (("show", ""), [""]),  # there is no volume here, and nothing is said of that
    ],
)
def test_words_and_choices_are_offered(
    script: Path, words: tuple[str, ...], expected: list[str]
) -> None:
    assert sorted(offered(script, *words)) == sorted(expected)


def test_names_are_those_of_the_volume_that_was_typed(script: Path, volume: Path) -> None:
    for name in ("20261101-a", "20261101-b"):
        (volume / "runs" / name).mkdir(parents=True)
    (volume / "cfg-of two words.yaml").write_text("epochs: 1\n")
    given = ("--volume", str(volume))
    assert offered(script, *given, "show", "2026") == ["20261101-b", "20261101-a"]
    assert offered(script, "compare", *given, "20261101-a", "20261101-b") == ["20261101-b"]
    assert "cfg-custom" in offered(script, "launch", *given, "--cfg", "")
    assert offered(script, "launch", *given, "--cfg", "cfg-of") == [r"cfg-of\ two\ words"]
    assert offered(script, "launch", "--volume", "=", str(volume), "--data", "d") == ["data-custom"]
    assert "yolov8n-scratch.yaml" in offered(script, *given, "sweep", "--model", "yolov8n")


def test_names_come_as_json_too_and_a_missing_volume_has_none(cli: Cli, tmp_path: Path) -> None:
    assert "data-custom" in cli("completion", "datasets", "--json").json["names"]
    said = cli("completion", "runs", "--volume", str(tmp_path / "nowhere"))
    assert said == (0, "", "")


def test_zsh_reads_its_script(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "_slipway"
    path.write_text(cli("completion", "zsh").out)
    assert path.read_text().startswith("#compdef slipway")
    assert "if [[ $funcstack[1] != _slipway ]]" in path.read_text(), "it may be sourced"
    if zsh := shutil.which("zsh"):
        subprocess.run([zsh, "-n", path], check=True)
