"""Placing a container on this machine: its paths, its environment, its inputs and outputs."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.addresses import bare
from pipeline.core.errors import InputError
from pipeline.engines.argo.expressions import fill
from pipeline.engines.argo.plan import Container, Template
from pipeline.engines.local.steps.environment import step_environment
from pipeline.engines.local.steps.processes import Command
from pipeline.engines.local.steps.progress import Ready

REPOSITORY = Path(__file__).resolve().parents[4]
MAX_PARAMETER_BYTES = 256 << 10

_SAID_BARE = ("MLFLOW_TRACKING_URI", "MLFLOW_S3_ENDPOINT_URL")


@dataclass(frozen=True)
class Place:
    """Where the paths that a container knows are on this machine.

    Parameters
    ----------
    template
        The step's template.
    attempt
        Folder of this attempt, for everything that is not on the volume.
    volume
        What the claim stands for.
    """

    template: Template
    attempt: Path
    volume: Path

    @property
    def container(self) -> Container:
        assert self.template.container is not None
        return self.template.container

    def path(self, name: str) -> Path:
        """Give the place of a path inside the container."""
        for mount, kind in sorted(self.container.mounts.items(), reverse=True):
            if name == mount or name.startswith(f"{mount}/"):
                rest = name[len(mount) :].lstrip("/")
                if kind == "volume":
                    return self.volume / rest
                if kind == "memory" and mount == "/dev/shm":
                    return Path(name)
                break
        return self.attempt / "files" / name.lstrip("/")

    def text(self, literal: str) -> str:
        """Replace the container's paths in a text of the document, before values are put in.

        Values come later so that a real path in them, which may begin like a mount, stays.
        """
        names = sorted((*self.container.mounts, *self._declared()), key=len, reverse=True)
        if not names:
            return literal
        pattern = rf"(?<![\w.\-/}}])(?:{'|'.join(map(re.escape, names))})(?![\w.\-])"
        return re.sub(pattern, lambda match: str(self.path(match[0])), literal)

    def placeholders(self) -> dict[str, str]:
        """Give ``inputs.artifacts.x.path`` and the like."""
        template = self.template
        return {
            **{f"inputs.artifacts.{k}.path": v.path for k, v in template.artifact_inputs.items()},
            **{f"outputs.parameters.{k}.path": v.path for k, v in template.outputs.items()},
            **{f"outputs.artifacts.{k}.path": v.path for k, v in template.artifact_outputs.items()},
        }

    def _declared(self) -> set[str]:
        return {path for path in self.placeholders().values() if path}


def prepare(ready: Ready, place: Place, settings: Mapping[str, str], gpus: list[str]) -> Command:
    """Make the attempt's folder with the inputs of the step, and give the command that starts it.

    Parameters
    ----------
    settings
        Variables of the run, secret ones among them.

    Raises
    ------
    InputError
        A secret is not in the environment.
    """
    shutil.rmtree(place.attempt, ignore_errors=True)
    place.attempt.mkdir(parents=True)
    for name, artifact in ready.template.artifact_inputs.items():
        target = place.path(artifact.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if name in ready.artifacts:
            _copy(Path(ready.artifacts[name]), target)
        elif name in ready.raw_artifacts:
            target.write_text(ready.raw_artifacts[name], encoding="utf-8")
    for output in (*ready.template.outputs.values(), *ready.template.artifact_outputs.values()):
        place.path(output.path).parent.mkdir(parents=True, exist_ok=True)
    known = {key: str(place.path(path)) for key, path in place.placeholders().items()}
    values = {**ready.values, **known}
    argv = [fill(place.text(part), values) for part in place.container.argv]
    if argv[0] in ("python", "python3"):
        argv[0] = sys.executable
    environment = step_environment(settings, gpus)
    for variable in place.container.variables:
        if not variable.is_secret:
            value = fill(place.text(variable.value), values)
            # Documents say addresses without credentials; the settings have them.
            own = settings.get(variable.name, "")
            if not (variable.name in _SAID_BARE and bare(own) == value):
                environment[variable.name] = value
        elif variable.name not in settings and not variable.optional:
            raise InputError(
                f"the secret {variable.name} is not in the engine's environment.",
                next=f"Set {variable.name} and retry.",
            )
    return Command(argv, environment, REPOSITORY)


def collect(place: Place) -> dict[str, dict[str, str]]:
    """Read the outputs of a step that is done.

    Raises
    ------
    InputError
        A declared output was not written, or a value is too large.
    """
    parameters = {}
    for name, output in place.template.outputs.items():
        file = place.path(output.path)
        if file.is_file():
            if file.stat().st_size > MAX_PARAMETER_BYTES:
                raise InputError(f"output '{name}' is larger than {MAX_PARAMETER_BYTES:,} bytes.")
            # Argo takes one newline off the end.
            parameters[name] = file.read_text(encoding="utf-8").removesuffix("\n")
        elif output.default is not None:
            parameters[name] = output.default
        else:
            raise InputError(f"output '{name}' was not written ({output.path}).")
    artifacts = {}
    for name, output in place.template.artifact_outputs.items():
        file = place.path(output.path)
        if file.exists():
            artifacts[name] = str(file)
        elif not output.optional:
            raise InputError(f"output '{name}' was not written ({output.path}).")
    return {"parameters": parameters, "artifacts": artifacts}


def claim_outputs(template: Template) -> dict[str, dict[str, str]]:
    """Give the outputs of a claim (the PVC) as Kubernetes would when it is bound."""
    manifest = dict(template.claim or {})
    requests = manifest.get("spec", {}).get("resources", {}).get("requests", {})
    bound = {**manifest, "status": {"phase": "Bound", "capacity": dict(requests)}}
    values = {
        name: _field(bound, output.json_path, output.default)
        for name, output in template.outputs.items()
    }
    return {"parameters": values, "artifacts": {}}


def _field(document: object, json_path: str, default: str | None) -> str:
    value = document
    for key in json_path.strip("{}").split("."):
        if key:
            value = value.get(key) if isinstance(value, Mapping) else None
    if value is None:
        return default or ""
    return value if isinstance(value, str) else json.dumps(value)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
