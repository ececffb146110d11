from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.access.hosts import parse_hosts
from pipeline.core.settings import ENVIRONMENT, Settings, load_settings
from pipeline.workflow import pods as pod_documents
from pipeline.workflow.compile import compile_workflow
from tests.kubernetes import api_schema
from tests.kubernetes.kustomization import FOLDER, INSTANCE, build, copy, one

SHARED = {
    "SLIPWAY_PVC_NAME": "coco-on-nas",
    "SLIPWAY_PVC_STORAGE_CLASS": "nfs",
    "SLIPWAY_PVC_ACCESS_MODE": "ReadWriteMany",
    "SLIPWAY_PVC_SIZE": "2Ti",
}


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    return build()


def settings_of(objects: list[dict[str, Any]]) -> Settings:
    """The settings that the dashboard's container is given."""
    pod = one(objects, "Deployment", "slipway")["spec"]["template"]["spec"]
    container = pod["containers"][0]
    name = next(x["configMapRef"]["name"] for x in container["envFrom"] if "configMapRef" in x)
    fixed = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    return load_settings(environment={**one(objects, "ConfigMap", name)["data"], **fixed})


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        entry["metadata"]["name"]: entry["spec"]["template"]["spec"]
        for entry in objects
        if entry["kind"] == "Deployment"
    }


def test_every_object_fits_the_api(tmp_path: Path) -> None:
    objects = build(copy(tmp_path, {}, nodes=True))
    assert [line for entry in objects for line in api_schema.mistakes(entry)] == []
    assert {"ClusterRole", "ClusterRoleBinding"} < {entry["kind"] for entry in objects}


def test_the_check_finds_what_the_api_would_refuse(objects: list[dict[str, Any]]) -> None:
    deployment = one(objects, "Deployment", "slipway")
    text = yaml.safe_dump(deployment)
    for right, wrong in (
        ("runAsNonRoot", "runAsNonroot"),
        ("replicas: 1", "replicas: one"),
        ("mountPath: /data", "subPath: data"),
        ("sizeLimit: 1Gi", "sizeLimit: 1"),
    ):
        assert text.count(right) > 0
        assert api_schema.mistakes(yaml.safe_load(text.replace(right, wrong))), wrong


@pytest.mark.parametrize("changed", [{}, SHARED], ids=["as it is", "changed"])
def test_manifest_and_pipeline_apply_the_same_claim(
    tmp_path: Path, changed: dict[str, str]
) -> None:
    objects = build(copy(tmp_path, changed))
    settings = settings_of(objects)
    templates = compile_workflow(settings)["spec"]["templates"]
    volume_op = next(entry for entry in templates if entry["name"] == "volume-mount")
    applied = yaml.safe_load(volume_op["resource"]["manifest"])
    claim = one(objects, "PersistentVolumeClaim", settings.pvc_name)
    assert claim["metadata"].pop("namespace") == "kubeflow"
    assert claim == applied
    volumes = pods(objects)["slipway"]["volumes"]
    mounted = next(entry for entry in volumes if entry["name"] == "volume")
    assert mounted["persistentVolumeClaim"]["claimName"] == settings.pvc_name


def test_the_settings_are_the_defaults_of_a_cluster(objects: list[dict[str, Any]]) -> None:
    settings, defaults = settings_of(objects), Settings(Path("/data"), Path("/state"))
    assert (settings.engine, settings.engines) == ("kubeflow", ("kubeflow",))
    for name in ("pvc_name", "pvc_storage_class", "pvc_access_mode", "pvc_size", "secret_name"):
        assert getattr(settings, name) == getattr(defaults, name), name
    secrets = re.findall(r"'(?:secretRef|secretKeyRef)': {[^}]*'name': '(\w+)'", str(objects))
    assert secrets
    assert set(secrets) == {settings.secret_name}


def test_every_setting_that_the_file_offers_is_one() -> None:
    text = (FOLDER / "settings.env").read_text()
    names = re.findall(r"^#?([A-Z_0-9]+)=", text, re.MULTILINE)
    assert names
    assert set(names) <= set(ENVIRONMENT.values())


def test_pods_are_as_restricted_as_kubernetes_knows(objects: list[dict[str, Any]]) -> None:
    """The Pod Security Standard "restricted", and a root file system that nobody writes to."""
    assert set(pods(objects)) == {"slipway", "mlflow"}
    for pod in pods(objects).values():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        context = pod["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["fsGroup"]) == (
            True,
            1000,
            1000,
        )
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
        kinds = {key for volume in pod["volumes"] for key in volume} - {"name"}
        assert kinds <= {"persistentVolumeClaim", "emptyDir", "projected"}


