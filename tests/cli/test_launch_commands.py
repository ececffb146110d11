from __future__ import annotations

import json

from tests.cli.conftest import Cli

CHOICES = ("--model", "yolov8n-scratch.yaml", "--set", "optimizer=SGD", "--tune")


def test_a_search_is_said_in_words(cli: Cli) -> None:
    words = ("--tune-preset", "learning rate", "--search", "box=5..10", "--trials", "3")
    said = cli("compile", *CHOICES, *words, "--json")
    assert said.code == 0, said.err
    parameters = {p["name"]: p["value"] for p in said.json["spec"]["arguments"]["parameters"]}
    space = json.loads(parameters["tune_space"])
    assert space["trials"] == 3 and space["space"]["box"] == {"low": 5, "high": 10}
    assert space["space"]["lr0"]["scale"] == "log"
    again = cli("preflight", *CHOICES, "--tune-space", parameters["tune_space"], "--json")
    assert again.code == 0 and again.json["ok"]


def test_a_search_that_cannot_be_is_refused(cli: Cli) -> None:
    assert cli("preflight", *CHOICES, "--tune-preset", "luck").code == 2
    assert cli("preflight", *CHOICES, "--search", "lr0").code == 2
    assert cli("preflight", *CHOICES, "--trials", "0").code == 2
    said = cli("preflight", *CHOICES, "--search", "lr0=1..0.1", "--json")
    assert said.code == 3
    assert said.json["findings"][0]["where"] == "tune_space"
