from __future__ import annotations

from pathlib import Path

from pipeline.core.files import sha256_file
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch
from pipeline.core.versions.editing import digest_now, save_text
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from tests.cli.conftest import Cli

FILE = "cfg-custom.yaml"


def save(volume: Path, text: str) -> None:
    here = Volume(volume)
    digest = digest_now(here, FILE)
    save_text(here, FILE, text, expected_sha256=digest, user="kim", message="shorter")


def record_run(volume: Path, name: str, digest: str) -> None:
    launch = Launch(name, Choices(), "m.yaml", "kim", "2026-11-23T14:32:00Z", "0", {"cfg": digest})
    launch.save(RunFolder(volume / "runs" / name).launch)


def test_history_lists_versions_and_the_runs_that_used_them(cli: Cli, volume: Path) -> None:
    record_run(volume, "one", sha256_file(volume / FILE))
    save(volume, "epochs: 2\n")
    said = cli("history", FILE, "--json")
    assert said.code == 0 and said.json["file"] == FILE
    newest, found = said.json["versions"]
    assert (newest["version"], newest["user"], newest["message"]) == (2, "kim", "shorter")
    assert (newest["is_current"], newest["runs"]) == (True, [])
    assert (found["action"], found["is_current"], found["runs"]) == ("found", False, ["one"])
    assert "shorter" in cli("history", FILE).out


def test_a_file_that_nobody_edited_has_no_versions_but_runs(cli: Cli, volume: Path) -> None:
    record_run(volume, "one", sha256_file(volume / FILE))
    said = cli("history", FILE, "--json")
    assert (said.code, said.json["versions"], said.json["runs"]) == (0, [], ["one"])
    assert "not been edited" in cli("history", FILE).out


def test_diff_between_versions_and_with_the_file(cli: Cli, volume: Path) -> None:
    save(volume, "epochs: 2\n")
    save(volume, "epochs: 3\n")
    said = cli("diff", FILE, "2", "--json")
    assert (said.json["from"], said.json["to"]) == (2, None)
    assert "-epochs: 2\n+epochs: 3\n" in said.json["diff"]
    assert "+epochs: 2" in cli("diff", FILE, "1", "2").out
    assert cli("diff", FILE, "3").out == "No difference.\n"


def test_restore_saves_an_old_version_as_a_new_one(cli: Cli, volume: Path) -> None:
    before = (volume / FILE).read_bytes()
    save(volume, "epochs: 2\n")
    said = cli("restore", FILE, "1", "--json")
    assert (said.code, said.json["version"], said.json["restored"]) == (0, 3, 1)
    assert (volume / FILE).read_bytes() == before
    (volume / FILE).unlink()
    assert cli("restore", FILE, "2").code == 0
    assert (volume / FILE).read_text() == "epochs: 2\n"


def test_what_is_not_there_is_not_found(cli: Cli) -> None:
    assert cli("history", "none.yaml", "--json").code == 5
    assert cli("diff", FILE, "1", "--json").code == 5
    assert cli("restore", FILE, "7", "--json").code == 5


def test_a_file_that_leaves_the_volume_is_not_acceptable(cli: Cli) -> None:
    for name in ("../a.yaml", "/etc/passwd", ".history/files/a.yaml", "runs/a/cfg.yaml", ""):
        for words in (["history", name], ["diff", name, "1"], ["restore", name, "1"]):
            assert cli(*words, "--json").code == 3, words


def test_a_version_that_is_no_number_is_wrong_usage(cli: Cli) -> None:
    for words in (["diff", FILE, "one"], ["restore", FILE], ["restore", FILE, "-1"]):
        assert cli(*words).code == 2
