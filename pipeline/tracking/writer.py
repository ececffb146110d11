"""Brings what a run folder holds into MLflow, as often as one likes.

The run folder is the truth and MLflow a copy of it: every call logs only what is not there yet, so
the same function follows a training, serves a resume, and fills in what an outage left out.
Values are never changed and never deleted; of an epoch that was trained again MLflow has both, and
the one that was logged last counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.addresses import shown_address
from pipeline.core.engines import CLUSTER
from pipeline.core.errors import InputError, TrackingUnreachable
from pipeline.core.files import read_json, read_text, write_json
from pipeline.core.launch.launch import Launch, load_launch
from pipeline.core.settings import Settings
from pipeline.core.volume.operating_point import load_operating_point
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import load_note
from pipeline.tracking import schema
from pipeline.tracking.client import CREDENTIALS, is_refusal, mlflow_client, reason_of
from pipeline.tracking.run_data import (
    Point,
    RunData,
    artifacts,
    launch_data,
    test_split,
    trial_data,
    trial_folders,
    trial_status,
)
from pipeline.tracking.server import tracking_uri

RUNNING, FINISHED, FAILED, KILLED = "RUNNING", "FINISHED", "FAILED", "KILLED"
_PARAMS_A_CALL = 100
_POINTS_A_CALL = 1000


def track(folder: RunFolder, settings: Settings) -> int:
    """Log what MLflow lacks of a run: parameters, metrics, trials, small files.

    Parameters
    ----------
    folder
        The run folder; ``launch.json`` must be there.
    settings
        Where MLflow is.

    Returns
    -------
    int
        How many parameters, metric values and files were logged; 0 when nothing was missing.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer or refused; what was logged until then stays, calling again is safe.
    """
    writer = RunWriter(folder, settings)
    logged = writer.sync() + writer.upload()
    if writer.status() == RUNNING and folder.applied.is_file() and test_split(folder):
        writer.set_status(FINISHED)
    return logged


class RunWriter:
    """One launch's MLflow run and its trials; not for use by several threads.

    Parameters
    ----------
    folder
        The run folder; ``launch.json`` must be there.
    settings
        Where MLflow is.

    Raises
    ------
    TrackingUnreachable
        MLflow did not answer; so do all methods.
    """

    def __init__(self, folder: RunFolder, settings: Settings) -> None:
        self.folder = folder
        self._uri = tracking_uri(settings)
        self.uri = shown_address(self._uri)
        self._settings = settings
        self._launch = load_launch(folder.launch)
        self._known: dict[str, tuple[set[str], dict[tuple[str, int], str]]] = {}
        self._statuses: dict[str, str] = {}
        with _edge(self._uri):
            if self._uri.startswith("sqlite:") and not settings.tracking_uri:
                settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._client = mlflow_client(self._uri)
            self.run_id, self.experiment_id = self._find_or_create()
            self._tags = dict(self._client.get_run(self.run_id).data.tags)

    def sync(self) -> int:
        """Log parameters and metric values that are missing, also of trials; give their number."""
        data = launch_data(self.folder)
        trials = [(path.name, trial_data(path)) for path in trial_folders(self.folder)]
        with _edge(self._uri):
            logged = self._fill(self.run_id, data)
            self._tag(schema.TAG_TEST_SPLIT, test_split(self.folder))
            self._tag_note()
            self._tag_operating_point()
            children = self._children() if trials else {}
            for name, trial in trials:
                run_id = children.get(name) or self._create_child(name)
                logged += self._fill(run_id, trial)
                self._set_status(run_id, trial_status(self.folder.trial_folders / name))
        return logged

    def note(self) -> None:
        """Bring what people say of the run to MLflow, as it is now: note, tags, operating point."""
        with _edge(self._uri):
            self._tag_note()
            self._tag_operating_point()

    def upload(self) -> int:
        """Copy plots and tables to MLflow's artifacts where they are missing or of another size."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        uploaded = 0
        with _edge(self._uri), _store_edge(self._settings.s3_endpoint_url):
            # The client's own log_artifact looks for a server that proxies artifacts at the address
            # of the environment, whatever its own is.
            where = self._client.get_run(self.run_id).info.artifact_uri
            store = get_artifact_repository(where, tracking_uri=tracking_uri(self._settings))
            there: dict[str, dict[str, int]] = {}
            for step, path in artifacts(self.folder):
                if step not in there:
                    entries = store.list_artifacts(step)
                    there[step] = {Path(entry.path).name: entry.file_size for entry in entries}
                if there[step].get(path.name) != path.stat().st_size:
                    store.log_artifact(str(path), step)
                    uploaded += 1
        return uploaded

    def status(self) -> str:
        """Give MLflow's status of the run."""
        with _edge(self._uri):
            return str(self._client.get_run(self.run_id).info.status)

    def set_status(self, status: str) -> None:
        """Set MLflow's status of the run."""
        with _edge(self._uri):
            self._set_status(self.run_id, status)

    def _set_status(self, run_id: str, status: str) -> None:
        if status == self._statuses.get(run_id):
            return
        if status == RUNNING:
            self._client.update_run(run_id, status)
        else:
            self._client.set_terminated(run_id, status)
        self._statuses[run_id] = status

    def _find_or_create(self) -> tuple[str, str]:
        recorded = read_json(self.folder.mlflow, {})
        run = self._active_run(recorded.get("run_id", ""))
        if run is None:
            experiment_id = self._experiment()
            # The last start may have died between creating the run and writing mlflow.json.
            found = self._search(experiment_id, schema.TAG_RUN, self._uid)
            run = found[0] if found else self._create(experiment_id)
        document = {
            "run_id": run.info.run_id,
            "experiment_id": run.info.experiment_id,
            "tracking_uri": self.uri,
        }
        if document != recorded:
            write_json(self.folder.mlflow, document)
        return run.info.run_id, run.info.experiment_id

    def _active_run(self, run_id: str) -> Any:
        from mlflow.exceptions import MlflowException

        if not run_id:
            return None
        try:
            run = self._client.get_run(run_id)
        except MlflowException as reason:
            if reason.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def _experiment(self) -> str:
        """Find the launch's experiment, or make it where server and file store both reach it."""
        from mlflow.exceptions import MlflowException

        name = self._launch.choices.experiment
        location = None
        if not self._settings.tracking_uri:
            location = (self._settings.state / "mlartifacts").as_uri()
        for attempt in range(2):
            experiment = self._client.get_experiment_by_name(name)
            if experiment is not None:
                if experiment.lifecycle_stage != "active":
                    self._client.restore_experiment(experiment.experiment_id)
                return str(experiment.experiment_id)
            try:
                return str(self._client.create_experiment(name, artifact_location=location))
            except MlflowException as reason:  # another run may have made it in this moment
                if attempt or reason.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        raise AssertionError("unreachable")

    def _create(self, experiment_id: str) -> Any:
        tags = _tags(self._launch, self.folder, self._uid, self._settings)
        return self._client.create_run(experiment_id, tags=tags, run_name=self.folder.name)

    def _tag_note(self) -> None:
        try:
            note = load_note(self.folder)
        except InputError:  # the list of runs says so; what MLflow has stays
            return
        self._tag(schema.TAG_NOTE, note.text)
        self._tag(schema.TAG_TAGS, ", ".join(note.tags))

    def _tag_operating_point(self) -> None:
        try:
            point = load_operating_point(self.folder)
        except InputError:  # the run's page says so; what MLflow has stays
            return
        self._tag(schema.TAG_OPERATING_CONF, f"{point.conf:g}" if point else "")

    def _tag(self, name: str, value: str) -> None:
        """Set a tag when it has changed; one that was never set needs no empty value."""
        if value != self._tags.get(name, ""):
            self._client.set_tag(self.run_id, name, value)
            self._tags[name] = value

    def _children(self) -> dict[str, str]:
        runs = self._search(self.experiment_id, schema.TAG_PARENT, self.run_id)
        return {run.data.tags.get(schema.TAG_TRIAL, ""): run.info.run_id for run in runs}

    def _create_child(self, name: str) -> str:
        tags = _tags(self._launch, self.folder, "", self._settings)
        tags |= {schema.TAG_PARENT: self.run_id, schema.TAG_TRIAL: name}
        run = self._client.create_run(
            self.experiment_id, tags=tags, run_name=f"{self.folder.name}/{name}"
        )
        return str(run.info.run_id)

    def _search(self, experiment_id: str, tag: str, value: str) -> list[Any]:
        return list(
            self._client.search_runs(
                [experiment_id], filter_string=f"tags.`{tag}` = '{value}'", max_results=1000
            )
        )

    def _fill(self, run_id: str, data: RunData) -> int:
        """Log what the run lacks; what it had is asked once and remembered."""
        from mlflow.entities import Metric, Param

        params, points = self._known.get(run_id) or self._ask(run_id)
        new_params = [Param(*pair) for pair in data.params.items() if pair[0] not in params]
        new_points = [point for point in data.points if points.get(point.place) != point.text]
        now_ms = int(time.time() * 1000)
        metrics = [Metric(point.name, point.value, now_ms, point.step) for point in new_points]
        for start in range(0, len(new_params), _PARAMS_A_CALL):
            part = new_params[start : start + _PARAMS_A_CALL]
            self._client.log_batch(run_id, params=part)
            params.update(param.key for param in part)
        for start in range(0, len(metrics), _POINTS_A_CALL):
            self._client.log_batch(run_id, metrics=metrics[start : start + _POINTS_A_CALL])
            logged = new_points[start : start + _POINTS_A_CALL]
            points.update((point.place, point.text) for point in logged)
        self._known[run_id] = (params, points)
        return len(new_params) + len(new_points)

    def _ask(self, run_id: str) -> tuple[set[str], dict[tuple[str, int], str]]:
        """Give the parameters that a run has, and of each metric's steps the last value."""
        run = self._client.get_run(run_id)
        metrics = [
            metric
            for name in run.data.metrics
            for metric in self._client.get_metric_history(run_id, name)
        ]
        points = [
            Point(metric.key, metric.step, float(metric.value))
            for metric in sorted(metrics, key=lambda metric: metric.timestamp)
        ]
        return set(run.data.params), {point.place: point.text for point in points}

    @property
    def _uid(self) -> str:
        owner = self.folder.owner
        return read_text(owner).strip() if owner.is_file() else self.folder.name


