"""What MLflow knows about runs, for people: names and epochs as they are shown.

A run's metrics are asked from MLflow; finished runs come from a local cache. When MLflow does not
answer, `TrackingUnreachable` says so; the ``…_or_file`` methods then read the run folder instead
and say where their values come from. A run that Slipway did not log goes by ``mlflow:`` and
MLflow's id wherever a launch is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.core.addresses import server_key, shown_address
from pipeline.core.errors import SlipwayError, TrackingUnreachable, Unreachable
from pipeline.core.files import read_json
from pipeline.core.outages import Outages
from pipeline.core.said import said
from pipeline.core.settings import Settings
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, run_folder
from pipeline.tracking.cache import Cache
from pipeline.tracking.client import ask, is_unmade
from pipeline.tracking.elsewhere import (
    ElsewhereRun,
    experiment_names,
    from_mlflow,
    id_elsewhere,
    is_elsewhere,
)
from pipeline.tracking.run_data import launch_data
from pipeline.tracking.schema import ENDED, NO_CURVES, shown_name, step_to_epoch
from pipeline.tracking.server import tracking_uri, ui_url
from pipeline.tracking.summary import History, Summary, summary

Answer = TypeVar("Answer")


class Tracking:
    """Reads MLflow for one installation, and remembers its outages; safe for threads.

    Parameters
    ----------
    settings
        Where MLflow, the volume and the local state are. Launches are named by their folder.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._volume = Volume(settings.volume, settings.data_roots)
        self._cache = Cache(cache_path(settings))
        self._outages = Outages()

    def ask(self, question: Callable[[Any], Answer], *, again: bool = False) -> Answer:
        """Ask MLflow's client; see `pipeline.tracking.client.ask`."""
        return ask(self.settings, self._outages, question, again=again)

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
            if not key.startswith(NO_CURVES) and (not names or shown_name(key) in names)
        }

    def params(self, launch: str) -> dict[str, str]:
        """Give the parameters as MLflow has them; raises as `metrics`."""
        run = self._run(launch)
        return dict(run["params"]) if run else {}

    def said_bests(
        self, versions: Mapping[str, str], elsewhere: Iterable[str], metric: str
    ) -> dict[str, float]:
        """Give the best values of a metric that MLflow has said before, by run, without asking it.

        Parameters
        ----------
        versions
            Of our runs, what `version` gives of their folders: of another one nothing was said.
        elsewhere
            Names of runs that Slipway did not log.
        """
        wanted: dict[str, str | None] = {**versions, **dict.fromkeys(elsewhere)}
        said = {
            name: _best_of(metric, json.loads(document))
            for name, (version, document) in self._cache.get_all(f"metric:{metric}").items()
            if name in wanted and wanted[name] in (None, version)
        }
        return {name: best for name, best in said.items() if best is not None}

    def elsewhere(self) -> list[ElsewhereRun]:
        """Give the runs that Slipway did not log, as the last synchronization saw them."""
        server = server_key(tracking_uri(self.settings))
        return list(map(_elsewhere_run, self._cache.elsewhere(server)))

    def elsewhere_run(self, name: str) -> ElsewhereRun:
        """Give one run that Slipway did not log; raises as `metrics`."""

        def read(client: Any) -> ElsewhereRun:
            run = client.get_run(id_elsewhere(name))
            return from_mlflow(run, experiment_names(client, [run.info.experiment_id]))

        return self.ask(read)

    def run_id(self, launch: str) -> str:
        """Give MLflow's id of the run, or nothing when it has none yet."""
        return str(self._recorded(launch).get("run_id", ""))

    def run_url(self, launch: str) -> str:
        """Give the page of the run in MLflow's own UI, or nothing when there is no run or no UI."""
        recorded, url = self._recorded(launch), ui_url(self.settings)
        if not recorded or not url:
            return ""
        return f"{url}/#/experiments/{recorded['experiment_id']}/runs/{recorded['run_id']}"

    def was_written(self, launch: str) -> None:
        """Ask MLflow about this run the next time, finished or not: it has just taken values."""
        self._cache.forget(launch)
        self._outages.answered(tracking_uri(self.settings))

    def outage(self) -> Unreachable | None:
        """Say why MLflow did not answer when it was asked last; None when it did."""
        return self._outages.reason(tracking_uri(self.settings))

    def check(self) -> str:
        """Ask MLflow something small and say what answered; raises as `metrics`."""
        uri = shown_address(tracking_uri(self.settings))
        if is_unmade(self.settings):
            return said("{address} will be made by the first run.", address=uri)
        self.ask(lambda client: client.search_experiments(max_results=1), again=True)
        return said("MLflow at {address} answers.", address=uri)

    def history_or_file(
        self, folder: RunFolder, names: Collection[str] = ()
    ) -> tuple[History, str]:
        """Give `history` and its source: ``mlflow``, or ``results.csv`` of a run it lacks."""
        history = self._unless_away(folder, lambda: self.history(folder.name, names))
        if history is None:
            return _file_history(folder, names), "results.csv"
        return history, "mlflow"

    def params_or_file(self, folder: RunFolder) -> tuple[dict[str, str], str]:
        """Give `params` and their source: ``mlflow``, or ``args.yaml`` of a run it lacks."""
        params = self._unless_away(folder, lambda: self.params(folder.name))
        if params is None:
            return launch_data(folder).params, "args.yaml"
        return params, "mlflow"

    def _unless_away(self, folder: RunFolder, question: Callable[[], Answer]) -> Answer | None:
        """Ask MLflow, unless it is away or the run, which may have trained in an outage, is not."""
        is_only_in_files = folder.results.is_file() and not self.run_id(folder.name)
        if is_only_in_files:
            return None
        try:
            return question()
        except TrackingUnreachable:  # the outage is remembered where MLflow is asked
            return None

    def _recorded(self, launch: str) -> dict[str, Any]:
        if is_elsewhere(launch):
            return {"run_id": id_elsewhere(launch)}
        document: dict[str, Any] = read_json(run_folder(self._volume, launch).mlflow, {})
        return document

    def version(self, folder: RunFolder) -> str:
        """Give what is another when MLflow may say something else of a run."""
        return version_of(folder, self.run_id(folder.name))

    def _run(self, launch: str) -> dict[str, Any] | None:
        """Give id, version, parameters and metric names; None when MLflow has no run yet."""
        run_id = self.run_id(launch)
        if not run_id:
            return None
        elsewhere = is_elsewhere(launch)
        version = "" if elsewhere else self.version(run_folder(self._volume, launch))
        run: dict[str, Any] | None = self._cache.get(launch, "run", version)
        if run is None:
            run = self.ask(lambda client: run_document(client.get_run(run_id), version))
            if run["is_over"]:
                self._cache.put(launch, "run", version, run)
        return run

    def _points(self, launch: str, run: Mapping[str, Any], key: str) -> list[tuple[int, float]]:
        part = f"metric:{shown_name(key)}"
        points = self._cache.get(launch, part, run["version"]) if run["is_over"] else None
        if points is None:
            points = self.ask(lambda client: points_of(client.get_metric_history(run["id"], key)))
            if run["is_over"]:
                self._cache.put(launch, part, run["version"], points)
        return [(int(epoch), float(value)) for epoch, value in points]


