"""Secret values that tests draw, and looking for them where they must not be."""

from __future__ import annotations

import secrets
from pathlib import Path

from pipeline.engines.base import Engine
from tests.engines.documents import finish, log, step, workflow
from tests.processes import processes_of

# Steps say what they have by its digest, so that it is in no log.
TELLS = "printenv {} | sha256sum; true"
GATED = "touch /data/began; while ! test -e /data/go; do sleep 0.02; done"


def marker() -> str:
    return f"mark{secrets.token_hex(8)}"


def digest_of(value: str) -> str:
    from hashlib import sha256

    return sha256(f"{value}\n".encode()).hexdigest()


def files_with(folder: Path, *values: str) -> list[str]:
    """Name the files that have one of the values in any byte."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and any(value.encode() in path.read_bytes() for value in values)
    ]


def commands_with(state: Path, *values: str) -> list[str]:
    lines = [" ".join(process.cmdline()) for process in processes_of(state)]
    return [line for line in lines if any(value in line for value in values)]


def tells(engine: Engine, launch: str, name: str, value: str) -> None:
    """Launch a step, and check that it has a variable."""
    document = workflow(step("verify", TELLS.format(name)))
    run = finish(engine, engine.submit(document, launch))
    assert log(engine, run.id, "verify").split()[0] == digest_of(value)
