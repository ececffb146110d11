"""A KFP API (v1beta1) in this process, answering as the real 2.0.5 did; it runs nothing.

A test imports the fixtures that it needs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

STARTED = "2026-11-24T10:00:00Z"
FINISHED = "2026-11-24T10:05:00Z"


class FakeKfp(ThreadingHTTPServer):
    """Keeps runs in memory; a test puts in what the API is to tell of them.

    Attributes
    ----------
    details
        What the API answers of each run, by id, oldest first.
    answers
        Status and body to give instead, by method and path.
    requests
        Method, path and credentials of each request, in the order in which they came.
    list_s
        How long a list takes.
    """

    daemon_threads = True
    request_queue_size = 32

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.details: dict[str, dict[str, Any]] = {}
        self.answers: dict[tuple[str, str], tuple[int, bytes]] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.cuts_after_creating = False
        self.list_s = 0.0

    @property
    def url(self) -> str:
        """Address of this server."""
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, detail: Mapping[str, Any]) -> str:
        """Put in a run, or the newer form of one; see `run_detail`."""
        self.details[detail["run"]["id"]] = dict(detail)
        return str(detail["run"]["id"])

    def asked(self, path: str) -> int:
        """Say how many requests were for a path."""
        return sum(asked == path for _, asked, _ in self.requests)


@contextmanager
def serving() -> Iterator[FakeKfp]:
    """Serve while the block runs."""
    server = FakeKfp()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeKfp]:
    """Serve for a test that has no Kubernetes beside it."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    with serving() as server:
        yield server


@pytest.fixture
def kubernetes(api: FakeKfp, tmp_path: Path) -> FakeKfp:
    """Let the same server be Kubernetes: it knows what a test puts into its answers."""
    user = {"name": "test", "user": {}}
    cluster = {"name": "test", "cluster": {"server": api.url}}
    context = {"name": "test", "context": {"cluster": "test", "user": "test"}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "users": [user],
        "clusters": [cluster],
        "contexts": [context],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document), encoding="utf-8")
    return api


def run_detail(
    number: int,
    *nodes: Mapping[str, Any],
    status: str = "Running",
    created_at: str = STARTED,
    spec: Mapping[str, Any] | None = None,
    message: str = "",
) -> dict[str, Any]:
    """Make what the API answers of a run: its entry of the list, and Argo's workflow as text.

    Parameters
    ----------
    number
        Gives the run its id and its launch id.
    nodes
        Argo's nodes; see `pod`.
    status
        KFP's word for the run's state.
    created_at
        When it was created.
    spec
        What the workflow has beside the pipeline, such as the deadline that a stop sets.
    message
        What Argo says of the workflow as a whole.
    """
    launch = f"20261124-1000-shapes-{number:04}"
    is_over = status in ("Succeeded", "Failed", "Error", "Skipped")
    parameters = [{"name": "launch", "value": launch}, {"name": "cfg", "value": "cfg-custom"}]
    document = {
        "metadata": {"name": f"shapes-{number:04}"},
        "spec": {"arguments": {"parameters": parameters}, **_PIPELINE, **(spec or {})},
    }
    known = {node["id"]: dict(node) for node in nodes}
    workflow = {**document, "status": {"startedAt": created_at, "nodes": known, "message": message}}
    if is_over:
        workflow["status"]["finishedAt"] = FINISHED
    run = {
        "id": run_id(number),
        "name": launch,
        "description": "Launched by Slipway",
        "storage_state": "STORAGESTATE_AVAILABLE",
        "status": status,
        "created_at": created_at,
        "scheduled_at": created_at,
        "finished_at": FINISHED if is_over else "1970-01-01T00:00:00Z",
        "pipeline_spec": {"workflow_manifest": json.dumps(document), "parameters": parameters},
    }
    return {"run": run, "pipeline_runtime": {"workflow_manifest": json.dumps(workflow)}}


