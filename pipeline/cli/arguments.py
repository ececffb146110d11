"""The words of the command line: commands, their options, and the objects they become."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer
from pipeline.cli.completion import KINDS, SHELLS
from pipeline.cli.options import (
    STATES,
    Parser,
    StateOrFolder,
    choice_options,
    names,
    number,
    positive,
    share,
    shared_options,
    sweep_options,
)
from pipeline.core.errors import UsageError
from pipeline.core.launch.choices import Choices, described
from pipeline.core.launch.kinds.registry import all_choices, asked_for, kind_of, made
from pipeline.core.settings import SETTINGS, load_settings

_SEARCH = ("preset", "ranges", "trials")


def make_parser() -> Parser:
    """Make the parser of all commands."""
    shared, shared_by_runs = shared_options(), shared_options(has_state=False)
    parser = Parser(
        prog="slipway",
        description="Launch YOLO runs and look at them.",
        parents=[shared],
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command_name")

    def add(name: str, where: str, help: str) -> Parser:
        options = shared_by_runs if name == "runs" else shared
        command = commands.add_parser(name, help=help, parents=[options], allow_abbrev=False)
        command.set_defaults(command=_lazy(where, name))
        return command

    _add_volume_commands(add)
    _add_launch_commands(add)
    _add_run_commands(add)
    _add_tune_commands(add)
    _add_upkeep_commands(add)
    return parser


def installation_of(arguments: argparse.Namespace) -> Installation:
    """Give the installation by its settings: flags over environment over file over defaults."""
    flags = {entry.name: getattr(arguments, entry.name, "") for entry in SETTINGS if entry.option}
    return Installation(load_settings(flags))


def has_choices(arguments: argparse.Namespace) -> bool:
    """Say whether any choice option was given."""
    return bool(_given(arguments)) or bool(search_of(arguments))


def search_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Give what is said about the search space, by the names of `with_search`."""
    return {name: getattr(arguments, name) for name in _SEARCH if hasattr(arguments, name)}


def choices_from(arguments: argparse.Namespace, base: Choices | None = None) -> Choices:
    """Give the base with the choices that were named; overrides are merged.

    Raises
    ------
    UsageError
        A ``--set`` or ``--node-selector`` that is not ``KEY=VALUE``, or an option of another kind
        of launch.
    """
    given, original = _given(arguments), base or Choices()
    if "overrides" in given:
        from pipeline.core.cfg.train_cfg import parse_overrides  # only where --set is given

        merged = {**original.overrides, **parse_overrides(given["overrides"])}
        given["overrides"] = merged
    if "node_selector" in given:
        given["node_selector"] = dict(map(_label, given["node_selector"]))
    before, asked = kind_of(original), asked_for(given)
    kind = asked if asked.switch else before
    strange = given.keys() - {entry.name for entry in described(type(kind.defaults))}
    if strange:
        flags = [entry.flag for entry in all_choices() if entry.name in strange]
        raise UsageError(f"{', '.join(flags)} means nothing to a launch of kind '{kind.name}'.")
    return made({**vars(original if kind is before else kind.made_of(original)), **given})


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    names = [entry.name for entry in all_choices()]
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--node-selector '{text}' is not KEY=VALUE.", next="Write disk=ssd.")
    return key, value


def _lazy(where: str, name: str) -> Callable[[Installation, argparse.Namespace], Answer]:
    """Import a command's module when it is called: `ls` must not wait for what `launch` needs."""

    def call(here: Installation, arguments: argparse.Namespace) -> Answer:
        command = getattr(import_module(f"pipeline.cli.{where}"), name)
        answer: Answer = command(here, arguments)
        return answer

    return call


def _add_volume_commands(add: Callable[[str, str, str], Parser]) -> None:
    sample = add("sample", "volume_commands", "write a sample volume")
    sample.add_argument("folder", metavar="DIR")
    sample.add_argument("--images", metavar="N", type=number, default=240)
    listing = add("ls", "volume_commands", "list what can be chosen")
    listing.add_argument("kind", nargs="?", choices=("models", "cfgs", "datasets"))
    inspect = add("inspect", "volume_commands", "count a dataset's classes")
    inspect.add_argument("data", metavar="DATA")
    inspect.add_argument("--deep", action="store_true", help="open the images too")
    weights = add("weights", "weights_commands", "list official weights, or fetch those named")
    weights.add_argument("names", metavar="NAME", nargs="*")
    _add_history_commands(add)
    completion = add("completion", "completion", "print what makes Tab complete in bash or zsh")
    completion.add_argument("what", metavar="bash|zsh", choices=(*SHELLS, *KINDS))
    add("doctor", "volume_commands", "say what works, what does not, and what to do")
    images = add("images", "images", "build the images of the steps and of the dashboard")
    images.add_argument("--builder", metavar="NAME", default="", help="buildah, docker or podman")
    images.add_argument("--only", metavar="NAMES", type=names, default=(), help="light,yolo")


def _add_history_commands(add: Callable[[str, str, str], Parser]) -> None:
    for name, help in (
        ("history", "versions of a yaml file, and the runs that used them"),
        ("diff", "what differs between versions of a yaml file"),
        ("restore", "save an old version again, as a new one"),
    ):
        command = add(name, "history_commands", help)
        command.add_argument("file", metavar="FILE", help="relative to the volume")
        if name != "history":
            command.add_argument("version", metavar="VERSION", type=number)
        if name == "diff":
            command.add_argument("other", metavar="VERSION", type=number, nargs="?")


