"""What others wrote is shown as text: no link, no picture, no request to anybody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest
import yaml

from dashboard.navigation import VIEWS
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, save_note

if TYPE_CHECKING:
    from conftest import Dashboard
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

HOSTILE = (
    "# h [Sign in again](http://evil.example) ![b](http://evil.example/x.png) "
    "<img src='http://evil.example/y.png'> <a href='http://evil.example'>in</a> "
    "<http://evil.example/z> http://evil.example/bare www.evil.example a@evil.example ` `` "
    "$x^2$ $$y$$ :red[evilred] :material/key: :streamlit: :smile: **evilbold** | a | b | [^1] \\ "
    "\n\n[r]: http://evil.example\n\n[^1]: evil [r]\n\n- evillist\n\n# evilhead\n\n| a |\n|--|\n|c|"
    "\n\n    evilcode\n\n```\nevilfence\n```\n\u202eevil" + "e" * 300
)
LITERAL = "[Sign in again](http://evil.example)"
# A file name has no slash, and no more than 255 bytes.
NAMED = "a# [in](www.evil.example) ![b](www.evil.example) a@evil.example $x$ :red[evilred] `:smile:"
NAMES = ("run", "clone", "file", "data", "runs", "tag", "set", "model", "cfg", "image", "columns")
PARAMETERS = (
    *(*NAMES, "line", "part", "tab", "lang", "split", "class", "kind", "code", "severity"),
    *("finding_filter", "models_filter", "runs_filter", "runs_state", "runs_model", "runs_data"),
    *("runs_user", "runs_engine", "runs_page", "runs_sort", "settings_filter", "log_search"),
    *("engine", "tune_space", "experiment", "name", "node_selector", "tolerations", "shm_size"),
    *("models", "cfgs", "seeds", "sweep_name", "trials", "baseline", "against", "metric", "value"),
    *("param", "reached", "class_metric", "counts_split", "tune_part", "tune_metric", "page"),
)
FORM = {"model": "yolov8n-scratch.yaml", "cfg": "cfg-custom", "data": "data-custom"}
FOREIGN = """() => {
  const all = (query) => [...document.querySelectorAll(query)];
  const told = (found) => found.map((element) => element.outerHTML.slice(0, 200));
  return [
    ...told(all("a").filter((a) => /evil|^javascript/.test(a.getAttribute("href") || "")
      && !(a.getAttribute("href").startsWith("#") || a.getAttribute("href").startsWith("run?")))),
    ...told(all("img, video, audio, iframe").filter((it) => /evil/.test(it.src))),
    ...told(all(".katex, math, .footnotes, section[data-footnotes], sup a")),
    ...told(all("h1, h2, h3, h4, li, table, pre code, em, strong, del").filter(
      (it) => /^(evil(head|list|code|fence|bold))$/.test(it.textContent.trim()))),
    ...told(all("span").filter((it) => it.textContent === "evilred")),
    ...told(all("[data-testid=stIconMaterial], [role=img]").filter(
      (it) => it.textContent === "key")),
    ...told(all("img[alt='Streamlit logo']")),
    ...told(all("svg a, [data-testid=stPlotlyChart] a").filter(
      (it) => /evil/.test(it.outerHTML))),
    ...(document.body.innerText.includes("😄") ? ["smile"] : []),
  ];
}"""


@contextmanager
def only_asks(page: Page, dashboard: Dashboard) -> Iterator[None]:
    """Fail when the page asks anybody but the dashboard for something."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield
    ours = urlsplit(dashboard.url).netloc
    foreign = [url for url in asked if urlsplit(url).netloc != ours]
    assert not [url for url in foreign if not url.startswith(("data:", "blob:"))]


