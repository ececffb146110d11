from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import services
from pipeline.actions.upkeep.shown_settings import shown_settings
from pipeline.actions.upkeep.volume_use import volume_use
from pipeline.core.settings import Settings
from tests.dashboard.pages import open_page, text_of


def script() -> None:
    from dashboard.errors import guarded
    from dashboard.views.system import page

    guarded(page.render)()


def open_system() -> AppTest:
    return open_page(script)


def settings_of(page: AppTest) -> dict[str, str]:
    table = page.dataframe[-1].value
    return dict(zip(table["setting"], table["value"], strict=True))


def add_run(volume: Path, name: str, weight_bytes: int) -> None:
    weights = volume / "runs" / name / "train" / "weights"
    weights.mkdir(parents=True)
    (weights / "best.pt").write_bytes(b"x" * weight_bytes)
    (weights.parent / "step.log").write_bytes(b"x" * 100)


def test_the_checks_say_what_works(installation: Path) -> None:
    text = text_of(open_system())
    assert ":green[✓ ok] **volume**" in text
    assert "Runs will be listed here" in text


def test_a_check_that_fails_comes_first_with_what_to_do(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_VOLUME", str(installation / "nowhere"))
    page = open_system()
    assert "failed" in page.subheader[0].value
    assert ":red[✕ failed]" in page.markdown[0].value
    assert "Run 'slipway sample" in page.markdown[0].value
    assert "no volume to measure" in text_of(page)


def test_runs_are_listed_by_what_deleting_them_frees(installation: Path) -> None:
    add_run(installation, "small", 1_000)
    add_run(installation, "large", 9_000)
    table = open_system().dataframe[0].value
    assert list(table["run"]) == ["large", "small"]
    assert list(table["deleting frees"]) == [9_100, 1_100]
    assert list(table["of it weights"]) == [9_000, 1_000]


def test_checking_again_measures_again(installation: Path) -> None:
    page = open_system()
    add_run(installation, "new", 1_000)
    page.button(key="check_again").click().run()
    assert list(page.dataframe[0].value["run"]) == ["new"]


def test_secrets_are_never_on_the_page(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFP_TOKEN", "hush-token")
    monkeypatch.setenv("SLIPWAY_WEBHOOK_URL", "http://127.0.0.1:9/hooks/hush-path")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:hush-word@127.0.0.1:9")
    shown = settings_of(open_system())
    assert shown["KFP_TOKEN"] == "set, hidden" and shown["KFP_COOKIE"] == ""
    assert shown["SLIPWAY_VOLUME"] == str(installation)
    assert "127.0.0.1" in shown["SLIPWAY_WEBHOOK_URL"]
    assert "hush" not in str(shown)


def test_every_setting_is_shown(volume: Path, state: Path) -> None:
    shown = shown_settings(Settings(volume, state, data_roots=(volume, state), job_slots=2))
    assert shown["SLIPWAY_DATA_ROOTS"] == f"{volume}:{state}"
    assert shown["SLIPWAY_JOB_SLOTS"] == "2" and shown["SLIPWAY_ENGINES"] == "local"


def test_use_of_a_volume_counts_files_of_any_depth(installation: Path) -> None:
    add_run(installation, "deep", 10)
    (use,) = volume_use(services.here()).runs
    assert (use.launch, use.bytes, use.weight_bytes) == ("deep", 110, 10)


def test_a_clean_up_says_what_it_frees(installation: Path) -> None:
    orphan = services.here().settings.state / "engine" / "runs" / "gone" / "train"
    orphan.mkdir(parents=True)
    (orphan / "output.log").write_bytes(bytes(2_000_000))
    text = text_of(open_system())
    assert "what was cut short while deleting takes 2.0 MB" in text
    assert "slipway clean --archived" in text
