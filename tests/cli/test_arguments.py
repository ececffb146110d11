from __future__ import annotations

import shlex
from argparse import Namespace
from pathlib import Path

import pytest

from pipeline.actions.launching.launches import command_line
from pipeline.cli.arguments import choices_from, has_choices, make_parser
from pipeline.core.errors import UsageError
from pipeline.core.launch.choices import Choices


def parse(*words: str) -> Namespace:
    return make_parser().parse_args(words)


def test_settings_stand_before_and_after_the_command() -> None:
    before = parse("--volume", "v", "--state", "s", "--json", "ls")
    after = parse("ls", "--volume", "v", "--state", "s", "--json")
    for arguments in (before, after):
        assert (arguments.volume, arguments.state, arguments.json) == ("v", "s", True)


def test_the_state_of_runs_is_a_filter_behind_the_command() -> None:
    arguments = parse("--state", "folder", "runs", "--state", "failed")
    assert (arguments.state, arguments.run_state) == ("folder", "failed")


def test_the_state_of_runs_may_be_the_folder_there_too(tmp_path: Path) -> None:
    arguments = parse("runs", "--volume", "v", "--state", str(tmp_path), "--state", "failed")
    assert (arguments.state, arguments.run_state) == (str(tmp_path), "failed")
    assert parse("runs", "--state", "./new").state == "./new"
    with pytest.raises(UsageError, match=r"'done' is none of pending, .*unknown, and no folder"):
        parse("runs", "--state", "done")


@pytest.mark.parametrize("word", ["--cfg=--", "--set=--", "--volume=--", "--gpus=--"])
def test_dashes_are_no_value(word: str) -> None:
    with pytest.raises(UsageError, match=f"{word[:-3]}: '--' is no value"):
        parse("launch", word)


def test_no_choice_gives_the_defaults() -> None:
    arguments = parse("launch")
    assert not has_choices(arguments)
    assert choices_from(arguments) == Choices()


def test_choices_change_only_what_they_name() -> None:
    base = Choices(model="a.pt", cfg="c", overrides={"epochs": 9, "lr0": 0.1}, tune=True, gpus=2)
    arguments = parse("clone", "X", "--cfg", "d", "--no-tune", "--set", "epochs=2")
    assert choices_from(arguments, base) == Choices(
        model="a.pt", cfg="d", overrides={"epochs": 2, "lr0": 0.1}, tune=False, gpus=2
    )


def test_placement_is_given_by_repeated_options_and_printed_so() -> None:
    words = ("--node-selector", "disk=ssd", "--node-selector", "zone=a b")
    words += ("--toleration", "gpu:NoSchedule", "--toleration", "team=vision:NoExecute")
    choices = choices_from(parse("launch", *words), Choices(node_selector={"old": "1"}))
    assert choices.node_selector == {"disk": "ssd", "zone": "a b"}
    assert choices.tolerations == ("gpu:NoSchedule", "team=vision:NoExecute")
    printed = shlex.split(command_line(choices))[1:]
    assert choices_from(parse(*printed)) == choices


@pytest.mark.parametrize(
    "words",
    [
        ("launch", "--set", "epochs"),
        ("launch", "--set", "=3"),
        ("launch", "--set", "a=[1,"),
        ("launch", "--node-selector", "disk"),
        ("launch", "--node-selector", "=ssd"),
    ],
)
def test_a_malformed_override_is_wrong_usage(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        choices_from(parse(*words))


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nothing",),
        ("launch", "--gpus", "-1"),
        ("launch", "--gpus", "two"),
        ("runs", "--limit", "0"),
        ("runs", "--state", "gone"),
        ("show",),
        ("ls", "weights"),
        ("preflight", "--mod", "x"),
        ("sample", "d", "--images", "9" * 30),
    ],
)
def test_wrong_usage_is_said_without_leaving_the_process(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        parse(*words)


@pytest.mark.parametrize("word", ["-1", "0", "2.5", "1e3", "١", "9999999999", ""])
def test_a_limit_says_what_it_takes(word: str) -> None:
    said = r"argument --limit: '.*' is not a whole number from 1 to 999,999,999"
    with pytest.raises(UsageError, match=said):
        parse("mistakes", "X", f"--limit={word}")
    assert parse("mistakes", "X", "--limit", "999999999").limit == 999_999_999
