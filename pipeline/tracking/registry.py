"""Which trained weights are candidate or production: aliases in MLflow's model registry.

An experiment has one registered model of its name, and every run that was marked one version of
it. Weights stay on the volume; the version says where.
"""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import FileMissing, UsageError
from pipeline.core.launch.launch import load_launch
from pipeline.core.volume.run_folder import RunFolder
from pipeline.tracking.client import is_unmade, reading
from pipeline.tracking.reader import Tracking
from pipeline.tracking.schema import TAG_LAUNCH

STAGES = ("candidate", "production")
_PAGE = 100


def mark(tracking: Tracking, folder: RunFolder, stage: str) -> None:
    """Make a run's best weights the candidate or the production of their experiment.

    Parameters
    ----------
    stage
        One of `STAGES`, which another run of the experiment then loses, or nothing to take both
        from this run.

    Raises
    ------
    FileMissing
        MLflow does not know the run.
    TrackingUnreachable
        MLflow did not answer.
    UsageError
        There is no such stage.
    """
    if stage not in ("", *STAGES):
        raise UsageError(
            f"There is no stage '{stage}'.", where="stage", next=f"Choose {' or '.join(STAGES)}."
        )
    run_id = tracking.run_id(folder.name)
    if not run_id:
        raise FileMissing(
            f"MLflow does not know {folder.name}.",
            where=str(folder.mlflow),
            next=f"'slipway track {folder.name}' brings it there.",
        )
    name = _model_name(load_launch(folder.launch).choices.experiment)
    with reading(tracking.settings) as client:
        version = _version(client, name, run_id, folder.name)
        aliases = dict(client.get_registered_model(name).aliases)
        for alias in STAGES:
            if str(aliases.get(alias)) == version and alias != stage:
                client.delete_registered_model_alias(name, alias)
        if stage:
            client.set_registered_model_alias(name, stage, version)


def marks(tracking: Tracking) -> dict[str, tuple[str, ...]]:
    """Give the stages of every launch that has one.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer.
    """
    if is_unmade(tracking.settings):
        return {}
    found: dict[str, tuple[str, ...]] = {}
    tracking.ask(lambda client: client.search_experiments(max_results=1))  # else it waits longer
    with reading(tracking.settings) as client:
        for model in _models(client):
            for stage in STAGES:
                if stage in model.aliases:
                    version = client.get_model_version(model.name, model.aliases[stage])
                    launch = version.tags.get(TAG_LAUNCH, "")
                    found[launch] = (*found.get(launch, ()), stage)
    found.pop("", None)  # somebody else's model
    return found


def _version(client: Any, name: str, run_id: str, launch: str) -> str:
    """Give the version that stands for a run; it and the model are made when there is none."""
    from mlflow.exceptions import MlflowException

    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        if version.name == name:
            return str(version.version)
    try:
        client.create_registered_model(name)
    except MlflowException as reason:
        if reason.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    made = client.create_model_version(
        name,
        # Servers refuse paths of a volume that they do not have.
        source=f"runs:/{run_id}/weights/best.pt",
        run_id=run_id,
        tags={TAG_LAUNCH: launch},
        description=f"runs/{launch}/train/weights/best.pt on Slipway's volume",
        await_creation_for=None,
    )
    return str(made.version)


def _models(client: Any) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = client.search_registered_models(max_results=_PAGE, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _model_name(experiment: str) -> str:
    """Give the experiment's name without what MLflow does not take in a model's."""
    return experiment.replace("/", "-").replace(":", "-").strip("-") or "default"
