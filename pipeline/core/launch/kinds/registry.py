"""The kinds of launch that there are, and what is asked of all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.core.files import read_json
from pipeline.core.launch.choices import Choice, Choices, described
from pipeline.core.launch.kinds import steps
from pipeline.core.launch.kinds.build import BUILD
from pipeline.core.launch.kinds.kind import LaunchKind
from pipeline.core.launch.kinds.test import TEST
from pipeline.core.launch.kinds.train import TRAIN
from pipeline.core.volume.run_folder import RunFolder

# Of several that choices ask for, the first counts; what asks for none is a training.
KINDS: dict[str, LaunchKind] = {kind.name: kind for kind in (TRAIN, BUILD, TEST)}


def kind_of(choices: Choices) -> LaunchKind:
    """Give the kind of launch that choices ask for."""
    return asked_for(vars(choices))


def asked_for(values: Mapping[str, Any]) -> LaunchKind:
    """Give the kind that choices ask for, by their names."""
    return next((kind for kind in KINDS.values() if values.get(kind.switch)), TRAIN)


def kind_with(names: Collection[str]) -> LaunchKind | None:
    """Give the kind whose pipeline has these steps; None for a pipeline that is not ours."""
    found = set(names) - {steps.NOTIFY.name}
    return next(
        (kind for kind in KINDS.values() if {step.name for step in kind.steps} == found), None
    )


def all_choices() -> tuple[Choice, ...]:
    """Give the choices of all kinds, everybody's first."""
    types = [type(kind.defaults) for kind in KINDS.values()]
    return tuple({entry.name: entry for kind in types for entry in described(kind)}.values())


def step_names() -> tuple[str, ...]:
    """Give the names of all kinds' steps in the order of their pipelines, the exit handler last."""
    names = dict.fromkeys(step.name for kind in KINDS.values() for step in kind.steps)
    return (*names, steps.NOTIFY.name)


def made(values: Mapping[str, Any]) -> Choices:
    """Give choices by their names, such as from JSON; what no kind knows is left out."""
    kind = type(asked_for(values).defaults)
    known = {entry.name: entry for entry in described(kind) if entry.name in values}
    read: dict[str, Any] = {
        name: tuple(values[name]) if isinstance(entry.default, tuple) else values[name]
        for name, entry in known.items()
    }
    return kind(**read)


def results(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """Give what the steps that runs are for found out, by step; empty where they have not run."""
    names = [kind.result for kind in KINDS.values() if kind.result]
    return {name: read_json(folder.result(name), {}) for name in names}
