import pytest

from pipeline.core.checks.parts import ALWAYS, part_of, worst_by_part
from pipeline.core.findings import error, info, warning


@pytest.mark.parametrize(
    ("code", "where", "part"),
    [
        ("split-empty", "data.yaml:3", "splits"),
        ("no-test-split", "data.yaml", "splits"),
        ("label-malformed", "labels/a.txt:1", "labels"),
        ("class-absent", "cfg-custom.yaml:2", "labels"),
        ("classify-dataset", "data.yaml", "labels"),
        ("names-invalid", "data.yaml:5", "labels"),
        ("out-of-range", "overrides.epochs", "cfg"),
        ("unknown-key", "cfg-custom.yaml:7", "cfg"),
        ("not-enough-gpus", "gpus", "resources"),
        ("toleration", "tolerations", "resources"),
        ("sweep-seed", "seeds", "sweep"),
        ("not-found", "model", "files"),
    ],
)
def test_a_finding_is_about_one_part_of_a_launch(code: str, where: str, part: str) -> None:
    assert part_of(error(code, "It is so.", where=where)) == part


def test_a_part_is_as_bad_as_the_worst_that_is_said_of_it() -> None:
    said = [
        warning("label-duplicate", "Twice."),
        error("label-class-unknown", "Unknown."),
        warning("label-empty", "Empty."),
        info("split-missing", "Good to know."),
        warning("shm-small", "Small.", where="shm_size"),
    ]
    worst = worst_by_part(said)
    assert worst == {
        "files": "",
        "labels": "error",
        "splits": "",
        "cfg": "",
        "resources": "warning",
    }


def test_the_sweep_is_a_part_only_when_something_is_said_of_it() -> None:
    assert tuple(worst_by_part([])) == ALWAYS
    assert worst_by_part([info("sweep-goes-on", "It goes on.")])["sweep"] == ""
