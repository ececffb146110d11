from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.cli.main import main


class Said(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Said]


@pytest.fixture
def cli(volume: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process, on a private volume and state folder."""

    def call(*words: str) -> Said:
        code = main(["--volume", str(volume), "--state", str(state), *words])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return call
