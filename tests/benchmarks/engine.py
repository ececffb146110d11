"""What the local engine costs beside the steps themselves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine, Run
from pipeline.engines.registry import make_engine

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
LIGHT_STEPS = ("verify", "distribution", "plot", "notify")


def time_of_a_step(folder: Path) -> None:
    """Run a chain of steps that do nothing, by the engine and by plain subprocesses."""
    (folder / "volume").mkdir()
    engine = make_engine(Settings(volume=folder / "volume", state=folder / "state"))
    _run(engine, "20260101-0000-warm-up-aaaa", steps=1)  # pays for the controller's start
    begin = time.perf_counter()
    for _ in range(STEPS):
        subprocess.run([sys.executable, "-c", "pass"], check=True)
    plain_s = time.perf_counter() - begin
    begin = time.perf_counter()
    run = _run(engine, "20260101-0001-chain-bbbb", steps=STEPS)
    ours_s = time.perf_counter() - begin
    own_s = (ours_s - plain_s) / STEPS
    print(
        f"a chain of {STEPS} empty steps ({run.state}): subprocesses {plain_s:.2f} s, engine "
        f"{ours_s:.2f} s: {own_s:.3f} s of the engine's own a step (at most 0.2 s)"
    )


def imports_of_light_steps(folder: Path) -> None:
    """List what light steps load that they should not, and what a start costs."""
    for step in LIGHT_STEPS:
        program = (
            f"import sys, step_images.{step}.__main__;"
            "print(sorted({'torch', 'ultralytics', 'kfp', 'mlflow', 'ray'} & set(sys.modules)))"
        )
        begin = time.perf_counter()
        loaded = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.strip()
        print(f"{step}: imported in {time.perf_counter() - begin:.2f} s, loads {loaded} (nothing)")


def _run(engine: Engine, launch: str, steps: int) -> Run:
    run_id = engine.submit(_chain(launch, steps), launch)
    while not (run := engine.get(run_id)).state.is_finished:
        time.sleep(0.01)
    return run


def _chain(launch: str, steps: int) -> dict[str, Any]:
    names = [f"step-{number}" for number in range(steps)]
    tasks: list[dict[str, Any]] = [{"name": name, "template": name} for name in names]
    for task, before in zip(tasks[1:], names, strict=False):
        task["dependencies"] = [before]
    container = {"image": "none", "command": ["python", "-c", "pass"]}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{launch}-"},
        "spec": {
            "entrypoint": "chain",
            "arguments": {"parameters": [{"name": "launch", "value": launch}]},
            "templates": [
                {"name": "chain", "dag": {"tasks": tasks}},
                *({"name": name, "container": container} for name in names),
            ],
        },
    }
