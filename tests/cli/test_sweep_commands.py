"""The command about sweeps; the engine's controller is held back unless a test wants runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

N, S = "yolov8n-scratch.yaml", "yolov8s-scratch.yaml"
BOTH = ("--model", N, "--model", S, "--cfg", "cfg-custom", "--no-train")


@pytest.mark.usefixtures("nothing_starts")
def test_a_sweep_is_started_shown_and_listed(cli: Cli) -> None:
    said = cli("sweep", *BOTH, "--seed", "0", "--seed", "1", "--name", "night", "--json")
    assert said.code == 0, said.err
    assert said.json["sweep"] == "night"
    runs = said.json["runs"]
    assert [(run["model"], run["cfg"], run["seed"]) for run in runs] == [
        (model, "cfg-custom", seed) for model in (N, S) for seed in (0, 1)
    ]
    assert {run["state"] for run in runs} == {"pending"}
    assert all(run["launch"] and run["run"] and run["metrics"] == {} for run in runs)
    listed = cli("runs", "--json").json
    assert {row["launch"] for row in listed} == {run["launch"] for run in runs}
    assert {row["sweep"] for row in listed} == {"night"}
    assert cli("sweep", "--show", "night", "--json").json == said.json
    text = cli("sweep", "--show", "night").out
    assert "seed 0" in text and text.count("queued") == 4
    (row,) = cli("sweep", "--list", "--json").json
    assert (row["sweep"], row["runs"]) == ("night", 4)


@pytest.mark.usefixtures("nothing_starts")
def test_the_same_sweep_again_starts_only_what_is_missing(cli: Cli) -> None:
    assert cli("sweep", *BOTH, "--name", "night").code == 0
    again = cli("sweep", *BOTH, "--seed", "3", "--name", "night", "--json")
    assert again.code == 0
    assert [run["seed"] for run in again.json["runs"]] == [None, None, 3, 3]
    assert cli("sweep", "--resume", "night").code == 0
    assert len(cli("runs", "--json").json) == 4


@pytest.mark.usefixtures("nothing_starts")
def test_a_name_is_drawn_where_none_is_given(cli: Cli) -> None:
    said = cli("sweep", "--model", N, "--no-train", "--json")
    assert said.json["sweep"].startswith("sweep-")
    assert [run["cfg"] for run in said.json["runs"]] == ["cfg-custom"]


def test_a_mistake_starts_nothing_and_names_its_combination(cli: Cli, volume: Path) -> None:
    said = cli("sweep", *BOTH, "--model", "nono", "--json")
    assert (said.code, said.json["ok"]) == (3, False)
    (finding,) = [entry for entry in said.json["findings"] if entry["severity"] == "error"]
    assert finding["message"].startswith("With nono: ")
    assert not (volume / "runs").exists()
    many = [word for seed in range(101) for word in ("--seed", str(seed))]
    said = cli("sweep", "--model", N, *many)
    assert said.code == 3
    assert "101 runs; at most 100" in said.out


@pytest.mark.parametrize("option", ["--show", "--resume", "--stop", "--retry"])
def test_a_sweep_that_is_not_there_is_not_found(cli: Cli, option: str) -> None:
    said = cli("sweep", option, "none", "--json")
    assert said.code == 5
    assert said.json["error"]["message"] == "There is no sweep 'none'."


@pytest.mark.parametrize(
    "words",
    [
        ("--show", "night", "--model", N),
        ("--stop", "night", "--seed", "1"),
        ("--list", "--data", "data-custom"),
        ("--list", "--show", "night"),
        ("--seed", "first"),
        ("--seed", "-1"),
    ],
)
def test_wrong_usage_is_said(cli: Cli, words: tuple[str, ...]) -> None:
    assert cli("sweep", *words).code == 2


@pytest.mark.usefixtures("nothing_starts")
def test_an_engine_that_is_away_is_said_with_what_is_started(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_ENDPOINT", "http://127.0.0.1:9")
    said = cli("sweep", *BOTH, "--name", "night", "--engine", "kubeflow", "--json")
    assert said.code == 6
    assert "0 of the 2 runs of sweep 'night' are started" in said.json["error"]["message"]
    assert "sweep --resume night" in said.json["error"]["next"]


def test_waiting_tells_changes_and_ends_with_the_runs(cli: Cli) -> None:
    said = cli(
        "sweep", "--model", N, "--no-train", "--seed", "0", "--seed", "1", "--wait", "--json"
    )
    assert said.code == 0, said.err
    assert {run["state"] for run in said.json["runs"]} == {"succeeded"}
    assert f"{N} · cfg-custom · seed 1 done" in said.err
    assert cli("sweep", "--stop", said.json["sweep"], "--json").json == said.json
