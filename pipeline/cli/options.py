"""The options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from pipeline.core.errors import UsageError


class Parser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would print and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}.", next=f"See '{self.prog} --help'.")


def shared_options(*, has_state: bool = True) -> Parser:
    """Options that may stand before and after the command; ``runs --state`` means another thing."""
    options = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("settings")
    group.add_argument("--volume", metavar="DIR", help="folder with models, cfgs and datasets")
    if has_state:
        group.add_argument("--state", metavar="DIR", help="folder for queue, caches and logs")
    group.add_argument("--engine", metavar="NAME", help="local or kubeflow")
    group.add_argument("--mlflow", metavar="URI", dest="tracking_uri", help="MLflow's address")
    group.add_argument("--json", action="store_true", help="print one JSON document")
    return options


def choice_options(parser: Parser) -> None:
    """Add what a launch is made of; what is not given is left out of the arguments."""
    add = parser.add_argument_group("choices", argument_default=argparse.SUPPRESS).add_argument
    add("--model", metavar="NAME", help="weights, model yaml, or a scale of one")
    add("--cfg", metavar="NAME", help="yaml of Ultralytics settings")
    add("--name", metavar="TEXT", help="becomes part of the launch id")
    _common_choice_options(add)


def sweep_options(parser: Parser) -> None:
    """Add what a sweep is made of: several models, cfgs and seeds, all else once."""
    add = parser.add_argument_group("choices", argument_default=argparse.SUPPRESS).add_argument
    several = "; more than one may be given"
    add("--model", metavar="NAME", dest="models", action="append", help=f"model{several}")
    add("--cfg", metavar="NAME", dest="cfgs", action="append", help=f"cfg{several}")
    add("--seed", metavar="N", dest="seeds", action="append", type=number, help=f"seed{several}")
    add("--name", metavar="TAG", dest="tag", help="of the sweep; one that exists is gone on with")
    _common_choice_options(add)


def names(text: str) -> tuple[str, ...]:
    """Read ``a,b`` for argparse."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def number(text: str) -> int:
    """Read a whole number from 0 up for argparse."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 up")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number from 1 up for argparse."""
    if number(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 up")
    return int(text)


def _common_choice_options(add: Callable[..., argparse.Action]) -> None:
    add("--data", metavar="NAME", help="yaml of a dataset")
    add("--train", action=argparse.BooleanOptionalAction, help="train and test")
    add("--tune", action=argparse.BooleanOptionalAction, help="search settings after training")
    add("--tune-space", metavar="NAME", help="tune-*.yaml with the search space, or {space: …}")
    presets = "default, learning rate, augmentation, loss weights or all"
    add("--tune-preset", metavar="NAME", dest="preset", help=f"search {presets}")
    ranges = "KEY=LOW..HIGH[:log|int] or KEY=a|b: search this too; more than one may be given"
    add("--search", metavar="RANGE", dest="ranges", action="append", help=ranges)
    add("--trials", metavar="N", type=positive, help="how many the search tries")
    add("--test-split", metavar="NAME", help="only measure the model on this split of the data")
    add("--set", metavar="KEY=VALUE", dest="overrides", action="append", help="over the cfg")
    add("--experiment", metavar="NAME", help="MLflow experiment")
    add("--gpus", metavar="N", type=number)
    add("--cpus", metavar="N", type=number)
    add("--mem-gb", metavar="N", type=number)
    add("--shm-size", metavar="SIZE", help="size of /dev/shm, such as 1Gi")
    add(
        "--node-selector",
        metavar="KEY=VALUE",
        action="append",
        help="label of the nodes for train, test and tune; more than one may be given",
    )
    add(
        "--toleration",
        metavar="KEY[=VALUE]:EFFECT",
        dest="tolerations",
        action="append",
        help="taint that they accept; more than one may be given",
    )
