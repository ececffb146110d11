"""What steps do to the engine."""

from __future__ import annotations

import psutil

from pipeline.core.settings import Settings
from pipeline.engines.base import Engine
from tests.engines.documents import finish
from tests.engines.local.faults import (
    controller_pid,
    open_gate,
    settle,
    three_steps,
    working,
)
from tests.waiting import until

GIB = 1 << 30
LINE = "0123456789" * 10


def test_step_that_writes_a_gibibyte_of_log(local_engine: Engine, settings: Settings) -> None:
    script = f"yes {LINE} | head -c {GIB}; echo; echo the end; test -e /data/go"
    run_id = local_engine.submit(three_steps(working("train", script)), "l-1")
    until(lambda: local_engine.logs(run_id, "train", 1 << 20).text)
    controller = psutil.Process(controller_pid(settings))
    until(lambda: (settings.volume / "test.pid").exists() or finish(local_engine, run_id))
    assert controller.memory_info().rss < 80 << 20
    first = local_engine.logs(run_id, "train")
    assert first.text.startswith(LINE)
    assert len(first.text) <= 1 << 20
    last = local_engine.logs(run_id, "train", GIB - 100)
    assert last.text.endswith("the end\n")
    assert last.is_complete
    open_gate(settings)
    # The retry would print it all again.
    settle(local_engine, settings, run_id, "a step that writes 1 GiB of log", "until it fails")
