"""The calls of the KFP API (v1beta1) that the engine makes, in its own terms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import InputError, NotFound, RunNotFound
from pipeline.core.launch.choices import DEFAULT_EXPERIMENT
from pipeline.core.settings import Settings
from pipeline.engines.kubeflow.connect import Kfp
from pipeline.engines.kubeflow.runs import LAUNCHED, Seen, from_detail, from_list

RUNS = "v1beta1/runs"
PAGE = 200
_OVER = ("Succeeded", "Failed", "Error", "Skipped")


class Server:
    """A KFP API server, 1.8 to 2.x; thread-safe."""

    def __init__(self, settings: Settings, kfp: Kfp) -> None:
        self._namespace = settings.kfp_namespace
        self._kfp = kfp
        self._is_multi_user: bool | None = None

    def run(self, run_id: str) -> Seen:
        """Give one run.

        Raises
        ------
        RunNotFound
            There is none.
        """
        try:
            return from_detail(self._kfp.get(f"{RUNS}/{run_id}"))
        except NotFound as reason:
            raise not_found(run_id) from reason

    def page(
        self, token: str = "", *, size: int = PAGE, only: Mapping[str, Any] | None = None
    ) -> tuple[list[Seen], str, int]:
        """Give runs, newest first, the token of the next page, and how many there are in all."""
        query = {
            "page_size": size,
            "page_token": token,
            "sort_by": "created_at desc",
            "filter": json.dumps(only) if only else "",
        }
        answer = self._kfp.get(RUNS, query | self._scope())
        runs = [from_list(entry) for entry in answer.get("runs") or []]
        return runs, answer.get("next_page_token") or "", int(answer.get("total_size") or 0)

    def unfinished(self) -> list[Seen]:
        """Give the runs that wait or run, also old ones that somebody retried."""
        return self._all({"predicates": [_is("status", word, "NOT_EQUALS") for word in _OVER]})

    def of_launch(self, launch: str) -> list[Seen]:
        """Give the runs that carry a launch id as their name, oldest first."""
        found = self._all({"predicates": [_is("name", launch)]})
        return sorted(found, key=lambda entry: (entry.run.created_at, entry.run.id))

    def create(self, workflow: Mapping[str, Any], launch: str) -> Seen:
        """Start a run with the launch id as its name, in the experiment that the workflow names."""
        given = workflow.get("spec", {}).get("arguments", {}).get("parameters", [])
        values = {entry["name"]: str(entry.get("value", "")) for entry in given}
        experiment = self._experiment(values.get("experiment") or DEFAULT_EXPERIMENT)
        body = {
            "name": launch,
            "description": LAUNCHED,
            "pipeline_spec": {
                "workflow_manifest": json.dumps(workflow, ensure_ascii=False),
                "parameters": [{"name": name, "value": value} for name, value in values.items()],
            },
            "resource_references": [_reference("EXPERIMENT", experiment)],
        }
        return from_detail(self._kfp.post(RUNS, body))

    def terminate(self, run_id: str) -> None:
        """Ask a run to end."""
        self._kfp.post(f"{RUNS}/{run_id}/terminate")

    def retry(self, run_id: str) -> None:
        """Run again what failed."""
        self._kfp.post(f"{RUNS}/{run_id}/retry")

    def delete(self, run_id: str) -> None:
        """Forget a run and its workflow."""
        self._kfp.delete(f"{RUNS}/{run_id}")

    def _all(self, only: Mapping[str, Any]) -> list[Seen]:
        found: list[Seen] = []
        token = ""
        while True:
            runs, token, _ = self.page(token, only=only)
            found += runs
            if not token:
                return found

    def _experiment(self, name: str) -> str:
        try:
            body = {"name": name, "resource_references": self._owner()}
            return str(self._kfp.post("v1beta1/experiments", body)["id"])
        except InputError:  # it exists, the usual case after the first launch
            only = {"predicates": [_is("name", name)]}
            query = {"filter": json.dumps(only), **self._scope()}
            answer = self._kfp.get("v1beta1/experiments", query)
            found = answer.get("experiments") or []
            if not found:
                raise
            return str(found[0]["id"])

    def _scope(self) -> dict[str, str]:
        """Name the namespace where there are several; a server for one user refuses one."""
        if not self._has_namespaces():
            return {}
        return {
            "resource_reference_key.type": "NAMESPACE",
            "resource_reference_key.id": self._namespace,
        }

    def _owner(self) -> list[dict[str, Any]]:
        return [_reference("NAMESPACE", self._namespace)] if self._has_namespaces() else []

    def _has_namespaces(self) -> bool:
        if self._is_multi_user is None:
            self._is_multi_user = bool(self._kfp.get("v1beta1/healthz").get("multi_user"))
        return self._is_multi_user


def not_found(name: str) -> RunNotFound:
    """Make the error for a run that the server does not have."""
    return RunNotFound(f"no run '{name}' on Kubeflow.", next="See `slipway runs`.")


def _reference(kind: str, key: str) -> dict[str, Any]:
    return {"key": {"type": kind, "id": key}, "relationship": "OWNER"}


def _is(key: str, value: str, op: str = "EQUALS") -> dict[str, str]:
    return {"key": key, "op": op, "string_value": value}
