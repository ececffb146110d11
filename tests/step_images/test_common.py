"""The runtime: logs, failures, stops; with a step of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from step_images.common import step_parser
from tests.step_images.step_runner import REPOSITORY

PROGRAM = """
import subprocess, sys, time
from pipeline.core.errors import InputError
from pipeline.core.findings import error
from step_images.common import run_step, step_parser, write_output

def body(step):
    if step.args.do == "print":
        print("hello")
        print("\\x1b[31m10%\\rhalf\\r100%\\x1b[0m")
        subprocess.run(["echo", "from a child"], check=True)
        write_output(step.path / "deep" / "output", "한글")
    elif step.args.do == "refuse":
        raise InputError(
            "'x' is not known.", where="cfg.yaml:3", next="Correct it.",
            findings=[error("unknown-key", "'x' is not known.")],
        )
    elif step.args.do == "crash":
        print("half a line", end="")
        raise RuntimeError("\\x1b[34mout\\n\\x1b[0mof memory")
    elif step.args.do == "wait":
        try:
            print("waiting", flush=True)
            time.sleep(60)
        finally:
            print("cleaned up")

parser = step_parser("train", "a test")
parser.add_argument("--do", default="print")
sys.exit(run_step(parser, body))
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    return [sys.executable, str(program), "--run-uid", "uid-1"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "volume").mkdir()
    variables = {"SLIPWAY_VOLUME": str(tmp_path / "volume"), "PYTHONPATH": str(REPOSITORY)}
    return {"PATH": os.environ["PATH"], **variables}


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def step_folder(environment: dict[str, str], run_name: str = "uid-1") -> Path:
    return Path(environment["SLIPWAY_VOLUME"]) / "runs" / run_name / "train"


def test_the_log_holds_what_the_step_and_its_children_print(
    command: list[str], environment: dict[str, str]
) -> None:
    done = run(command, environment)
    assert done.returncode == 0
    log = (step_folder(environment) / "step.log").read_text(encoding="utf-8")
    assert sorted(log.splitlines()) == ["100%", "from a child", "hello"]
    assert done.stdout == log
    assert not (step_folder(environment) / "failure.json").exists()
    assert (step_folder(environment) / "deep" / "output").read_text(encoding="utf-8") == "한글"


def test_a_refusal_says_what_why_and_next(command: list[str], environment: dict[str, str]) -> None:
    done = run([*command, "--do", "refuse"], environment)
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "train failed: 'x' is not known. Correct it."
    failure = json.loads((step_folder(environment) / "failure.json").read_text(encoding="utf-8"))
    assert failure["error"] == "'x' is not known."
    assert failure["why"] == "cfg.yaml:3"
    assert failure["next"] == "Correct it."
    assert failure["findings"][0]["code"] == "unknown-key"


def test_an_unforeseen_error_ends_in_one_sentence(
    command: list[str], environment: dict[str, str]
) -> None:
    done = run([*command, "--do", "crash"], environment)
    assert done.returncode == 1
    lines = (step_folder(environment) / "step.log").read_text(encoding="utf-8").splitlines()
    assert lines[-1].startswith("train failed: RuntimeError: out of memory")
    assert "Traceback (most recent call last):" in "\n".join(lines)


def test_a_retry_appends_to_the_log_and_forgets_the_failure(
    command: list[str], environment: dict[str, str]
) -> None:
    run([*command, "--do", "refuse"], environment)
    run(command, environment)
    log = (step_folder(environment) / "step.log").read_text(encoding="utf-8")
    assert log.index("train failed") < log.index("--- again at") < log.index("hello")
    assert not (step_folder(environment) / "failure.json").exists()


def test_sigterm_cleans_up_and_exits_143(command: list[str], environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*command, "--do", "wait"], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    assert process.returncode == 143
    assert rest.startswith("cleaned up\ntrain failed: it was stopped.")
    assert (step_folder(environment) / "failure.json").exists()


def test_another_run_of_the_same_launch_gets_its_own_folder(
    command: list[str], environment: dict[str, str]
) -> None:
    run([*command, "--launch", "L"], environment)
    run([*command[:-1], "another-uid", "--launch", "L"], environment)
    assert step_folder(environment, "L").is_dir()
    assert step_folder(environment, "L-another-").is_dir()


def test_a_missing_volume_is_named(command: list[str], environment: dict[str, str]) -> None:
    done = run(command, environment | {"SLIPWAY_VOLUME": "/nowhere"})
    assert done.returncode != 0
    assert "the volume /nowhere does not exist" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("launch", ["../out", "a/b", ".."])
def test_a_launch_id_cannot_leave_the_volume(
    command: list[str], environment: dict[str, str], launch: str
) -> None:
    done = run([*command, "--launch", launch], environment)
    assert done.returncode == 3
    assert "is not a launch id" in done.stdout


@pytest.mark.parametrize("value", ["--launch=other", "--run-uid", "-h", "--do", "--", "--x=1"])
def test_a_value_that_looks_like_an_option_becomes_none(
    value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = step_parser("verify", "a test")
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--do", default="")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--run-uid", "uid-1", "--model-name", value])
    assert ended.value.code == 2
    assert "--model-name" in capsys.readouterr().err