def _tags(launch: Launch, folder: RunFolder, uid: str, settings: Settings) -> dict[str, str]:
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ
    tags = {
        schema.TAG_LAUNCH: folder.name,
        schema.TAG_RUN: uid,
        schema.TAG_ENGINE: CLUSTER if in_cluster else settings.engine,
        schema.TAG_USER: launch.user,
        schema.TAG_RUN_USER: launch.user,
        schema.TAG_FINGERPRINT: launch.dataset_fingerprint,
        schema.TAG_CODE: launch.code_version,
        schema.TAG_CLONED_FROM: launch.cloned_from,
        schema.TAG_SWEEP: launch.sweep,
        schema.TAG_FROM_TRIAL: launch.from_trial,
    }
    tags |= {schema.TAG_SHA256 + kind: digest for kind, digest in launch.sha256.items()}
    return {name: value for name, value in tags.items() if value}


@contextmanager
def _edge(uri: str) -> Iterator[None]:
    """Turn what MLflow, its database and its network raise into `TrackingUnreachable`."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as reason:
        then = CREDENTIALS if is_refusal(reason) else "Start MLflow."
        raise TrackingUnreachable(
            f"MLflow at {shown_address(uri)} did not take the run: {reason_of(reason, uri)}",
            where="MLFLOW_TRACKING_URI",
            next=f"{then} Then 'slipway track RUN' fills in what is missing.",
        ) from reason


@contextmanager
def _store_edge(uri: str) -> Iterator[None]:
    """Turn what an artifact store raises, each kind its own, into `TrackingUnreachable`."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError):
        raise  # the server's, or a file of ours
    except Exception as reason:
        raise TrackingUnreachable(
            f"MLflow's artifact store did not take a file: {reason_of(reason, uri)}",
            where="MLFLOW_S3_ENDPOINT_URL",
            next="Correct its address or keys, then 'slipway track RUN' fills it in.",
        ) from reason
