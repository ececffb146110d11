"""Whether an engine has a machine for a launch, known without keeping the form waiting."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass

from pipeline.actions.installation import Installation
from pipeline.core.errors import SlipwayError
from pipeline.core.findings import Finding
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.placement import NodeCapacity, check_placement

_WAIT_S = 0.2
_FRESH_S = 30.0
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="nodes")


@dataclass(frozen=True)
class _Asked:
    at: float
    answer: Future[tuple[NodeCapacity, ...]]


class _Nodes(dict[str, _Asked]):
    """What was asked of each engine."""


def placement_findings(here: Installation, choices: Choices) -> list[Finding]:
    """Find what no node has; nothing while the nodes cannot be, or are not yet, known."""
    engine = here.engine()
    nodes = here.memory(_Nodes)
    asked = nodes.get(engine.name)
    if asked is None or (asked.answer.done() and time.monotonic() > asked.at + _FRESH_S):
        asked = _Asked(time.monotonic(), _threads.submit(here.ask, engine, engine.nodes))
        nodes[engine.name] = asked
    try:
        return check_placement(choices, asked.answer.result(_WAIT_S))
    except (NotYet, SlipwayError):
        return []  # the engine says it itself when the run is submitted or waits
