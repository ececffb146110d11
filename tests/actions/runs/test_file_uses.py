from __future__ import annotations

from pathlib import Path

from pipeline.actions.installation import Installation
from pipeline.actions.runs.file_uses import runs_by_digest, runs_of_file
from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.settings import Settings
from pipeline.core.versions.editing import digest_now, save_text
from pipeline.core.versions.history import list_versions
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder

FILE = "cfg-custom.yaml"


def record(volume: Path, name: str) -> None:
    digests = {"cfg": sha256_file(volume / FILE), "model": "0" * 64}
    launch = Launch(name, Choices(), "m.yaml", "kim", "2026-11-23T14:32:00Z", "0", digests)
    launch.save(RunFolder(volume / "runs" / name).launch)


def test_runs_are_found_by_the_version_that_they_used(volume: Path) -> None:
    here, installation = Volume(volume), Installation(Settings(volume, volume.parent / "state"))
    assert runs_by_digest(installation) == {}
    first = digest_now(here, FILE)
    record(volume, "1-first")
    save_text(here, FILE, "epochs: 2\n", expected_sha256=first)
    record(volume, "2-second")
    record(volume, "3-third")
    (volume / "runs" / "4-damaged").mkdir()
    (volume / "runs" / "4-damaged" / "launch.json").write_text("{")
    uses = runs_by_digest(installation)
    now = digest_now(here, FILE)
    assert (uses[now], uses[first]) == (("3-third", "2-second"), ("1-first",))
    every = runs_of_file(uses, list_versions(here, FILE), now)
    assert every == ("3-third", "2-second", "1-first")
    assert runs_of_file(uses, [], "f" * 64) == ()
