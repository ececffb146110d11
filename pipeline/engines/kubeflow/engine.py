"""The Kubeflow engine as the rest of Slipway sees it."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

from pipeline.core.errors import EngineUnreachable, InputError, NotFound, UsageError
from pipeline.core.files import locked
from pipeline.core.launch.placement import NodeCapacity
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.engines.base import Engine, LogChunk, Run, RunPage, Workflow
from pipeline.engines.kubeflow.cache import Cache
from pipeline.engines.kubeflow.cluster import Cluster
from pipeline.engines.kubeflow.connect import Kfp
from pipeline.engines.kubeflow.explain import explained
from pipeline.engines.kubeflow.fields import unknown_fields
from pipeline.engines.kubeflow.health import check_api, check_claim, check_pods, count_nodes
from pipeline.engines.kubeflow.listing import Listing
from pipeline.engines.kubeflow.logs import Logs
from pipeline.engines.kubeflow.runs import Seen
from pipeline.engines.kubeflow.server import Server, not_found

_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# How long a run may take to end before its deletion goes on without waiting for its pods.
_END_S = 40.0


def make(settings: Settings) -> Engine:
    """Make the Kubeflow engine; see `pipeline.engines.registry`."""
    if not settings.kfp_endpoint:
        raise UsageError("KFP_ENDPOINT is not set.", next="Set it to the address of the KFP API.")
    return KubeflowEngine(settings)


class KubeflowEngine(Engine):
    """Runs workflows on Kubeflow Pipelines; `pipeline.engines.base` states its promises.

    The launch id is the run's name. Whoever submits looks for it first, behind a lock that holds
    for this state folder; should two dashboards submit one launch at once, the older run is the
    launch's.

    Parameters
    ----------
    settings
        Endpoint, namespace, credentials, volume, state folder.
    """

    name = "kubeflow"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        kfp = self._kfp = Kfp(settings)
        self._locks = settings.state / "kubeflow" / "locks"
        self._cache = Cache(settings.state / "kubeflow" / "runs.sqlite", kfp.endpoint)
        self._server = Server(settings, kfp)
        self._cluster = Cluster(settings.kfp_namespace)
        self._logs = Logs(settings, kfp, self._cluster)
        self._listing = Listing(self._server, self._cache, self._explained)

    def submit(self, workflow: Workflow, launch: str) -> str:
        mistakes = unknown_fields(workflow)
        if mistakes:
            raise InputError(
                f"Kubeflow would not run this workflow as it is meant: {mistakes[0].message}",
                findings=mistakes,
                where=mistakes[0].where,
                next=mistakes[0].next,
            )
        with self._locked(launch):
            found = self._server.of_launch(launch)
            if found:
                return found[0].run.id
            try:
                seen = self._server.create(workflow, launch)
            except EngineUnreachable:
                # The connection may have broken after the server had started the run.
                found = self._server.of_launch(launch)
                if not found:
                    raise
                seen = found[0]
            self._cache.put(seen, is_whole=False)
            return seen.run.id

    def get(self, run_id: str) -> Run:
        return self._explained(self._seen(run_id), asks_cluster=True)

    def list_runs(self, *, limit: int = 50, token: str = "") -> RunPage:
        before = None
        if token:
            created_at, bar, seq = token.partition("|")
            if not bar or not seq.isdecimal():
                raise UsageError(f"'{token}' is not a token of list_runs.")
            before = (created_at, int(seq))
        else:
            self._listing.refresh()
        runs, following = self._cache.page(limit, before)
        return RunPage(tuple(runs), following)

    def stop(self, run_id: str) -> None:
        run = self._seen(run_id).run
        if run.state.is_finished:
            return
        try:
            self._server.terminate(run.id)
        except (InputError, EngineUnreachable):
            # KFP refuses for a run that has ended meanwhile, and for one that is stopping already.
            seen = self._server.run(run.id)
            if not (seen.is_stopping or seen.run.state.is_finished):
                raise

    def retry(self, run_id: str) -> None:
        seen = self._seen(run_id)
        if seen.run.state not in (State.FAILED, State.STOPPED):
            return
        again = tuple(entry for entry in seen.nodes if entry.node and entry.runs_again)
        self._logs.keep(seen.run, again)
        self._cluster.remove_pods(entry.node for entry in again)
        self._server.retry(seen.run.id)
        self._cache.put(self._server.run(seen.run.id), is_whole=False)

    def delete(self, run_id: str) -> None:
        run = self._seen(run_id).run
        if not run.state.is_finished:
            self.stop(run.id)
            self._wait_for_end(run.id)
        with suppress(NotFound):  # somebody else was faster
            self._server.delete(run.id)
        self._cache.forget([run.id])
        self._logs.forget(run.id)

    def logs(self, run_id: str, step: str, offset: int = 0) -> LogChunk:
        seen = self._seen(run_id)
        names = {entry.step.name: entry for entry in seen.nodes}
        if step not in names:
            known = ", ".join(names) or "none yet"
            raise NotFound(f"run '{run_id}' has no step '{step}'.", next=f"Its steps: {known}.")
        return self._logs.read(seen.run, names[step], offset)

    def nodes(self) -> tuple[NodeCapacity, ...]:
        return self._cluster.nodes()

    def health(self) -> str:
        return check_api(self._settings, self._kfp, self._server)

    def checks(self) -> Mapping[str, Callable[[], str]]:
        return {
            "claim": lambda: check_claim(self._settings),
            "pods": lambda: check_pods(self._settings),
            "nodes": lambda: count_nodes(self.nodes()),
        }

    def _seen(self, name: str) -> Seen:
        """Find a run by its id or launch id, asking the server."""
        if _RUN_ID.fullmatch(name):
            try:
                return self._server.run(name)
            except NotFound:
                self._cache.forget([name])
                raise
        for run_id in self._cache.of_launch(name):
            with suppress(NotFound):
                return self._server.run(run_id)
            self._cache.forget([run_id])
        for entry in self._server.of_launch(name):
            return self._server.run(entry.run.id)
        raise not_found(name)

    def _explained(self, seen: Seen, *, asks_cluster: bool) -> Run:
        """Put reasons into a run's messages; a finished run's are worked out once."""
        known = self._cache.whole(seen.run.id, seen.stamp)
        if known:
            return known
        events = self._cluster.events if asks_cluster else None
        run = explained(seen, self._logs.said, self._cluster.ended, events)
        self._cache.put(replace(seen, run=run))
        return run

    def _wait_for_end(self, run_id: str) -> None:
        give_up_at = time.monotonic() + _END_S
        while time.monotonic() < give_up_at:
            if self._server.run(run_id).run.state.is_finished:
                return
            time.sleep(0.3)

    def _locked(self, launch: str) -> AbstractContextManager[None]:
        """Let one submit a launch at a time, of all threads and processes with this state."""
        self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One of 256 files, so that they need no clearing up.
        return locked(self._locks / hashlib.sha256(launch.encode()).hexdigest()[:2])
