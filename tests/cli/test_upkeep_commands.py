from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engines.local.layout import Layout
from tests.cli.conftest import Cli

pytestmark = pytest.mark.usefixtures("nothing_starts")

CHOICES = ("--model", "yolov8n-scratch.yaml", "--no-train", "--set", "workers=0")


def test_the_queue_is_reordered_and_paused(cli: Cli) -> None:
    launches = [cli("launch", *CHOICES, "--json").json["launch"] for _ in range(3)]
    assert cli("queue", launches[2], "--place", "1").code == 0
    assert cli("queue", launches[1], "--priority", "high").code == 0
    found = cli("queue", "--pause", "--json").json
    assert [row["launch"] for row in found["waiting"]] == [launches[1], launches[2], launches[0]]
    assert [row["priority"] for row in found["waiting"]] == ["high", "normal", "normal"]
    assert (found["is_paused"], found["busy"], found["slots"]) == (True, 0, 1)
    assert "paused" in cli("queue").out
    assert cli("queue", "--resume", "--json").json["is_paused"] is False


@pytest.mark.parametrize("words", [("some-run",), ("--place", "1"), ("--priority", "high")])
def test_half_a_change_is_refused(cli: Cli, words: tuple[str, ...]) -> None:
    said = cli("queue", *words)
    assert said.code == 2
    assert "belong together" in said.err


def test_a_dry_run_says_the_bytes_and_deletes_nothing(cli: Cli, volume: Path, state: Path) -> None:
    from pipeline.engines.local.queue.store import Store

    launched = cli("launch", *CHOICES, "--json").json
    Store(Layout(state).database).update_run(launched["run"], state="failed")
    folder = volume / "runs" / launched["launch"]
    said = cli("clean", "--keep", "0", "--dry-run", "--json").json
    assert said["bytes"] > 0
    assert said["items"][0]["name"] == launched["launch"]
    assert said["items"][0]["why"] == "not among the newest 0"
    assert folder.is_dir()
    assert "would be free" in cli("clean", "--keep", "0", "--dry-run").out
    assert cli("clean", "--keep", "0", "--json").json["bytes"] == said["bytes"]
    assert not folder.exists()
    assert cli("clean", "--keep", "0", "--json").json["items"] == []
