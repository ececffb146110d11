from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli.main import main
from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]


def test_sample_writes_a_volume_and_says_where(tmp_path: Path, cli: Cli) -> None:
    said = cli("sample", str(tmp_path / "new"), "--images", "12", "--json")
    assert (said.code, said.json) == (0, {"volume": str(tmp_path / "new")})
    assert (tmp_path / "new" / "cfg-custom.yaml").is_file()


def test_a_sample_that_cannot_be_written_is_not_acceptable(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").touch()
    said = cli("sample", str(tmp_path / "file"), "--json")
    assert (said.code, said.json["findings"][0]["severity"]) == (3, "error")


def test_ls_offers_the_sample_first(cli: Cli, volume: Path) -> None:
    (volume / "aaa.pt").write_bytes(b"x")
    (volume / "a-cfg.yaml").write_text("epochs: 1\n")
    said = cli("ls", "--json")
    assert said.code == 0
    assert set(said.json) == {"models", "cfgs", "datasets"}
    assert said.json["models"][0]["name"] == "yolov8n-scratch.yaml"
    assert {"name": "aaa.pt", "path": "aaa.pt", "bytes": 1} in said.json["models"]
    assert [cfg["name"] for cfg in said.json["cfgs"]] == ["cfg-custom", "a-cfg"]
    assert set(cli("ls", "cfgs", "--json").json) == {"cfgs"}


def test_ls_of_a_volume_that_is_not_there_is_not_an_empty_list(tmp_path: Path) -> None:
    assert main(["ls", "--volume", str(tmp_path / "none")]) == 5


def test_inspect_counts_classes_by_split(cli: Cli) -> None:
    said = cli("inspect", "data-custom", "--json")
    assert said.code == 0
    assert said.json["names"] == {"0": "circle", "1": "square", "2": "star"}
    train = said.json["splits"]["train"]
    assert {"images", "labels", "backgrounds", "instances", "dropped"} <= set(train)
    assert sum(entry["instances"] for entry in train["classes"].values()) == train["instances"]


def test_inspect_of_a_missing_yaml_is_not_acceptable(cli: Cli) -> None:
    said = cli("inspect", "nothing", "--json")
    assert said.code == 3
    assert "nothing" in said.json["error"]["message"]
    assert [entry["severity"] for entry in said.json["findings"]] == ["error"]


def test_inspect_of_a_broken_yaml_names_file_and_line(cli: Cli, volume: Path) -> None:
    (volume / "data-broken.yaml").write_text("path: .\ntrain: [a\nnames: {0: a}\n")
    said = cli("inspect", "data-broken", "--json")
    assert said.code == 3
    assert any(entry["where"].startswith("data-broken.yaml:") for entry in said.json["findings"])


def test_preflight_of_the_sample_is_fine(cli: Cli) -> None:
    said = cli("preflight", "--model", "yolov8n-scratch.yaml", "--json")
    assert (said.code, said.json["ok"]) == (0, True)
    assert said.json["resolved"]["model_path"] == "yolov8-scratch.yaml"


def test_preflight_gathers_every_mistake(cli: Cli) -> None:
    said = cli("preflight", "--model", "../x", "--set", "epoch=3", "--data", "none", "--json")
    assert (said.code, said.json["ok"]) == (3, False)
    assert set(said.json["resolved"]) >= {"model_path", "cfg_yaml", "data_yaml"}
    places = {entry["where"] for entry in said.json["findings"] if entry["severity"] == "error"}
    assert {"model", "data", "overrides.epoch"} <= places


def test_a_person_reads_the_same(cli: Cli) -> None:
    said = cli("preflight", "--model", "none")
    assert said.code == 3
    assert "model 'none'" in said.out
    assert "error" in said.out


def test_an_error_with_json_is_one_document(cli: Cli) -> None:
    said = cli("show", "none", "--json")
    assert said.code == 5
    assert "none" in said.json["error"]["message"]
    assert said.err == ""


def test_an_error_for_a_person_is_on_stderr(cli: Cli) -> None:
    said = cli("show", "none")
    assert (said.code, said.out) == (5, "")
    assert said.err.startswith("error: ")


def test_settings_that_are_wrong_are_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_ENGINE", "steam")
    assert main(["ls"]) == 2


def test_doctor_names_every_check(cli: Cli) -> None:
    said = cli("doctor", "--json")
    names = {check["name"] for check in said.json["checks"]}
    assert {"volume", "state", "engine", "tracking", "gpu", "packages"} <= names
    assert all({"ok", "detail", "next"} <= set(check) for check in said.json["checks"])
    assert said.json["ok"] == all(check["ok"] for check in said.json["checks"])


def test_doctor_looks_at_all_else_when_the_state_is_no_folder(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "file").touch()
    said = cli("doctor", "--json", "--state", str(tmp_path / "file" / "state"))
    failed = {check["name"] for check in said.json["checks"] if not check["ok"]}
    assert (said.code, failed) == (6, {"state", "engine", "tracking"})


def test_doctor_says_what_to_do_about_a_missing_volume(
    tmp_path: Path, state: Path, cli: Cli
) -> None:
    said = cli("doctor", "--json", "--volume", str(tmp_path / "none"))
    check = next(entry for entry in said.json["checks"] if entry["name"] == "volume")
    assert said.code != 0
    assert not check["ok"]
    assert "sample" in check["next"]


def test_it_runs_as_a_module_and_opens_without_heavy_imports(volume: Path, state: Path) -> None:
    program = (
        "import sys; from pipeline.cli.main import main; code = main(sys.argv[1:]); "
        "print(sorted({'torch', 'kfp', 'mlflow', 'streamlit', 'polars', 'numpy'} "
        "& set(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    words = ["ls", "--json", "--volume", str(volume), "--state", str(state)]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    assert json.loads(done.stdout)["cfgs"]


def test_a_reader_that_leaves_early_is_no_failure(volume: Path, state: Path) -> None:
    words = ["ls", "--json", "--volume", str(volume), "--state", str(state)]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        cwd=ROOT,
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write_end)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0


_WORDS = st.one_of(
    st.sampled_from(
        [
            "ls",
            "inspect",
            "preflight",
            "runs",
            "show",
            "logs",
            "stop",
            "compare",
            "track",
            "history",
            "diff",
            "restore",
            "cfg-custom.yaml",
            "--json",
            "--set",
            "--model",
            "--data",
            "--cfg",
            "--limit",
            "--gpus",
            "--no-train",
        ]
    ),
    st.text(max_size=8),
)


@given(words=st.lists(_WORDS, max_size=5))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_words_make_a_traceback(
    words: list[str], sample_volume: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if {"-h", "--help"} & set(words):
        return  # argparse prints help and exits
    code = main(["--volume", str(sample_volume), "--state", str(state), *words])
    out, err = capsys.readouterr()
    assert code in (0, 2, 3, 4, 5, 6), (words, out, err)
    assert "Traceback" not in out + err
    if "--json" in words and code not in (0, 2):
        json.loads(out)


def test_preflight_gives_advice(cli: Cli) -> None:
    said = cli("preflight", "--model", "yolov8n-scratch.yaml", "--json")
    (entry,) = said.json["advice"]
    assert (entry["key"], entry["current"]) == ("epochs", 24) and entry["source"]
    told = cli("preflight", "--model", "yolov8n-scratch.yaml").out
    assert f"--set epochs={entry['value']} (now 24)" in told
    assert said.json["estimate"] == {"seconds": None, "runs": 0, "bytes": None}
