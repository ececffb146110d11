from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.weights_server import WeightsServer, weights_file, weights_server

__all__ = ["weights_server"]

NAME = "yolo11n.pt"


@pytest.fixture(autouse=True)
def _from_the_server(weights_server: WeightsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_WEIGHTS_URL", weights_server.release)


def test_the_list_says_what_is_there(cli: Cli, volume: Path, weights_server: WeightsServer) -> None:
    (volume / NAME).write_bytes(b"mine")
    listed = {entry["name"]: entry for entry in cli("weights", "--json").json["weights"]}
    assert listed[NAME]["path"] == NAME and listed["yolov8n.pt"]["path"] == ""
    assert listed["yolov8n.pt"]["url"] == f"{weights_server.release}/yolov8n.pt"
    said = cli("weights")
    assert said.code == 0 and "yolov8n.pt" in said.out and weights_server.release in said.out
    assert not weights_server.asked


def test_what_is_named_is_fetched_once(
    cli: Cli, volume: Path, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    said = cli("weights", "yolo11n", NAME, "--json")
    (entry,) = said.json["weights"]
    assert said.code == 0 and entry["path"] == f"weights/{NAME}"
    assert entry["sha256"] == hashlib.sha256(weights_file()).hexdigest()
    assert entry["compared_with"].endswith("/releases/tags/v8.4.0")
    size = f"{len(weights_file()):,}"
    assert f"{size} of {size} bytes" in said.err
    assert (volume / entry["path"]).read_bytes() == weights_file()
    asked = len(weights_server.asked)
    again = cli("weights", NAME)
    assert (again.code, again.out) == (0, f"weights/{NAME} is on the volume already.\n")
    assert len(weights_server.asked) == asked


def test_what_was_not_compared_is_said(cli: Cli, weights_server: WeightsServer) -> None:
    weights_server.publish(NAME, weights_file(), digest=None)
    said = cli("weights", NAME)
    sha256 = hashlib.sha256(weights_file()).hexdigest()
    assert f"SHA-256 {sha256} (not compared: " in said.out


def test_one_that_fails_keeps_no_other_from_being_fetched(
    cli: Cli, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file())
    said = cli("weights", "yolo11s", NAME, "--json")
    failed, fetched = said.json["weights"]
    assert said.code == 5 and "HTTP 404" in failed["error"]["message"]
    assert fetched["path"] == f"weights/{NAME}" and "error: " in said.err


@pytest.mark.parametrize(("status", "code"), [(404, 5), (503, 6)])
def test_a_server_that_does_not_have_it_or_is_away(
    cli: Cli, weights_server: WeightsServer, status: int, code: int
) -> None:
    weights_server.status = status
    said = cli("weights", NAME)
    assert said.code == code and not said.out
    assert f"{weights_server.release}/{NAME}" in said.err


def test_a_wrong_checksum_is_no_acceptable_input(
    cli: Cli, volume: Path, weights_server: WeightsServer
) -> None:
    weights_server.publish(NAME, weights_file(), digest="sha256:" + 64 * "0")
    assert cli("weights", NAME).code == 3 and not list((volume / "weights").iterdir())


def test_all_names_that_are_unknown_are_named(cli: Cli, weights_server: WeightsServer) -> None:
    said = cli("weights", NAME, "best.pt", "../../etc/passwd")
    assert said.code == 5 and "best.pt, ../../etc/passwd" in said.err and not weights_server.asked


@pytest.mark.parametrize("url", ["file:///etc", "ftp://host/weights", "weights", "http://[bad"])
def test_an_address_that_is_none_of_the_web_is_refused(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("SLIPWAY_WEIGHTS_URL", url)
    said = cli("weights")
    assert said.code == 2 and "SLIPWAY_WEIGHTS_URL" in said.err
