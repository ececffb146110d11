"""What runs are sorted and filtered by: read for all of them when somebody asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.actions.run_folders import Progress
from pipeline.actions.runs.details import tested_of
from pipeline.actions.runs.seeds import key_of, seed_key
from pipeline.core.errors import SlipwayError
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from pipeline.tracking.elsewhere import ElsewhereRun
from pipeline.tracking.reader import bests_in_files
from pipeline.tracking.schema import LIST_METRIC, TEST_PREFIX


class Values:
    """Values of some runs; what an index of folders keeps is not read again.

    Parameters
    ----------
    names
        Of the folders of our runs.
    elsewhere
        Runs that only MLflow knows.
    progress
        See `pipeline.actions.run_folders.RunFolders.all`.
    """

    def __init__(
        self,
        here: Installation,
        names: Sequence[str],
        elsewhere: Sequence[ElsewhereRun] = (),
        progress: Progress | None = None,
    ) -> None:
        self._here = here
        self._names = names
        self._elsewhere = {run.id: run for run in elsewhere}
        self._progress = progress
        self._bests: dict[str, Mapping[str, float | None]] = {}

    def best(self, name: str, metric: str) -> float | None:
        """Give the best value of a metric that a run has reached, as far as MLflow has said it.

        Else it is what is in the run's folder; of a run that only MLflow knows the last value.
        """
        if metric not in self._bests:
            said = self._here.tracking.said_bests(self._versions, self._elsewhere, metric)
            files = {name: bests.get(metric) for name, bests in self._in_files.items()}
            last = {name: run.metrics.get(metric) for name, run in self._elsewhere.items()}
            self._bests[metric] = files | last | said
        return self._bests[metric].get(name)

    def tested(self, name: str) -> float | None:
        """Give the list's metric as the test step measured it."""
        if name in self._elsewhere:
            return self._elsewhere[name].metrics.get(TEST_PREFIX + LIST_METRIC)
        return self._tested.get(name)

    def params(self, name: str) -> Mapping[str, Any]:
        """Give the cfg that a run was launched with."""
        if name in self._elsewhere:
            return self._elsewhere[name].params
        return self._params.get(name, {})

    def seed_key(self, name: str) -> str:
        """Give what launches have in common that differ in nothing but their seed; may be empty."""
        if name in self._elsewhere:
            return key_of(self._elsewhere[name].params)
        return self._seed_keys.get(name, "")

    @cached_property
    def _versions(self) -> dict[str, str]:
        return self._each("version", self._here.tracking.version)

    @cached_property
    def _in_files(self) -> dict[str, dict[str, float]]:
        return self._each("bests", bests_in_files)

    @cached_property
    def _tested(self) -> dict[str, float | None]:
        return self._each("tested", lambda folder: tested_of(folder).metrics.get(LIST_METRIC))

    @cached_property
    def _params(self) -> dict[str, dict[str, Any]]:
        return self._each("params", _params)

    @cached_property
    def _seed_keys(self) -> dict[str, str]:
        return self._each("seed key", seed_key)

    def _each(self, part: str, read: Callable[[RunFolder], Any]) -> dict[str, Any]:
        return self._here.folders.kept(part, self._names, read, self._progress)


def _params(folder: RunFolder) -> dict[str, Any]:
    if not folder.cfg.is_file():
        return {}
    try:
        params: dict[str, Any] = json.loads(json.dumps(load_yaml(folder.cfg).data, default=str))
        return params
    except SlipwayError:
        return {}
