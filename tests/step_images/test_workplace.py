"""Where steps work, and what is not imported from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.step_images.step_runner import REPOSITORY

PROGRAM = """
import json, os, subprocess, sys
from step_images.common import run_step, step_parser, write_output

def body(step):
    here = os.getcwd()
    for place in (here, str(step.volume.root)):
        for name in ("colorsys.py", "torch.py"):
            open(os.path.join(place, name), "w").write("raise SystemExit('foreign')")
        os.makedirs(os.path.join(place, "step_images"), exist_ok=True)
        open(os.path.join(place, "step_images", "__init__.py"), "w").write("raise SystemExit(7)")
    import colorsys
    child = "import colorsys, sys, step_images; print(colorsys.__file__, step_images.__file__)"
    told = [
        subprocess.run([sys.executable, *how], cwd=where, capture_output=True, text=True)
        for where in (here, step.volume.root)
        for how in (["-c", child], ["-m", "step_images.workplace"])
    ]
    from step_images.tune.forkserver import ForkServer
    with ForkServer(("colorsys",)) as server:
        list(server.run(print))
    write_output(step.args.output, json.dumps({
        "cwd": here,
        "was": sorted(set(os.listdir(here)) - {"colorsys.py", "torch.py", "step_images"}),
        "path": sys.path,
        "module": colorsys.__file__,
        "codes": [done.returncode for done in told],
        "volume": os.environ["SLIPWAY_VOLUME"], "state": os.environ["SLIPWAY_STATE"],
        "tracking": os.environ.get("MLFLOW_TRACKING_URI", ""),
    }))
    if step.args.fail:
        raise RuntimeError("no")

parser = step_parser("train", "a test")
parser.add_argument("--output")
parser.add_argument("--fail", action="store_true")
sys.exit(run_step(parser, body))
"""


@pytest.mark.parametrize("flags", [[], ["--fail"]])
def test_a_step_works_in_an_empty_directory_that_nothing_is_imported_from(
    tmp_path: Path, flags: list[str]
) -> None:
    for name in ("code", "volume", "tmp", "start"):
        (tmp_path / name).mkdir()
    program, output = tmp_path / "code" / "program.py", tmp_path / "out.json"
    program.write_text(PROGRAM)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f":{REPOSITORY}:",
        "SLIPWAY_STATE": "state",
        "SLIPWAY_VOLUME": "../volume",
        "TMPDIR": str(tmp_path / "tmp"),
        "MLFLOW_TRACKING_URI": "sqlite:///track.db",
    }
    command = [sys.executable, str(program), "--run-uid", "uid-1", "--output", str(output), *flags]
    start = tmp_path / "start"
    done = subprocess.run(command, cwd=start, env=environment, capture_output=True, text=True)
    assert done.returncode == len(flags), done.stdout + done.stderr
    told = json.loads(output.read_text())
    assert told["was"] == []
    assert Path(told["cwd"]).parent == tmp_path / "tmp"
    assert not {"", ".", told["cwd"], str(start)} & set(told["path"])
    assert not told["module"].startswith(str(tmp_path))
    assert told["codes"] == [0, 0, 0, 0]
    assert os.path.realpath(told["volume"]) == str(tmp_path / "volume")
    assert told["state"] == str(start / "state")
    assert told["tracking"] == f"sqlite:///{start / 'track.db'}"
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(start.iterdir()) == []
