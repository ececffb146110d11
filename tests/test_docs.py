"""README and docs name only what exists, and every variable that a person may set."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pipeline.cli.arguments import make_parser
from pipeline.core.settings import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
VARIABLE = re.compile(r"\b(?:SLIPWAY|KFP|MLFLOW)_[A-Z0-9_]*[A-Z0-9]\b")
PATH = re.compile(
    r"`((?:pipeline|dashboard|step_images|configs|tests|docs|tools)/[\w./*-]+|\.ci/\w+|\w+\.sh)`"
)
MODULE = re.compile(r"`((?:pipeline|dashboard|step_images)(?:\.\w+)+)`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
# A line of a block that calls it, after another command or in a container, too.
COMMAND = re.compile(r"^(?:git pull && |kubectl .* -- )?slipway .*", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_modules_and_links_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [name for name in LINK.findall(text) if not (page.parent / name).exists()]
    missing += [name for name in PATH.findall(text) if not list(ROOT.glob(name.rstrip("/")))]
    for name in MODULE.findall(text):
        base = ROOT.joinpath(*name.split("."))
        places = (base, base.with_suffix(".py"), base.parent, base.parent.with_suffix(".py"))
        if not any(place.exists() for place in places):
            missing.append(name)
    assert missing == []


def test_every_setting_s_variable_is_in_the_docs() -> None:
    said = {name for page in PAGES for name in VARIABLE.findall(page.read_text(encoding="utf-8"))}
    assert set(ENVIRONMENT.values()) - said == set()


def test_every_variable_in_the_docs_is_one_that_is_read() -> None:
    code = subprocess.run(
        ["git", "grep", "-hoIP", VARIABLE.pattern, "--", ":!*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said = {name for page in PAGES for name in VARIABLE.findall(page.read_text(encoding="utf-8"))}
    assert said - set(code.stdout.split()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_ones_that_the_command_line_takes(page: Path) -> None:
    for line in COMMAND.findall(page.read_text(encoding="utf-8")):
        words = shlex.split(line, comments=True)
        given = words[words.index("slipway") + 1 :]
        assert make_parser().parse_args(given).command_name in given