def test_every_container_is_watched_and_has_its_memory(
    objects: list[dict[str, Any]],
) -> None:
    for pod in pods(objects).values():
        (container,) = pod["containers"]
        paths = {
            container[f"{kind}Probe"]["httpGet"]["path"]
            for kind in ("startup", "readiness", "liveness")
        }
        assert paths <= {"/_stcore/health", "/health"}
        assert container["resources"]["requests"]["memory"]
        assert container["resources"]["limits"]["memory"]


def test_the_token_lies_where_kfp_looks_for_it(objects: list[dict[str, Any]]) -> None:
    from kfp import auth

    pod = pods(objects)["slipway"]
    volume = next(entry for entry in pod["volumes"] if "projected" in entry)
    (source,) = volume["projected"]["sources"]
    mounts = pod["containers"][0]["volumeMounts"]
    folder = next(entry["mountPath"] for entry in mounts if entry["name"] == volume["name"])
    assert f"{folder}/{source['serviceAccountToken']['path']}" == auth.KF_PIPELINES_SA_TOKEN_PATH
    assert source["serviceAccountToken"]["audience"] == "pipelines.kubeflow.org"


def test_who_may_connect_is_said_of_every_pod_and_port(objects: list[dict[str, Any]]) -> None:
    policies = [entry for entry in objects if entry["kind"] == "NetworkPolicy"]
    proxies = {
        "key": "kubernetes.io/metadata.name",
        "operator": "In",
        "values": ["istio-system", "ingress-nginx"],
    }
    own_namespace = {}
    for policy in policies:
        selected = policy["spec"]["podSelector"]["matchLabels"]
        (deployment,) = [
            entry
            for entry in objects
            if entry["kind"] == "Deployment"
            and selected.items() <= entry["spec"]["template"]["metadata"]["labels"].items()
        ]
        (rule,) = policy["spec"]["ingress"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        assert [port["port"] for port in rule["ports"]] == [
            port["name"] for port in container["ports"]
        ]
        expressions = [
            entry["namespaceSelector"]["matchExpressions"]
            for entry in rule["from"]
            if "namespaceSelector" in entry
        ]
        assert expressions == [[proxies]]
        own_namespace[deployment["metadata"]["name"]] = {"podSelector": {}} in rule["from"]
    assert own_namespace == {"slipway": False, "mlflow": True}


def test_servers_are_told_the_names_of_their_services(objects: list[dict[str, Any]]) -> None:
    for name, pod in pods(objects).items():
        (container,) = pod["containers"]
        (given,) = [
            word.partition("=")[2]
            for word in (*container.get("command", ()), *container.get("args", ()))
            if word.startswith("--allowed-hosts=")
        ]
        words = given.replace("$(SLIPWAY_ALLOWED_HOSTS)", "").replace("$(KFP_NAMESPACE)", "team-a")
        words = words.replace("$(MLFLOW_SERVER_ALLOWED_HOSTS)", "a.example")
        hosts = parse_hosts(words.replace("$(NAMESPACE)", "team-a").split(","))
        names = {host.name for host in hosts}
        for service in ("", ".team-a", ".team-a.svc", ".team-a.svc.cluster.local"):
            assert f"{name}{service}" in names
        assert not [host for host in hosts if "*" in host.name]


def test_an_uninstall_by_label_leaves_the_data(tmp_path: Path) -> None:
    for entry in build(copy(tmp_path, {}, nodes=True)):
        labels = entry["metadata"].get("labels", {})
        assert (labels.get(INSTANCE) == "slipway") == (entry["kind"] != "PersistentVolumeClaim")


def test_a_second_installation_beside_the_first_shares_nothing(
    tmp_path: Path, objects: list[dict[str, Any]]
) -> None:
    other = build(copy(tmp_path, {"SLIPWAY_PVC_NAME": "other"}, suffix="-two", nodes=True))
    names = [{(x["kind"], x["metadata"]["name"]) for x in each} for each in (objects, other)]
    assert not names[0] & names[1]
    selected = [
        yaml.safe_dump(entry["spec"]["selector"])
        for entry in (*objects, *other)
        if entry["kind"] == "Service"
    ]
    assert len(set(selected)) == len(selected) == 4


def test_the_guide_names_settings_that_exist() -> None:
    text = (FOLDER.parents[1] / "docs" / "kubeflow.md").read_text()
    names = set(re.findall(r"\b(?:SLIPWAY|KFP|MLFLOW|AWS)_[A-Z0-9_]+", text))
    allowed = {*ENVIRONMENT.values(), *pod_documents.CREDENTIALS, "MLFLOW_SERVER_ALLOWED_HOSTS"}
    assert names - allowed == set()
