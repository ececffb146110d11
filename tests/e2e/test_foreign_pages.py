"""A page of another origin, and a foreign name that points here, in a real browser."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.core.settings import Settings
from pipeline.tracking import server
from tests.e2e.conftest import CHROMIUM, CHROMIUM_ARGS, PATIENCE_MS, Dashboard
from tests.serving import address, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.e2e

EVIL = "evil.example"
CREATE = "ajax-api/2.0/mlflow/experiments/create"
# What a page can try: reads and writes with and without being asked about it, forms, pictures,
# scripts, websockets. Each says what it got.
TRY_ALL = """
async ([mlflow, page]) => {
  const tried = {};
  const json = {"Content-Type": "application/json"};
  const ways = {
    read: [`${mlflow}/api/2.0/mlflow/experiments/search?max_results=5`, {}],
    unasked: [`${mlflow}/CREATE`, {method: "POST", mode: "no-cors", body: '{"name": "unasked"}'}],
    asked: [`${mlflow}/CREATE`, {method: "POST", headers: json, body: '{"name": "asked"}'}],
    api: [`${mlflow}/api/2.0/mlflow/experiments/create`,
          {method: "POST", mode: "no-cors", body: '{"name": "api"}'}],
    health: [`${page}/_stcore/health`, {}],
    index: [`${page}/`, {}],
  };
  for (const [name, [url, options]] of Object.entries(ways)) {
    try { tried[name] = await (await fetch(url, options)).text(); }
    catch (reason) { tried[name] = null; }
  }
  tried.websocket = await new Promise(resolve => {
    const socket = new WebSocket(page.replace("http", "ws") + "/_stcore/stream");
    socket.onopen = () => resolve("open");
    socket.onerror = () => resolve(null);
  });
  for (const tag of ["img", "script", "iframe"]) {
    tried[tag] = await new Promise(resolve => {
      const element = document.createElement(tag);
      element.onload = () => {
        let inside = "loaded";
        if (tag === "iframe") {
          try { inside = element.contentDocument.body.innerText; } catch { inside = null; }
        }
        resolve(inside);
      };
      element.onerror = () => resolve(null);
      element.src = tag === "script" ? `${page}/static/js/index.js` : `${page}/favicon.png`;
      document.body.append(element);
    });
  }
  return tried;
}
""".replace("CREATE", CREATE)


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><body>a page of somebody else</body>")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def mlflow(dashboard: Dashboard) -> Iterator[str]:
    """The embedded MLflow of the dashboard's own state."""
    embedded = server.start(Settings(volume=dashboard.volume, state=dashboard.state))
    try:
        url = embedded.record.url
        _until_answers(f"{url}/health")
        yield url
    finally:
        embedded.stop()


def _until_answers(url: str) -> None:
    for _ in range(600):
        if server.answers(url):
            return
        threading.Event().wait(0.2)
    pytest.fail(f"{url} does not answer")


@pytest.fixture(scope="module")
def foreign() -> Iterator[int]:
    """The port of a web server of somebody else."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web.server_port
        web.shutdown()


@pytest.fixture(scope="module")
def rebound(browser: Browser) -> Iterator[Browser]:
    """A browser for which a foreign name has the address of this machine."""
    rule = f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"
    chromium = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*CHROMIUM_ARGS, "--no-first-run", rule]
    )
    yield chromium
    chromium.close()


@pytest.fixture
def opened(rebound: Browser) -> Iterator[Page]:
    context = rebound.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", EVIL])
def test_a_page_of_another_origin_neither_reads_nor_changes_anything(
    opened: Page, dashboard: Dashboard, mlflow: str, foreign: int, host: str
) -> None:
    opened.goto(f"http://{host}:{foreign}/")
    tried = opened.evaluate(TRY_ALL, [mlflow, dashboard.url])
    unasked = {tried.pop(name) for name in ("unasked", "api")}  # answers of these are hidden
    assert unasked <= {"", None}
    assert set(tried.values()) == {None}, tried
    assert experiments(mlflow) == {"Default"}


def test_a_foreign_name_that_points_here_gets_the_refusal_page(
    opened: Page, dashboard: Dashboard, mlflow: str
) -> None:
    for url in (dashboard.url, mlflow):
        answer = opened.goto(url.replace("127.0.0.1", EVIL))
        assert answer is not None
        assert answer.status == 403
        assert f"SLIPWAY_ALLOWED_HOSTS={EVIL}" in opened.inner_text("body")


def test_the_owners_pages_and_mlflows_own_work(
    opened: Page, dashboard: Dashboard, mlflow: str
) -> None:
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(dashboard.url)
    opened.get_by_test_id("stBaseButton-primary").wait_for()
    opened.goto(f"{mlflow}/#/experiments")
    opened.get_by_text("Default").first.wait_for()
    made = opened.evaluate(
        "url => fetch(url, {method: 'POST', headers: {'Content-Type': 'application/json'},"
        ' body: \'{"name": "by hand"}\'}).then(answer => answer.status)',
        f"{mlflow}/{CREATE}",
    )
    assert made == 200
    assert "by hand" in experiments(mlflow)
    own = (dashboard.url, mlflow, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def test_a_link_from_elsewhere_opens_a_page(
    opened: Page, dashboard: Dashboard, foreign: int
) -> None:
    opened.goto(f"http://127.0.0.1:{foreign}/")
    opened.evaluate(
        "url => { const link = document.createElement('a'); link.href = url; link.text = 'go';"
        " document.body.append(link); }",
        f"{dashboard.url}/runs",
    )
    opened.get_by_text("go").click()
    opened.get_by_role("link", name="Datasets").wait_for()
    assert opened.url == f"{dashboard.url}/runs"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}", 101),
        ("localhost:{port}", "http://localhost:{port}", 101),
        ("127.0.0.1:{port}", "", 101),  # a program, no page
        ("evil.example:{port}", "http://evil.example:{port}", 403),
        ("127.0.0.1:{port}", "http://127.0.0.1:9", 403),
        ("127.0.0.1:{port}", "http://localhost:{port}", 403),
        ("127.0.0.1:{port}", "https://127.0.0.1:{port}.evil.example", 403),
        ("127.0.0.1:{port}", "null", 403),
    ],
)
def test_a_websocket_opens_for_our_own_pages_only(
    dashboard: Dashboard, host: str, origin: str, status: int
) -> None:
    port = int(dashboard.url.rpartition(":")[2])
    lines = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host.format(port=port)}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    if origin:
        lines.append(f"Origin: {origin.format(port=port)}")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        assert int(connection.recv(1024).split()[1]) == status


def experiments(mlflow: str) -> set[str]:
    from mlflow.tracking import MlflowClient

    return {entry.name for entry in MlflowClient(mlflow).search_experiments()}


def test_a_name_that_was_allowed_works_as_a_proxys_would(
    rebound: Browser, sample_volume: Path, tmp_path: Path
) -> None:
    """The browser knows the dashboard by a name of its own, in Host and in Origin."""
    shutil.copytree(sample_volume, tmp_path / "volume")
    port = server.free_port("127.0.0.1")
    options = ("--volume", str(tmp_path / "volume"), "--port", str(port))
    own = ("--mlflow", "http://127.0.0.1:9", "--allowed-hosts", f"{EVIL}:{port}")
    with served(tmp_path / "state", *options, *own) as process:
        address(process, "Slipway is at")
        context = rebound.new_context()
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"http://{EVIL}:{port}/")
        page.get_by_test_id("stBaseButton-primary").wait_for()
        context.close()
        process.terminate()
        assert process.wait(60) == 0
