"""What is far too large or nested: refused under a memory limit, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.dataset.files.splits import split_lines
from pipeline.core.findings import Tally, warning
from tests.core.dataset.forms import write_data, write_images

REPOSITORY = Path(__file__).resolve().parents[2]
MB = 1_000_000
TEXT_LIMIT = 4 << 20
GENEROUS_S = 240
# More than is there after the imports, which map far more than they use.
LIMITED = """
import json, resource, sys
from pathlib import Path
from pipeline.core.dataset.read import inspect_dataset
from pipeline.core.checks.file import check_file
from pipeline.core.launch.choices import Choices
from pipeline.core.checks.preflight import preflight
from pipeline.core.volume.paths import Volume
root, more, action = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
import polars
polars.DataFrame({"a": [1, 2]}).group_by("a").len()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + more, used + more))
volume = Volume(root)
if action == "inspect":
    found = inspect_dataset(volume, "data-custom.yaml").all_findings
elif action == "check":
    found = check_file(volume, sys.argv[4], (root / sys.argv[4]).read_text())
else:
    name = {"model": "yolov8n-x.yaml", "cfg": "x-cfg", "data": "data-x", "tune_space": "tune-x"}
    found = preflight(volume, Choices(tune=True, **name)).findings
print(json.dumps([len(found), [vars_ for vars_ in (f.as_dict() for f in found[-30:])]]))
"""
BOMBS: dict[str, Callable[[], str]] = {
    "laughs": lambda: (
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    ),
    "merges": lambda: (
        "a0: &a0 {x: 1}\n"
        + "".join(f"a{i}: &a{i}\n  <<: [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60))
    ),
    "brackets": lambda: "a: " + "[" * 4_000_000,
    "closed": lambda: "a: " + "[" * 100_000 + "]" * 100_000,
    "braces": lambda: "a: " + "{" * 4_000_000,
    "dashes": lambda: "a:\n " + "- " * 2_000_000,
    "questions": lambda: "? " * 2_000_000,
    "wide": lambda: "a: [" + "1," * 2_000_000 + "]",
    "sexagesimal": lambda: "epochs: 1" + ":1" * 2_000_000,
    "sexagesimal float": lambda: "epochs: 1" + ":1" * 2_000_000 + ".5",
    "more than a float holds": lambda: "epochs: 1" + ":1" * 195 + ".5",
    "hexadecimal": lambda: "epochs: 0x" + "f" * 20_000,
    "digits": lambda: "nc: " + "9" * 4_000_000,
}


def under_a_limit(root: Path, *words: str, more: int = 1 << 30) -> tuple[int, list[dict[str, Any]]]:
    """Run a check with so much memory more than the imports take; a crash is a failure."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(root), str(more), *words],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=GENEROUS_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"
    count, found = json.loads(done.stdout)
    return count, found


def codes(found: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding["code"]] = counts.get(finding["code"], 0) + finding["count"]
    return counts


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["x-cfg.yaml", "data-x.yaml"])
def test_a_yaml_bomb_is_refused_with_its_name(tmp_path: Path, bomb: str, name: str) -> None:
    (tmp_path / name).write_text(BOMBS[bomb]())
    _, (finding,) = under_a_limit(tmp_path, "check", name)
    assert (finding["severity"], finding["code"]) == ("error", "yaml-invalid")
    assert finding["where"].startswith(name)


def test_yaml_files_of_a_hundred_megabytes_are_not_read(tmp_path: Path) -> None:
    for name in ("x-cfg.yaml", "data-x.yaml", "yolov8-x.yaml", "yolov8n-x.yaml", "tune-x.yaml"):
        (tmp_path / name).write_bytes(b"# a line of a hundred megabytes\n" * (100 * MB // 32))
    _, found = under_a_limit(tmp_path, "preflight", more=100 << 20)
    refused = {entry["where"] for entry in found if "bytes" in entry["message"]}
    assert refused == {"x-cfg.yaml", "data-x.yaml", "yolov8n-x.yaml", "tune-x.yaml"}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("m.jpg\n", "image-missing"),
        ("no image at all\n", "list-line-ignored"),
        ("/etc/a.jpg\n", "outside-volume"),
        ("\r\r\r\r\r\rm.jpg\n", "image-missing"),
    ],
)
def test_a_hundred_megabytes_of_lines_that_lead_nowhere(
    tmp_path: Path, line: str, code: str
) -> None:
    write_images(tmp_path)
    write_data(tmp_path, "train: list.txt\nval: datasets/shapes/images/val\nnames: [a, b, c]\n")
    (tmp_path / "list.txt").write_bytes(line.encode() * (100 * MB // len(line)))
    count, found = under_a_limit(tmp_path, "inspect")
    assert count < 25_000
    counts = codes(found)
    assert counts[code] > 1_000_000 or "list-hopeless" in counts


@given(st.text(alphabet="a \n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\u00e9", max_size=30))
def test_lines_are_those_of_python(text: str) -> None:
    assert list(split_lines(text)) == text.splitlines()


def test_what_is_not_listed_is_counted() -> None:
    tally = Tally(limit=2)
    for number in range(5):
        if tally.has_room("odd"):
            tally.append(warning("odd", f"{number} is odd."))
    tally.append(warning("link-loop", "a loop."))
    assert [(entry.code, entry.count) for entry in tally.all()] == [
        ("odd", 1),
        ("odd", 4),
        ("link-loop", 1),
    ]
    assert tally.left_out == 3