def visit(page: Page, dashboard: Dashboard, view: str, query: dict[str, str]) -> str:
    """Open a page and wait until it is drawn; gives the text that one reads."""
    path = "" if view == VIEWS[0].name else view
    page.goto(f"{dashboard.url}/{path}?{urlencode(query)}")
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_selector("[data-testid=stMain] [data-testid=stElementContainer]:visible")
    page.wait_for_timeout(700)
    return page.locator("body").inner_text()


@pytest.fixture(scope="module")
def run(dashboard: Dashboard) -> str:
    """A volume on which others have written everything that they can; gives a run of it."""
    volume = dashboard.volume
    document = yaml.safe_load((volume / "data-custom.yaml").read_text(encoding="utf-8"))
    names = document["names"]
    count = len(names)
    hostile = {**document, "names": [f"{index} {HOSTILE}" for index in range(count)]}
    (volume / f"data-{NAMED}.yaml").write_text(yaml.safe_dump(hostile), encoding="utf-8")
    (volume / "data-custom.yaml").write_text(yaml.safe_dump(hostile), encoding="utf-8")
    settings = {HOSTILE: HOSTILE, "epochs": HOSTILE, "optimizer": HOSTILE}
    (volume / f"cfg-{NAMED}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (volume / "cfg-hostile.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    space = {"space": {HOSTILE: {"low": 1, "high": HOSTILE}, "lr0": {"choices": [HOSTILE]}}}
    (volume / f"tune-{NAMED}.yaml").write_text(yaml.safe_dump(space), encoding="utf-8")
    (volume / "presets").mkdir(exist_ok=True)
    (volume / "presets" / f"{NAMED}.yaml").write_text("epochs: 3\n", encoding="utf-8")
    (volume / "weights").mkdir(exist_ok=True)
    (volume / "weights" / f"{NAMED}.pt").write_bytes(b"no weights")
    label = next((volume / "datasets").rglob("labels/**/*.txt"))
    label.write_text(f"{HOSTILE.splitlines()[0]}\n99 0.5 0.5 0.1 0.1\n", encoding="utf-8")
    label.with_name(f"{NAMED}.txt").write_text("0 2 2 2 2\n", encoding="utf-8")
    environment = os.environ | {
        "SLIPWAY_VOLUME": str(volume),
        "SLIPWAY_STATE": str(dashboard.state),
        "SLIPWAY_USER": HOSTILE.splitlines()[0],
    }
    command = [sys.executable, "-m", "pipeline", "launch", "--model", FORM["model"]]
    command += ["--cfg", FORM["cfg"], "--data", FORM["data"], "--no-train", "--wait"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (volume / "runs").is_dir(), told.stderr
    (folder,) = (volume / "runs").iterdir()
    save_note(RunFolder(folder), RunNote(HOSTILE, (NAMED, "www.evil.example")))
    for log in folder.rglob("step.log"):
        log.write_text(log.read_text(encoding="utf-8") + HOSTILE, encoding="utf-8")
    test = {"split": HOSTILE, "mAP50-95": 0.5, "classes": {HOSTILE: {"mAP50-95": 0.5}}}
    (folder / "test").mkdir(exist_ok=True)
    (folder / "test" / "metrics.json").write_text(json.dumps(test), encoding="utf-8")
    (folder / f"{NAMED}.txt").write_text(HOSTILE, encoding="utf-8")
    return folder.name


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_what_a_url_says_is_text(page: Page, dashboard: Dashboard, view: str) -> None:
    with only_asks(page, dashboard):
        visit(page, dashboard, view, dict.fromkeys(PARAMETERS, HOSTILE))
        assert page.evaluate(FOREIGN) == []


@pytest.mark.parametrize(
    ("view", "query"),
    [
        *(("run", {"run": HOSTILE}), ("sweep", {"tag": HOSTILE}), ("compare", {"runs": HOSTILE})),
        *(("configs", {"file": HOSTILE}), ("datasets", {"data": HOSTILE})),
        *(("launch", {"clone": HOSTILE}), ("launch", {**FORM, "set": f"{HOSTILE}=1"})),
    ],
)
def test_what_a_url_asks_for_is_said_as_it_is(
    page: Page, dashboard: Dashboard, view: str, query: dict[str, str]
) -> None:
    with only_asks(page, dashboard):
        visit(page, dashboard, view, query)
        page.wait_for_function("said => document.body.innerText.includes(said)", arg=LITERAL)
        assert page.evaluate(FOREIGN) == []


@pytest.mark.parametrize(
    ("view", "query"),
    [
        *(("launch", FORM), ("launch", {**FORM, "cfg": f"cfg-{NAMED}"}), ("runs", {})),
        ("launch", {**FORM, "data": f"data-{NAMED}", "tune": "true"}),
        ("launch", {**FORM, "tune": "true", "tune_space": f"tune-{NAMED}"}),
        *(("sweep", {}), ("models", {}), ("system", {}), ("configs", {})),
        *(("configs", {"file": f"{kind}-{NAMED}.yaml"}) for kind in ("cfg", "data", "tune")),
        ("configs", {"file": f"presets/{NAMED}.yaml"}),
        *(("datasets", {"data": f"data-{NAMED}", "part": part}) for part in ("classes", "boxes")),
        *(("datasets", {"data": "data-custom", "part": part}) for part in ("findings", "samples")),
        ("datasets", {"data": "data-custom", "part": "runs"}),
        *(("run", {"tab": tab}) for tab in ("Curves", "Test by class", "Settings", "Origin")),
        *(("run", {"tab": tab}) for tab in ("Log", "Files", "Images", "Tune")),
        *(("compare", {"part": part}) for part in ("By class", "Class counts", "Cfg and data")),
    ],
)
def test_what_lies_on_the_volume_is_text(
    page: Page, dashboard: Dashboard, run: str, view: str, query: dict[str, str]
) -> None:
    own = {"run": {"run": run}, "compare": {"runs": run}}.get(view, {})
    with only_asks(page, dashboard):
        visit(page, dashboard, view, {**query, **own})
        assert page.evaluate(FOREIGN) == []
    assert not page.get_by_text("This page hit an unexpected error").count()


@pytest.fixture(scope="module")
def elsewhere(dashboard: Dashboard) -> str:
    """A run that somebody logged to MLflow without Slipway, and called what they liked."""
    from mlflow import MlflowClient

    dashboard.state.mkdir(exist_ok=True)
    client = MlflowClient(f"sqlite:///{dashboard.state}/mlflow.db")
    experiment = client.create_experiment(NAMED)
    made = client.create_run(experiment, run_name=HOSTILE, tags={"note": HOSTILE, "user": NAMED})
    client.log_param(made.info.run_id, "www.evil.example", HOSTILE[:400])
    client.set_tag(made.info.run_id, "mlflow.user", HOSTILE)
    client.set_tag(made.info.run_id, "mlflow.note.content", HOSTILE)
    for epoch in range(3):
        for name in ("metrics/mAP50-95B", "www.evil.example", ":smile: :material/key:"):
            client.log_metric(made.info.run_id, name, 0.1 * epoch, step=epoch)
    client.set_terminated(made.info.run_id)
    return f"mlflow:{made.info.run_id}"


@pytest.mark.parametrize(
    ("view", "query"),
    [("runs", {}), *(("run", {"tab": tab}) for tab in ("Curves", "Settings")), ("compare", {})],
)
def test_what_mlflow_says_is_text(
    page: Page, dashboard: Dashboard, elsewhere: str, view: str, query: dict[str, str]
) -> None:
    own = {"run": {"run": elsewhere}, "compare": {"runs": elsewhere}}.get(view, {})
    with only_asks(page, dashboard):
        text = visit(page, dashboard, view, {**query, **own})
        assert page.evaluate(FOREIGN) == []
    assert "This page hit an unexpected error" not in text
    if view == "run":
        assert elsewhere.removeprefix("mlflow:")[:8] in text or LITERAL in text
