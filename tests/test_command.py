"""The command ``slipway``, as ``./run.sh`` leaves it in ``.venv/bin``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving import ROOT

INSTALL = ". tools/environment.sh; install_pinned() { :; }; make_environment"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of its own with this code, and the command in its environment."""
    root = tmp_path / "first"
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
    (root / ".venv/lib").symlink_to(Path(sys.prefix) / "lib")
    (root / ".venv/pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    (root / "pipeline").symlink_to(ROOT / "pipeline")
    (root / "tools").mkdir()
    for name in ("slipway", "environment.sh"):
        (root / "tools" / name).write_bytes((ROOT / "tools" / name).read_bytes())
        (root / "tools" / name).chmod(0o755)
    subprocess.run(["sh", "-euc", INSTALL], cwd=root, check=True)
    return root


def said(command: Path, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command, *words], cwd=folder, capture_output=True, text=True)


def test_it_works_from_any_folder_and_takes_paths_from_there(
    checkout: Path, tmp_path: Path, volume: Path
) -> None:
    elsewhere = volume.parent
    (elsewhere / "pipeline").mkdir()  # is nothing that could be taken for our own
    link = tmp_path / "link"
    link.symlink_to(checkout / ".venv/bin/slipway")
    for command in (checkout / ".venv/bin/slipway", link):
        answer = said(command, "--volume", volume.name, "ls", "cfgs", "--json", folder=elsewhere)
        assert json.loads(answer.stdout)["cfgs"], answer.stderr


def test_it_works_in_a_folder_that_was_moved(checkout: Path, tmp_path: Path) -> None:
    moved = checkout.rename(tmp_path / "other place")
    answer = said(moved / ".venv/bin/slipway", "show", "none", "--volume", ".", folder=tmp_path)
    assert (answer.returncode, answer.stdout) == (5, ""), answer.stderr
    assert "See 'slipway runs'." in answer.stderr


def test_a_folder_that_may_not_be_written_to_still_starts(checkout: Path) -> None:
    (checkout / ".venv/bin/slipway").unlink()
    refused = f"ln() {{ echo read-only >&2; return 1; }}; {INSTALL}"
    subprocess.run(["sh", "-euc", refused], cwd=checkout, check=True)
    assert not (checkout / ".venv/bin/slipway").exists()


def test_as_a_module_it_calls_itself_the_same(checkout: Path) -> None:
    module = [sys.executable, "-m", "pipeline"]
    told = [
        subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True).stdout
        for command in (module, [checkout / ".venv/bin/slipway"])
    ]
    assert told[0] == told[1]
    assert told[0].startswith("usage: slipway ")
