"""What a person waits for in front of the browser; Playwright with Debian's chromium."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.actions.installation import Installation
from pipeline.core.guarded import start_guarded, stop_guarded
from pipeline.core.settings import load_settings
from pipeline.core.volume.sample import write_sample
from pipeline.tracking.server import answers, free_port
from tests.benchmarks.report import compare, say
from tests.benchmarks.tracking import launch_id, record

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 5
RUNS = 20
Change = Callable[[Page, int], None]
TUNE = "Tune after training"
SWITCH = f"import time\nimport streamlit as st\n\nst.toggle({TUNE!r})\ntime.sleep(0.03)\n"
HELLO = "import streamlit as st\n\nst.write('Hello world')\n"
SHOWS_HELLO = "() => document.body.innerText.includes('Hello world')"
SHOWS_PICKERS = """() => ['Model', 'Cfg', 'Data'].every(
    label => document.querySelector(`input[aria-label="${label}"]`)?.value)"""
SCRIPT_STATE = "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState"


def first_paint(folder: Path) -> None:
    """Measure the first frame with values in the three pickers, against a hello-world app."""
    hello_file = folder / "hello.py"
    hello_file.write_text(HELLO)
    with (
        _app(_script(hello_file), folder) as hello,
        dashboard(folder) as ours,
        chromium() as browser,
    ):
        times: dict[str, list[float]] = {hello: [], ours: []}
        for _ in range(ROUNDS + 1):
            times[hello].append(_paint(browser, hello, SHOWS_HELLO))
            times[ours].append(_paint(browser, ours, SHOWS_PICKERS))
        # The first round pays for the imports of both servers: it is a start, not a paint.
        plain, slipway = (median(values[1:]) for values in times.values())
        print(f"first page after a start: plain {times[hello][0]:.2f} s, {times[ours][0]:.2f} s")
        compare("first paint of the launch page", plain, slipway, "at most 1.25")


def rerun(folder: Path) -> None:
    """Hold reruns, from a widget's event until the page stands, to those of a plain page."""
    with _plain(folder) as one, dashboard(folder) as ours, chromium() as browser:
        here = Installation(load_settings({"volume": str(folder / "volume")}))
        for number in range(RUNS):
            record(here, number)
        plain_s = _median_rerun_s(browser, one, _switch)
        for name, change in CHANGES.items():
            compare(f"rerun: {name}", plain_s, _median_rerun_s(browser, ours, change), "at most 2")
        for name, (path, change) in PAGES.items():
            again_s = _median_rerun_s(browser, ours + path, change)
            compare(f"rerun: {name}", plain_s, again_s, "at most 2")


def click_to_run(folder: Path) -> None:
    """Measure from a click on Launch until the run's own page shows the run."""
    with _plain(folder) as one, dashboard(folder) as url, chromium() as browser:
        limit_s = 4 * _median_rerun_s(browser, one, _switch) + 0.5
        named, shown = [], []
        for _ in range(3):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(url)
            button = page.get_by_role("button", name="Launch").last
            button.wait_for()  # the first paint has the pickers only
            _settle(page)
            begin = time.perf_counter()
            button.click()
            page.wait_for_function("() => location.search.includes('run=')")
            named.append(time.perf_counter() - begin)
            page.get_by_text("queued").or_(page.get_by_text("running")).first.wait_for()
            shown.append(time.perf_counter() - begin)
            page.close()
        limit = f"at most {limit_s:.2f} s: 4 plain reruns and 0.5 s"
        say("click on Launch until the run's id is in the address", named, limit)
        say("click on Launch until the run is visible", shown, limit)
    _stop_runs(folder)


def _median_rerun_s(browser: Browser, url: str, change: Change) -> float:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(url)
    if "?" not in url and not url.endswith("/runs"):
        page.get_by_text(TUNE, exact=True).wait_for()  # the first paint has the pickers only
    page.wait_for_timeout(4000)  # what is loaded ahead is there
    _settle(page)
    values = [_rerun_s(page, change, turn) for turn in range(2 * ROUNDS + 1)]
    page.close()
    return median(values[1:])


def _switch(page: Page, _: int) -> None:
    page.get_by_text(TUNE, exact=True).click()


def _setting(page: Page, turn: int) -> None:
    epochs = page.get_by_label(re.compile("^epochs")).first
    epochs.fill(str(100 + turn))
    epochs.press("Enter")


