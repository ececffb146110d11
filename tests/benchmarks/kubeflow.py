"""What listing the runs of Kubeflow costs beside Kubeflow itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.runs.page import page_of
from pipeline.core.launch.kinds.registry import step_names
from pipeline.core.settings import Settings
from pipeline.workflow.compile import compile_workflow
from tests.benchmarks.report import say
from tests.engines.kubeflow.fake_api import pod, run_detail, serving

RUNS = 1000
ROUNDS = 10


def list_runs(folder: Path) -> None:
    """List many finished runs as the page does: with an empty memory, and then again and again."""
    (folder / "volume").mkdir()
    with _api() as endpoint:
        here = Installation(
            Settings(
                volume=folder / "volume",
                state=folder / "state",
                engine="kubeflow",
                engines=("kubeflow",),
                kfp_endpoint=endpoint,
            )
        )
        opened_s = _timed(here)
        again_s = [_timed(here) for _ in range(ROUNDS)]
    print(f"{RUNS} runs of Kubeflow opened with nothing known: {opened_s:.2f} s (at most 1.5 s)")
    say("refreshed", again_s, "at most 0.3 s")


def _timed(here: Installation) -> float:
    begin = time.perf_counter()
    found = page_of(here, {})
    taken_s = time.perf_counter() - begin
    assert found.fitting == RUNS, found.outages
    return taken_s


@contextmanager
def _api() -> Iterator[str]:
    """Serve an API in a process of its own, so that its work is not taken for ours."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("end")
        process.join()


def _serve(connection: Connection) -> None:
    spec = _spec()
    first = datetime(2026, 1, 1, tzinfo=UTC)
    with serving() as server:
        for number in range(RUNS):
            created_at = (first + timedelta(hours=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
            nodes = [pod(name, "Succeeded") for name in step_names()]
            server.add(
                run_detail(number, *nodes, status="Succeeded", created_at=created_at, spec=spec)
            )
        connection.send(server.url)
        connection.recv()


def _spec() -> dict[str, Any]:
    """Give the whole document of a real run, which KFP repeats in its lists."""
    here = Installation(Settings(volume=Path("/data"), state=Path("/state"), engine="kubeflow"))
    spec: dict[str, Any] = compile_workflow(here.settings)["spec"]
    return spec
