from pathlib import Path

import pytest

from pipeline.core.errors import UsageError
from pipeline.core.settings import Settings, load_settings
from pipeline.engines.local.steps.environment import settings_environment


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("volume: /from-file\nuser: file-user\njob_slots: 3\nuser_header: x-user\n")
    environment = {
        "SLIPWAY_SETTINGS": str(file),
        "SLIPWAY_VOLUME": "/from-environment",
        "SLIPWAY_USER": "environment-user",
    }
    settings = load_settings({"volume": "/from-flag"}, environment)
    assert settings.volume == Path("/from-flag")
    assert settings.user == "environment-user"
    assert settings.job_slots == 3
    assert settings.engine == "local"


def test_paths_are_absolute_and_empty_values_count_as_not_given(monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"volume": ""}, {"SLIPWAY_STATE": "s", "SLIPWAY_DATA_ROOTS": "a:b"})
    assert settings.volume == tmp_path / "volume"
    assert settings.state == tmp_path / "s"
    assert settings.data_roots == (tmp_path / "a", tmp_path / "b")


def test_names_that_weights_may_use_reach_the_steps_as_they_are() -> None:
    given = {"SLIPWAY_WEIGHTS_ALLOW": " mine.layers.Head, torch.hub.load ,"}
    settings = load_settings({}, given)
    assert settings.weights_allow == ("mine.layers.Head", "torch.hub.load")
    variables = settings_environment(settings)
    assert load_settings({}, variables).weights_allow == settings.weights_allow
    for wrong in ("Head", "mine.*", "mine layers.Head", "a..b"):
        with pytest.raises(UsageError, match="SLIPWAY_WEIGHTS_ALLOW"):
            load_settings({}, {"SLIPWAY_WEIGHTS_ALLOW": wrong})


@pytest.mark.parametrize("address", ["http://[bad", "http://host:many", "http://host:99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="MLFLOW_TRACKING_URI"):
        load_settings({}, {"MLFLOW_TRACKING_URI": address})


@pytest.mark.parametrize("address", ["http://127.0.0.1:5000", "sqlite:////tmp/a b.db", "/mlruns"])
def test_addresses_of_services_and_files_are_kept(address: str) -> None:
    assert load_settings({}, {"MLFLOW_TRACKING_URI": address}).tracking_uri == address


def test_weights_are_fetched_from_the_web_only() -> None:
    with pytest.raises(UsageError, match=r"SLIPWAY_WEIGHTS_URL is 'ftp://mirror', not http"):
        load_settings({}, {"SLIPWAY_WEIGHTS_URL": "ftp://mirror"})


def test_what_nobody_sets_is_as_the_fields_say(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings({}, {}) == Settings()
    assert Settings().volume == tmp_path / "volume"


def test_allowed_hosts_are_separated_by_commas(tmp_path: Path) -> None:
    assert load_settings({}, {}).allowed_hosts == ()
    given = load_settings({"allowed_hosts": ",a.example, b.example:8443,,"}, {})
    assert given.allowed_hosts == ("a.example", "b.example:8443")
    file = tmp_path / "settings.yaml"
    file.write_text("allowed_hosts: [a.example, b.example]\n")
    assert load_settings({}, {"SLIPWAY_SETTINGS": str(file)}).allowed_hosts == (
        "a.example",
        "b.example",
    )


def test_every_wrong_value_is_named_at_once() -> None:
    environment = {
        "SLIPWAY_ENGINE": "slurm",
        "SLIPWAY_GPU_SLOTS": "many",
        "SLIPWAY_JOB_SLOTS": "0",
    }
    with pytest.raises(UsageError) as caught:
        load_settings({}, environment)
    for part in ("'slurm'", "local, kubeflow", "'many'", "'0'"):
        assert part in str(caught.value)


def test_kubeflow_needs_an_endpoint() -> None:
    with pytest.raises(UsageError, match="KFP_ENDPOINT"):
        load_settings({}, {"SLIPWAY_ENGINE": "kubeflow"})


def test_an_unknown_key_of_the_file_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("user: kim\nvolumes: /x\n")
    with pytest.raises(UsageError, match=r"settings\.yaml:2.*volumes"):
        load_settings({}, {"SLIPWAY_SETTINGS": str(file)})


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_settings({}, {"SLIPWAY_SETTINGS": str(tmp_path / "none.yaml")})


def test_an_endpoint_offers_both_engines_and_local_stays_the_default() -> None:
    assert load_settings({}, {}).engines == ("local",)
    settings = load_settings({}, {"KFP_ENDPOINT": "http://kfp:8888"})
    assert (settings.engine, settings.engines) == ("local", ("local", "kubeflow"))


def test_engines_are_named_in_order_and_the_first_is_the_default() -> None:
    given = {"KFP_ENDPOINT": "http://kfp:8888", "SLIPWAY_ENGINES": "kubeflow, local,kubeflow"}
    settings = load_settings({}, given)
    assert (settings.engine, settings.engines) == ("kubeflow", ("kubeflow", "local"))
    only = load_settings({"engine": "local"}, {**given, "SLIPWAY_ENGINES": "kubeflow"})
    assert (only.engine, set(only.engines)) == ("local", {"local", "kubeflow"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SLIPWAY_ENGINES", "local,slurm", "'slurm'"),
        ("SLIPWAY_ENGINES", "local,kubeflow", "KFP_ENDPOINT is not set"),
        ("KFP_ENDPOINT", "http://kfp:many", "KFP_ENDPOINT is 'http://kfp:many'"),
    ],
)
def test_engines_that_cannot_be_are_refused(name: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_settings({}, {name: value})


def test_the_cluster_is_read_from_the_environment_and_its_secrets_are_not_shown() -> None:
    given = {
        "KFP_ENDPOINT": "http://kfp:8888",
        "KFP_NAMESPACE": "team",
        "KFP_TOKEN": "t0ken",
        "KFP_COOKIE": "authservice_session=c00kie",
        "SLIPWAY_SECRET": "team-slipway",
    }
    settings = load_settings({}, given)
    assert (settings.kfp_namespace, settings.secret_name) == ("team", "team-slipway")
    assert (settings.kfp_token, settings.kfp_cookie) == ("t0ken", "authservice_session=c00kie")
    assert "t0ken" not in repr(settings) and "c00kie" not in repr(settings)


@pytest.mark.parametrize("engines", ["", "local", "kubeflow,local"])
def test_steps_of_the_local_engine_read_the_same_settings(tmp_path: Path, engines: str) -> None:
    given = {"KFP_ENDPOINT": "http://kfp:8888", "SLIPWAY_ENGINES": engines}
    settings = load_settings({"data_roots": f"{tmp_path}:/mnt"}, given)
    assert load_settings({}, settings_environment(settings)) == settings