def run_id(number: int) -> str:
    """Give the id of a run by its number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def pod(name: str, phase: str, message: str = "", **more: str) -> dict[str, Any]:
    """Make the node of a step's pod, or, by ``type="Skipped"``, of a task that was passed over."""
    return {
        "id": f"shapes-{name}-1",
        "displayName": name,
        "templateName": name,
        "type": "Pod",
        "phase": phase,
        "message": message,
        "startedAt": STARTED,
        "finishedAt": FINISHED if phase not in ("Running", "Pending") else None,
        **more,
    }


def _task(name: str, *after: str, when: str = "") -> dict[str, Any]:
    condition = {"when": when} if when else {}
    return {"name": name, "template": name, "dependencies": list(after), **condition}


_PIPELINE: dict[str, Any] = {
    "entrypoint": "shapes",
    "onExit": "notify",
    "templates": [
        {"name": "volume-mount", "resource": {"action": "apply"}},
        *({"name": name, "container": {}} for name in ("verify", "train", "tune", "notify")),
        {
            "name": "shapes",
            "dag": {
                "tasks": [
                    _task("volume-mount"),
                    _task("verify", "volume-mount"),
                    _task("train", "verify"),
                    _task(
                        "condition-tune",
                        "train",
                        when='"{{inputs.parameters.bool_tune}}" == "True"',
                    ),
                ]
            },
        },
        {"name": "condition-tune", "dag": {"tasks": [_task("tune")]}},
    ],
}


class _Handler(BaseHTTPRequestHandler):
    server: FakeKfp
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, query = self._noted()
        if path == "/apis/v1beta1/healthz":
            self._answer(200, {"tag_name": "2.0.5", "multi_user": False})
        elif path == "/apis/v1beta1/runs":
            self._answer(200, self._page(query))
        elif path == "/apis/v1beta1/experiments":
            self._answer(200, {"experiments": [{"id": "experiment-1"}], "total_size": 1})
        elif path.removeprefix("/apis/v1beta1/runs/") in self.server.details:
            self._answer(200, self.server.details[path.removeprefix("/apis/v1beta1/runs/")])
        else:
            self._answer(404, {"error": "not found", "code": 5, "message": f"{path} not found"})

    def do_POST(self) -> None:
        path, _ = self._noted()
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if path == "/apis/v1beta1/experiments":
            self._answer(409, {"error": "Already exist", "message": "Already exist"})
        elif path == "/apis/v1beta1/runs":
            detail = run_detail(len(self.server.details) + 1, status="Pending")
            detail["run"] |= {"name": body["name"], "pipeline_spec": body["pipeline_spec"]}
            self.server.add(detail)
            if self.server.cuts_after_creating:
                self.close_connection = True
                return
            self._answer(200, detail)
        else:
            self._answer(200, {})

    def do_DELETE(self) -> None:
        path, _ = self._noted()
        self.server.details.pop(path.rpartition("/")[2], None)
        self._answer(200, {})

    def _noted(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        credentials = self.headers.get("Authorization", "") or self.headers.get("Cookie", "")
        self.server.requests.append((self.command, parts.path, credentials))
        return parts.path, {key: values[0] for key, values in parse_qs(parts.query).items()}

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        """Answer as KFP does: the page's size and filter travel in its token."""
        time.sleep(self.server.list_s)
        token = json.loads(query.get("page_token") or "{}")
        size = token.get("size") or int(query["page_size"])
        only = token.get("only") or json.loads(query.get("filter") or "{}").get("predicates", [])
        begin = token.get("begin", 0)
        newest_first = reversed(list(self.server.details.values()))
        runs = [entry["run"] for entry in newest_first if _fits(entry["run"], only)]
        answer: dict[str, Any] = {"total_size": len(runs), "runs": runs[begin : begin + size]}
        if len(runs) > begin + size:
            following = {"begin": begin + size, "size": size, "only": only}
            answer["next_page_token"] = json.dumps(following)
        return answer

    def _answer(self, status: int, document: Mapping[str, Any]) -> None:
        data = json.dumps(document).encode()
        status, data = self.server.answers.get(
            (self.command, urlsplit(self.path).path), (status, data)
        )
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: a test looks at `requests`."""


def _fits(run: Mapping[str, Any], only: list[dict[str, str]]) -> bool:
    return all(
        (run[entry["key"]] == entry["string_value"]) == (entry["op"] == "EQUALS") for entry in only
    )
