"""What is left of a workflow document once it is read: templates, tasks and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.core.findings import Finding
from pipeline.engines.argo.expressions import When


@dataclass(frozen=True)
class Output:
    """Where a template's output comes from: exactly one of the fields.

    Parameters
    ----------
    path
        A file that the container writes.
    source
        A placeholder of an inner task, for a DAG.
    json_path
        A field of the resource.
    default
        Used when the file is not there.
    optional
        For artifacts: no file is no error.
    """

    path: str = ""
    source: str = ""
    json_path: str = ""
    default: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class ArtifactInput:
    """A file that a container wants: at which path, and its text when the document holds it."""

    path: str = ""
    raw: str | None = None
    optional: bool = False


@dataclass(frozen=True)
class Variable:
    """An environment variable: its text, or the mark that it is a secret of the own environment."""

    name: str
    value: str = ""
    is_secret: bool = False
    optional: bool = False


@dataclass(frozen=True)
class Container:
    """A program to start.

    Parameters
    ----------
    argv
        Command and arguments as the document has them.
    variables
        Its environment.
    mounts
        Mount path to what is there.
    gpus
        How many GPUs it asks for.
    timeout_s, mem_bytes
        What it may take at most; None means no limit of its own.
    """

    argv: tuple[str, ...]
    variables: tuple[Variable, ...] = ()
    mounts: Mapping[str, Literal["volume", "memory", "scratch"]] = field(default_factory=dict)
    gpus: int = 0
    timeout_s: float | None = None
    mem_bytes: int | None = None


@dataclass(frozen=True)
class Task:
    """A node of a DAG."""

    name: str
    template: str
    dependencies: tuple[str, ...] = ()
    when: When | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    raw_artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Template:
    """A template: a container, a claim (resource), or a DAG when it has tasks.

    ``tasks`` are in an order in which every task comes after its dependencies.
    """

    name: str
    inputs: Mapping[str, str | None] = field(default_factory=dict)
    artifact_inputs: Mapping[str, ArtifactInput] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    artifact_outputs: Mapping[str, Output] = field(default_factory=dict)
    container: Container | None = None
    claim: Mapping[str, Any] | None = None
    tasks: tuple[Task, ...] = ()

    @property
    def is_step(self) -> bool:
        """Whether it does something itself."""
        return self.container is not None or self.claim is not None


@dataclass(frozen=True)
class Plan:
    """A workflow that this engine can run.

    Parameters
    ----------
    name
        Start of the workflow's name.
    entrypoint, on_exit
        Template names; the latter may be empty.
    templates
        By name.
    parameters
        The workflow's own.
    notes
        What was ignored.
    """

    name: str
    entrypoint: str
    on_exit: str
    templates: Mapping[str, Template]
    parameters: Mapping[str, str]
    notes: tuple[Finding, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """Names of the steps in the order in which they run, the exit handler last."""
        steps = [task.name for task in leaves(self.templates, self.entrypoint)]
        return (*steps, self.on_exit) if self.on_exit else tuple(steps)

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the variables that steps want from a Secret."""
        containers = [entry.container for entry in self.templates.values() if entry.container]
        return frozenset(
            variable.name
            for entry in containers
            for variable in entry.variables
            if variable.is_secret
        )

    def template_of(self, step: str) -> Template:
        """Give what a step does."""
        tasks = leaves(self.templates, self.entrypoint)
        names = {task.name: task.template for task in tasks}
        return self.templates[names.get(step, step)]


def leaves(templates: Mapping[str, Template], name: str) -> Iterator[Task]:
    """Give the tasks under a template that do something themselves, in order."""
    if templates[name].is_step:
        yield Task(name, name)
    for task in templates[name].tasks:
        if templates[task.template].is_step:
            yield task
        else:
            yield from leaves(templates, task.template)