def cache_path(settings: Settings) -> Path:
    """Give the file of what MLflow has said."""
    return settings.state / "tracking-cache.db"


def run_document(run: Any, version: str) -> dict[str, Any]:
    """Give what is kept of an MLflow run of ours: id, version, whether it is over, parameters."""
    return {
        "id": run.info.run_id,
        "version": version,
        "is_over": run.info.status in ENDED,
        "params": dict(run.data.params),
        "metrics": sorted(run.data.metrics),
    }


def points_of(history: Iterable[Any]) -> list[tuple[int, float]]:
    """Give (epoch from 1, value) of a metric's history; of an epoch logged again the last word."""
    latest = {metric.step: metric for metric in sorted(history, key=lambda m: m.timestamp)}
    return [(step_to_epoch(step), latest[step].value) for step in sorted(latest)]


def version_of(folder: RunFolder, run_id: str) -> str:
    """Give something that changes whenever a step writes new results."""
    parts = [run_id]
    for path in (folder.results, folder.test_metrics, folder.trials):
        if path.is_file():
            status = path.stat()
            parts.append(f"{status.st_size}-{status.st_mtime_ns}")
    return " ".join(parts)


def bests_in_files(folder: RunFolder) -> dict[str, float]:
    """Give the best value of every metric that is in a run's folder."""
    found = summary(_file_history(folder, ()))
    return {name: value["best"] for name, value in found.items() if value["best"] is not None}


@lru_cache(maxsize=20_000)
def _elsewhere_run(document: str) -> ElsewhereRun:
    return ElsewhereRun(**json.loads(document))


def _best_of(metric: str, points: Iterable[tuple[int, float]]) -> float | None:
    value: float | None = summary({metric: list(points)}).get(metric, {}).get("best")
    return value


def _file_history(folder: RunFolder, names: Collection[str]) -> History:
    history: History = {}
    try:
        points = launch_data(folder).points
    except (SlipwayError, ValueError, yaml.YAMLError):  # torn by a crash: there is nothing to read
        return {}
    for point in points:
        name = shown_name(point.name)
        if not point.name.startswith(NO_CURVES) and (not names or name in names):
            history.setdefault(name, []).append((step_to_epoch(point.step), point.value))
    return history
