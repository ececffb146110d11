"""What MLflow knows about runs, for people: names and epochs as they are shown.

A run's metrics are asked from MLflow; finished runs come from a local cache. When MLflow does not
answer, `TrackingUnreachable` says so; the ``…_or_file`` methods then read the run folder instead
and say where their values come from.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.core.errors import SlipwayError, TrackingUnreachable
from pipeline.core.files import read_text
from pipeline.core.run_folder import RunFolder, run_folder
from pipeline.core.settings import Settings
from pipeline.core.volume import Volume
from pipeline.tracking.cache import Cache
from pipeline.tracking.client import mlflow_client
from pipeline.tracking.run_data import launch_data
from pipeline.tracking.schema import TEST_PREFIX, shown_name, step_to_epoch
from pipeline.tracking.server import tracking_uri, ui_url, without_password

History = dict[str, list[tuple[int, float]]]
Summary = dict[str, dict[str, Any]]
Answer = TypeVar("Answer")

# A list of fifty runs waits once, not fifty times.
_ASK_AGAIN_S = 5.0
_TERMINAL = ("FINISHED", "FAILED", "KILLED")
_NOT_SHOWN = ("lr/", TEST_PREFIX)


class _RunMissing(TrackingUnreachable):
    """MLflow answers, but this run was logged elsewhere or removed; others are there."""


class Tracking:
    """Reads MLflow for one installation; safe for threads.

    Parameters
    ----------
    settings
        Where MLflow, the volume and the local state are. Launches are named by their folder.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._volume = Volume(settings.volume, settings.data_roots)
        self._cache = Cache(settings.state / "tracking-cache.db")
        self._away_until = 0.0

    def metrics(self, launch: str, names: Collection[str] = ()) -> Summary:
        """Give best, best_epoch (from 1) and last of every metric by epoch, or of some.

        Raises
        ------
        TrackingUnreachable
            MLflow did not answer, or does not have this run.
        """
        return summary(self.history(launch, names))

    def history(self, launch: str, names: Collection[str] = ()) -> History:
        """Give (epoch from 1, value) of every metric by epoch, or of some; raises as `metrics`."""
        run = self._run(launch)
        if run is None:
            return {}
        return {
            shown_name(key): [(epoch, value) for epoch, value in self._points(launch, run, key)]
            for key in run["metrics"]
            if not key.startswith(TEST_PREFIX) and (not names or shown_name(key) in names)
        }

    def params(self, launch: str) -> dict[str, str]:
        """Give the parameters as MLflow has them; raises as `metrics`."""
        run = self._run(launch)
        return dict(run["params"]) if run else {}

    def run_id(self, launch: str) -> str:
        """Give MLflow's id of the run, or nothing when it has none yet."""
        return str(self._recorded(launch).get("run_id", ""))

    def run_url(self, launch: str) -> str:
        """Give the page of the run in MLflow's own UI, or nothing when there is no run or no UI."""
        recorded, url = self._recorded(launch), ui_url(self._settings)
        if not recorded or not url:
            return ""
        return f"{url}/#/experiments/{recorded['experiment_id']}/runs/{recorded['run_id']}"

    def forget(self, launch: str) -> None:
        """Ask MLflow about this run the next time, finished or not."""
        self._cache.forget(launch)

    def check(self) -> str:
        """Ask MLflow something small and say what answered; raises as `metrics`."""
        uri = tracking_uri(self._settings)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
            return f"{uri} will be made by the first run."
        with self._client() as client:
            client.search_experiments(max_results=1)
        return f"MLflow at {without_password(uri)} answers."

    def history_or_file(
        self, folder: RunFolder, names: Collection[str] = ()
    ) -> tuple[History, str]:
        """Give `history` and its source: ``mlflow``, or ``results.csv`` of a run it lacks."""
        history = self._unless_away(folder, lambda: self.history(folder.name, names))
        if history is None:
            return _file_history(folder, names), "results.csv"
        return history, "mlflow"

    def metrics_or_file(
        self, folder: RunFolder, names: Collection[str] = ()
    ) -> tuple[Summary, str]:
        """Give `metrics` and their source, as `history_or_file`."""
        history, source = self.history_or_file(folder, names)
        return summary(history), source

    def params_or_file(self, folder: RunFolder) -> tuple[dict[str, str], str]:
        """Give `params` and their source: ``mlflow``, or ``args.yaml`` of a run it lacks."""
        params = self._unless_away(folder, lambda: self.params(folder.name))
        if params is None:
            return launch_data(folder).params, "args.yaml"
        return params, "mlflow"

    def _unless_away(self, folder: RunFolder, ask: Callable[[], Answer]) -> Answer | None:
        """Ask MLflow, unless it is away or the run, which may have trained in an outage, is not."""
        is_only_in_files = folder.results.is_file() and not self.run_id(folder.name)
        if is_only_in_files or time.monotonic() < self._away_until:
            return None
        try:
            return ask()
        except _RunMissing:
            return None
        except TrackingUnreachable:
            self._away_until = time.monotonic() + _ASK_AGAIN_S
            return None

    def _recorded(self, launch: str) -> dict[str, Any]:
        path = run_folder(self._volume, launch).mlflow
        if not path.is_file():
            return {}
        document: dict[str, Any] = json.loads(read_text(path))
        return document

    def _run(self, launch: str) -> dict[str, Any] | None:
        """Give id, version, parameters and metric names; None when MLflow has no run yet."""
        run_id = self.run_id(launch)
        if not run_id:
            return None
        version = f"{run_id} {_version(run_folder(self._volume, launch))}"
        run: dict[str, Any] | None = self._cache.get(launch, "run", version)
        if run is None:
            with self._client() as client:
                answer = client.get_run(run_id)
            run = {
                "id": run_id,
                "version": version,
                "is_over": answer.info.status in _TERMINAL,
                "params": dict(answer.data.params),
                "metrics": sorted(answer.data.metrics),
            }
            if run["is_over"]:
                self._cache.put(launch, "run", version, run)
        return run

    def _points(self, launch: str, run: Mapping[str, Any], key: str) -> list[tuple[int, float]]:
        part = f"metric:{key}"
        points = self._cache.get(launch, part, run["version"]) if run["is_over"] else None
        if points is None:
            with self._client() as client:
                history = client.get_metric_history(run["id"], key)
            # A resume logs an epoch again; the last word counts.
            latest = {metric.step: metric for metric in sorted(history, key=lambda m: m.timestamp)}
            points = [(step_to_epoch(step), latest[step].value) for step in sorted(latest)]
            if run["is_over"]:
                self._cache.put(launch, part, run["version"], points)
        return [(int(epoch), float(value)) for epoch, value in points]

    @contextmanager
    def _client(self) -> Iterator[Any]:
        """Give a client and turn what MLflow, its database and the network raise into ours."""
        uri = tracking_uri(self._settings)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).is_file():
            raise _away(uri, "the database is not there")  # opening would make an empty one
        # mlflow takes seconds to import, and who lists cached runs must not pay for it.
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield mlflow_client(uri)
        except (MlflowException, SQLAlchemyError, OSError) as reason:
            uri = without_password(uri)
            said = without_password(str(reason).partition("\n")[0])[:300]
            if getattr(reason, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                raise _RunMissing(
                    f"MLflow at {uri} does not have this run: {said}",
                    where="MLFLOW_TRACKING_URI",
                    next="'python -m pipeline track RUN' logs it there.",
                ) from reason
            raise _away(uri, said) from reason


def summary(history: History) -> Summary:
    """Give best, best_epoch and last of every metric that can be better or worse."""
    return {
        name: _best(name, points)
        for name, points in history.items()
        if points and not name.startswith(_NOT_SHOWN)
    }


def lower_is_better(metric: str) -> bool:
    """Say whether less of a metric is better: losses."""
    return "loss" in metric


def _version(folder: RunFolder) -> str:
    """Give something that changes whenever a step writes new results."""
    parts = []
    for path in (folder.results, folder.test_metrics, folder.trials):
        if path.is_file():
            status = path.stat()
            parts.append(f"{status.st_size}-{status.st_mtime_ns}")
    return " ".join(parts)


def _best(name: str, points: list[tuple[int, float]]) -> dict[str, Any]:
    sign = -1 if lower_is_better(name) else 1
    numbers = [(epoch, value) for epoch, value in points if math.isfinite(value)]
    last = points[-1][1] if math.isfinite(points[-1][1]) else None
    if not numbers:
        return {"best": None, "best_epoch": None, "last": last}
    epoch, value = max(numbers, key=lambda point: (sign * point[1], -point[0]))
    return {"best": value, "best_epoch": epoch, "last": last}


def _file_history(folder: RunFolder, names: Collection[str]) -> History:
    history: History = {}
    try:
        points = launch_data(folder).points
    except (SlipwayError, ValueError, yaml.YAMLError):  # torn by a crash: there is nothing to read
        return {}
    for point in points:
        name = shown_name(point.name)
        if not point.name.startswith(TEST_PREFIX) and (not names or name in names):
            history.setdefault(name, []).append((step_to_epoch(point.step), point.value))
    return history


def _away(uri: str, why: str) -> TrackingUnreachable:
    return TrackingUnreachable(
        f"MLflow at {uri} does not answer: {why}.",
        where="MLFLOW_TRACKING_URI",
        next="Start MLflow (./run.sh starts its own).",
    )