def _view(page: Page, turn: int) -> None:
    page.get_by_role("radio", name=("loss", "augmentation")[turn % 2]).click()


def _picker(page: Page, turn: int) -> None:
    model = page.get_by_label("Model", exact=True)
    model.fill(f"yolov8{'sm'[turn % 2]}-scratch")
    model.press("Enter")


CHANGES = {
    "a switch": _switch,
    "a setting": _setting,
    "a picker": _picker,
    "another view of the settings": _view,
}


def _archived(page: Page, _: int) -> None:
    page.get_by_text("Archived", exact=True).click()


def _tab(page: Page, turn: int) -> None:
    page.get_by_role("tab", name=("Settings", "Files")[turn % 2]).click()


def _all(page: Page, _: int) -> None:
    page.get_by_text("all", exact=True).first.click()


RUN = f"run?run={launch_id(0)}"
COMPARED = f"compare?runs={launch_id(0)},{launch_id(1)}"
PAGES: dict[str, tuple[str, Change]] = {
    "a switch of the Runs page": ("runs", _archived),
    "another tab of the Run page": (RUN, _tab),
    "a switch of the Compare page": (COMPARED, _all),
}


def _rerun_s(page: Page, change: Change, turn: int) -> float:
    page.evaluate(_WATCH_RERUN)
    change(page, turn)
    page.wait_for_function("() => window.rerunMs !== undefined")
    elapsed_ms: float = page.evaluate("() => window.rerunMs")
    _settle(page)
    return elapsed_ms / 1000


_WATCH_RERUN = """() => {
    const app = document.querySelector('[data-testid=stApp]');
    window.rerunMs = undefined;
    let begin = 0;
    const note = event => {
        if (event.type === 'click' || event.key === 'Enter') begin = performance.now();
    };
    for (const type of ['click', 'keydown']) document.addEventListener(type, note, {capture: true});
    const observer = new MutationObserver(changes => {
        const ran = changes.some(change => change.oldValue === 'running');
        if (ran && app.dataset.testScriptState === 'notRunning') {
            window.rerunMs = performance.now() - begin;
            observer.disconnect();
            for (const type of ['click', 'keydown'])
                document.removeEventListener(type, note, {capture: true});
        }
    });
    const filter = {attributeOldValue: true, attributeFilter: ['data-test-script-state']};
    observer.observe(app, filter);
}"""


def _paint(browser: Browser, url: str, shown: str) -> float:
    """Open a page with an empty cache and give the time until it shows what it should."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    begin = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_function(shown, polling="raf", timeout=60_000)
    elapsed_s = time.perf_counter() - begin
    _settle(page)
    context.close()
    return elapsed_s


def _settle(page: Page) -> None:
    page.wait_for_function(f"() => {SCRIPT_STATE} === 'notRunning'")
    page.wait_for_timeout(700)


def _stop_runs(folder: Path) -> None:
    from pipeline.actions.runs import change
    from pipeline.core.settings import load_settings

    here = Installation(
        load_settings({"volume": str(folder / "volume"), "state": str(folder / "state")})
    )
    ours = [path.name for path in (here.settings.volume / "runs").iterdir()]
    for launch in ours:
        change.stop(here, launch)
    for launch in ours:
        change.delete(here, launch)  # waits for the end


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give Debian's browser."""
    path = shutil.which("chromium")
    if path is None:
        sys.exit("The benchmark needs Debian's chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _plain(folder: Path) -> Iterator[str]:
    file = folder / "switch.py"
    file.write_text(SWITCH)
    with _app(_script(file), folder) as url:
        yield url


@contextmanager
def dashboard(folder: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Give the address of a dashboard with the sample, and with more in its environment."""
    write_sample(folder / "volume")
    with _app(["dashboard"], folder, more or {}) as url:
        yield url


def _script(file: Path) -> list[str]:
    return ["streamlit", "run", str(file)]


@contextmanager
def _app(module: list[str], folder: Path, more: Mapping[str, str] | None = None) -> Iterator[str]:
    port = free_port("127.0.0.1")
    chosen = {"SLIPWAY_VOLUME": str(folder / "volume"), "SLIPWAY_STATE": str(folder / "state")}
    app = start_guarded(
        [sys.executable, "-m", *module, "--server.port", str(port)],
        log=folder / f"server-{port}.log",
        environment={**os.environ, **chosen, **(more or {})},
        folder=ROOT,
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/"
    finally:
        stop_guarded(app)