def _add_launch_commands(add: Callable[[str, str, str], Parser]) -> None:
    preflight = add("preflight", "launch_commands", "find what would stop or spoil a run")
    compiling = add("compile", "launch_commands", "print the workflow")
    compiling.add_argument("-o", metavar="FILE", dest="output", default="")
    launch = add("launch", "launch_commands", "start a run")
    clone = add("clone", "launch_commands", "start a run again, with changes")
    clone.add_argument("run", metavar="RUN")
    build = add("build", "launch_commands", "say whether a model yaml builds, and how large it is")
    build.add_argument("model", metavar="MODEL.yaml", help="a model yaml, or a scale of one")
    build.add_argument("--imgsz", metavar="N", type=positive, default=640, help="image side, px")
    for command in (launch, clone, build):
        command.add_argument("--wait", action="store_true", help="until the run is over")
    _add_sweep_command(add)
    for command in (preflight, launch, clone):
        command.add_argument("--deep", action="store_true", help="open the images too")
    for command in (preflight, compiling, launch, clone):
        choice_options(command)


def _add_sweep_command(add: Callable[[str, str, str], Parser]) -> None:
    sweep = add("sweep", "sweep_commands", "start a run of each model, cfg and seed")
    instead = sweep.add_mutually_exclusive_group()
    instead.add_argument("--list", action="store_true", dest="lists", help="the sweeps there are")
    for action, help in (
        ("show", "how its runs are doing"),
        ("resume", "start those of its runs that are missing"),
        ("stop", "stop all its runs"),
        ("retry", "go on with its failed and stopped runs"),
    ):
        instead.add_argument(f"--{action}", metavar="TAG", default="", help=help)
    sweep.add_argument("--wait", action="store_true", help="until all its runs are over")
    sweep_options(sweep)


def _add_run_commands(add: Callable[[str, str, str], Parser]) -> None:
    listing = add("runs", "run_commands", "list runs, newest first")
    listing.set_defaults(run_state="")
    states = f"only runs that are {', '.join(STATES[:-1])} or {STATES[-1]}; a folder, as elsewhere"
    listing.add_argument(
        "--state", metavar="STATE", action=StateOrFolder, default=argparse.SUPPRESS, help=states
    )
    listing.add_argument("--limit", metavar="N", type=positive, default=50)
    for name, help in (
        ("show", "one run"),
        ("stop", "stop a run"),
        ("retry", "go on at the step that failed"),
        ("delete", "forget a run and remove its folder"),
        ("track", "fill MLflow from the run folder"),
    ):
        add(name, "run_commands", help).add_argument("run", metavar="RUN")
    logs = add("logs", "run_commands", "a step's log")
    logs.add_argument("run", metavar="RUN")
    logs.add_argument("step", metavar="STEP")
    logs.add_argument("-f", "--follow", action="store_true", help="until the step is over")
    compare = add("compare", "run_commands", "what differs between runs")
    compare.add_argument("runs", metavar="RUN", nargs="+")
    mistakes = add("mistakes", "mistakes_commands", "what a run's test got wrong, and its cost")
    mistakes.add_argument("run", metavar="RUN")
    other = "held against RUN, on the images that both were tested on"
    mistakes.add_argument("other", metavar="OTHER", nargs="?", default="", help=other)
    conf = "boxes count that are more confident (0.25, or what the test kept)"
    what = mistakes.add_mutually_exclusive_group()
    what.add_argument("--conf", metavar="C", type=share, help=conf)
    what.add_argument("--labels", action="store_true", help="labels that the model doubts")
    limit = "only the worst images of a list, or the most doubtful labels"
    mistakes.add_argument("--limit", metavar="N", type=positive, help=limit)


def _add_tune_commands(add: Callable[[str, str, str], Parser]) -> None:
    trials = add("trials", "tune_commands", "what a run's tuning has found")
    trials.add_argument("run", metavar="RUN")
    trials.add_argument("--stop", metavar="TRIAL", default="", help="end this trial")
    adopt = add("adopt", "tune_commands", "train with a trial's values, saved in the cfg")
    adopt.add_argument("run", metavar="RUN")
    adopt.add_argument("--trial", metavar="N", default="", help="the best, unless named")
    adopt.add_argument("--cfg", metavar="NAME", default="", help="the run's own, or a new one")
    adopt.add_argument("--message", metavar="TEXT", default="", help="of the cfg's new version")
    adopt.add_argument("--dry-run", action="store_true", help="say what would be written")
    adopt.add_argument("--wait", action="store_true", help="until the run is over")


def _add_upkeep_commands(add: Callable[[str, str, str], Parser]) -> None:
    queue = add("queue", "upkeep_commands", "the embedded engine's queue: look, reorder, pause")
    queue.add_argument("run", metavar="RUN", nargs="?", default="")
    queue.add_argument("--place", metavar="N", type=positive, help="1 is the next to start")
    queue.add_argument("--priority", choices=("high", "normal", "low"))
    switch = queue.add_mutually_exclusive_group()
    switch.add_argument("--pause", dest="is_paused", action="store_true", default=None)
    switch.add_argument("--resume", dest="is_paused", action="store_false", default=None)
    clean = add("clean", "upkeep_commands", "delete old runs, and what nobody owns any more")
    clean.add_argument("--keep", metavar="N", type=number, help="keep the newest finished runs")
    clean.add_argument("--older-than", metavar="DAYS", type=number, help="keep younger runs")
    clean.add_argument("--archived", action="store_true", help="delete archived runs only")
    clean.add_argument("--dry-run", action="store_true", help="say what would go, and how much")
