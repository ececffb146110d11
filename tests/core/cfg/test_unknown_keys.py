from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.cfg.unknown_keys import unknown_keys
from pipeline.core.checks.file import check_file
from pipeline.core.volume.paths import Volume

MANY = 30_000


def test_what_may_be_meant_is_said() -> None:
    typo, strange = unknown_keys([("Epohcs", "a.yaml:1"), (7, "a.yaml:2")], ["epochs", "imgsz"])
    assert typo.message == "'Epohcs' is not a setting known here." and "epochs" in typo.next
    assert (strange.message, strange.next) == ("'7' is not a setting known here.", "Remove it.")
    assert (typo.where, strange.where) == ("a.yaml:1", "a.yaml:2")


@pytest.mark.parametrize(
    ("name", "head", "indent"),
    [("x-cfg.yaml", "epochs: 0\n", ""), ("tune-x.yaml", "trials: 0\nspace:\n", "  ")],
)
def test_of_very_many_the_first_are_listed_and_the_others_counted(
    tmp_path: Path, name: str, head: str, indent: str
) -> None:
    text = head + "".join(f"{indent}wrong{number}: 1\n" for number in range(MANY))
    found = check_file(Volume(tmp_path), name, text)
    assert len(found) < 100
    unknown = [finding for finding in found if finding.code == "unknown-setting"]
    assert sum(finding.count for finding in unknown) == MANY
    lines = head.count("\n")
    assert unknown[0].where == f"{name}:{lines + 1}"
    assert unknown[-1].where == f"{name}:{len(unknown) + lines}"
    assert any(finding.where == f"{name}:1" for finding in found)  # the other mistake is there, too
