"""What a kind of launch says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pipeline.core.findings import Finding
from pipeline.core.launch.choices import Choices, described

if TYPE_CHECKING:
    from pipeline.core.dataset.report import DatasetReport


@dataclass(frozen=True)
class LaunchStep:
    """A step of a pipeline.

    Parameters
    ----------
    name
        Of its template, its program and its folder in the run folder.
    title
        As the KFP UI and the graph show it.
    made
        The file in its folder that it writes at its end; empty when there is none.
    computes
        Whether it has the image with torch, the resources that were asked for, and MLflow.
    reads_weights
        Whether it opens weights though it does not compute.
    hands_on_files
        Whether a later step reads files that it writes.
    when
        Choices that must be switched on for it to run.
    """

    name: str
    title: str
    made: str = ""
    computes: bool = False
    reads_weights: bool = False
    hands_on_files: bool = False
    when: tuple[str, ...] = ()


Check = Callable[[Choices, str, "DatasetReport | None"], list[Finding]]


def no_check(choices: Choices, model: str, report: DatasetReport | None) -> list[Finding]:
    """Find nothing: what preflight checks of every launch is enough."""
    return []


@dataclass(frozen=True)
class LaunchKind:
    """One kind of launch.

    Parameters
    ----------
    name
        In the registries.
    pipeline, description
        How the KFP UI calls its pipeline.
    parameters
        Of its pipeline, in this order: the choices that it takes, and ``launch`` and ``user``.
        Those that kfp fixes when it compiles, such as ``gpus``, are taken by every kind.
    steps
        In the order in which they run; the exit handler is everybody's.
    defaults
        Of its parameters; their type has the choices that only this kind knows.
    switch
        The choice that makes a launch one of this kind; empty for the kind of all others.
    result
        The step whose ``<step>/<step>.json`` is what a run of it is for; empty when there is none.
    has_form
        Whether the launch form can ask for one.
    check
        What preflight adds for it: choices, the model's path or empty, the dataset's report.
    """

    name: str
    pipeline: str
    description: str
    parameters: tuple[str, ...]
    steps: tuple[LaunchStep, ...]
    defaults: Choices = field(default_factory=Choices)
    switch: str = ""
    result: str = ""
    has_form: bool = True
    check: Check = no_check

    def has_step(self, name: str) -> bool:
        """Say whether a step of this name may run."""
        return any(step.name == name for step in self.steps)

    def takes(self, name: str) -> bool:
        """Say whether a choice means anything to it."""
        others = {entry.name for entry in described(Choices) if entry.parameter or not entry.flag}
        return name in self.parameters or name == self.switch or name not in others

    def off(self, choices: Choices) -> set[str]:
        """Give the steps that these choices switch off."""
        steps = [step for step in self.steps if not all(getattr(choices, it) for it in step.when)]
        return {step.name for step in steps}

    def made_of(self, base: Choices, **given: Any) -> Choices:
        """Give choices of this kind: those given, else the base's as far as it takes them."""
        names = [entry.name for entry in described(type(self.defaults))]
        kept = {
            name: getattr(base, name)
            for name in names
            if name != self.switch and self.takes(name) and hasattr(base, name)
        }
        return replace(self.defaults, **{**kept, **given})
