"""The manifests on a real cluster, beside what may be installed there; nothing of it stays."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import tarfile
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.core.version import image_name
from pipeline.engines.kubeflow.connect import POD_TOKEN
from tests.kfp_backend import NAMESPACE, kfp_endpoint
from tests.kubernetes.kustomization import FOLDER, INSTANCE, build, copy
from tests.waiting import until

__all__ = ["kfp_endpoint"]
pytestmark = [pytest.mark.kubeflow, pytest.mark.timeout(600)]

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "kubeflow.md"
SUFFIX = f"-test-{secrets.token_hex(3)}"  # two who test on one cluster do not meet
CLAIM = f"slipway-volume{SUFFIX}"
STACK_HOME = Path(os.environ.get("SLIPWAY_KFP_HOME", Path.home() / ".cache" / "slipway-kfp"))
KUBECTL = (
    shutil.which("kubectl", path=f"{STACK_HOME / 'bin'}{os.pathsep}{os.environ['PATH']}")
    or "kubectl",
    *("--kubeconfig", os.environ.get("KUBECONFIG") or str(STACK_HOME / "kubeconfig")),
    *("--namespace", NAMESPACE),
)
S3 = {
    "bucket": "mlpipeline",
    "prefix": f"slipway{SUFFIX}",
    "url": "http://minio-service.kubeflow:9000",
}
TRACK = """
import boto3, json, mlflow, pathlib, sys
s3 = json.loads(sys.argv[1])
pathlib.Path("/tmp/note.txt").write_text("kept")
mlflow.set_experiment("from-a-pod")
with mlflow.start_run() as run:
    mlflow.log_metric("fitness", 0.5)
    mlflow.log_artifact("/tmp/note.txt")
print(mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt"))
bucket = boto3.resource("s3", endpoint_url=s3["url"]).Bucket(s3["bucket"])
for thing in bucket.objects.filter(Prefix=s3["prefix"]):
    print(pathlib.Path(thing.key).name)
    thing.delete()
"""
ASK_BY_NAME = """
import sys, urllib.error, urllib.request
url = sys.argv[1] + "/api/2.0/mlflow/experiments/search?max_results=1"
for name in sys.argv[2:]:
    try:
        print(urllib.request.urlopen(urllib.request.Request(url, headers={"Host": name})).status)
    except urllib.error.HTTPError as reason:
        print(reason.code)
"""


@dataclass(frozen=True)
class Installed:
    """The dashboard and MLflow, both ready.

    Parameters
    ----------
    mlflow
        MLflow's address by its pod: the stack has nobody who serves addresses of Services.
    dry_run
        What the API server said to the manifests before there was anything.
    """

    mlflow: str
    dry_run: str

    def inside(self, *command: str, stdin: bytes | None = None) -> str:
        """Run a command in the dashboard's container."""
        interactive = ["-i"] if stdin is not None else []
        words = ["exec", *interactive, f"deployment/slipway{SUFFIX}", "--", *command]
        return kubectl(*words, stdin=stdin)

    def slipway(self, *words: str) -> Any:
        return json.loads(self.inside("slipway", *words, "--json"))


@pytest.fixture(scope="module")
def installed(kfp_endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("manifests") / "kubernetes"
    settings = {"SLIPWAY_PVC_NAME": CLAIM, "SLIPWAY_PVC_SIZE": "1Gi"}
    try:
        render(folder, settings)
        create_secret()
        dry_run = kubectl("apply", "--dry-run=server", "-f", str(folder / "all.yaml"))
        kubectl("apply", "-f", str(folder / "all.yaml"))
        mlflow = f"http://{pod_address('mlflow')}:5000"
        render(folder, {**settings, "MLFLOW_TRACKING_URI": mlflow})
        kubectl("apply", "-f", str(folder / "all.yaml"))
        for name in ("mlflow", "slipway"):
            kubectl("rollout", "status", f"deployment/{name}{SUFFIX}", "--timeout=240s")
        yield Installed(mlflow, dry_run)
    finally:
        remove()


def test_the_api_server_takes_every_object(installed: Installed) -> None:
    lines = installed.dry_run.splitlines()
    assert len(lines) == len(build(FOLDER)) + 2  # node-reader's
    assert {line.partition(" ")[2] for line in lines} == {"created (server dry run)"}


def test_the_pod_reads_the_volume(installed: Installed) -> None:
    found = installed.slipway("ls")
    assert "data-custom.yaml" in [entry["path"] for entry in found["datasets"]]


def test_data_goes_in_as_the_guide_says(installed: Installed) -> None:
    content = b"epochs: 3\n"
    archive = BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("cfg-mine.yaml")
        entry.size = len(content)
        tar.addfile(entry, BytesIO(content))
    installed.inside("tar", "x", "-C", "/data", stdin=archive.getvalue())
    assert "cfg-mine.yaml" in [entry["path"] for entry in installed.slipway("ls")["cfgs"]]


def test_only_what_is_mounted_can_be_written(installed: Installed) -> None:
    probe = (
        "for f in /data /state /tmp /app /usr; do touch $f/probe 2>/dev/null && echo $f; done; true"
    )
    assert installed.inside("sh", "-c", f"id -u; {probe}").split() == [
        "1000",
        "/data",
        "/state",
        "/tmp",
    ]


def test_the_account_may_look_and_not_touch(installed: Installed) -> None:
    account = f"--as=system:serviceaccount:{NAMESPACE}:slipway{SUFFIX}"

    def may(*words: str) -> bool:
        return kubectl("auth", "can-i", *words, account, codes=(0, 1)).strip() == "yes"

    assert may("list", "events")
    assert may("list", "nodes")
    for words in (
        ("create", "pods"),
        ("create", "pods", "--subresource=exec"),
        ("get", "secrets"),
        ("get", "configmaps"),
        ("delete", "persistentvolumeclaims"),
        ("list", "events", "--namespace=default"),
    ):
        assert not may(*words), words


def test_the_pod_has_a_token_for_the_kfp_api_only(installed: Installed) -> None:
    payload = installed.inside("cat", str(POD_TOKEN)).split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    assert claims["aud"] == ["pipelines.kubeflow.org"]
    assert claims["sub"] == f"system:serviceaccount:{NAMESPACE}:slipway{SUFFIX}"


def test_the_doctor_finds_nothing_wrong(installed: Installed) -> None:
    checks = installed.slipway("doctor")["checks"]
    assert [entry for entry in checks if not entry["ok"]] == []


def test_mlflow_keeps_artifacts_in_s3_and_answers_to_its_names_only(installed: Installed) -> None:
    said = installed.inside("python", "-c", TRACK, json.dumps(S3)).split()
    assert said[-2:] == ["kept", "note.txt"]
    names = ("mlflow:5000", "mlflow.kubeflow.svc.cluster.local:5000", "elsewhere.example")
    codes = installed.inside("python", "-c", ASK_BY_NAME, installed.mlflow, *names)
    assert codes.split() == ["200", "200", "403"]


def test_a_run_that_the_pod_starts_is_shown_on_its_page(installed: Installed) -> None:
    launch = installed.slipway("launch", "--no-train", "--model", "yolov8n-scratch.yaml")["launch"]
    try:
        run = finished(installed, launch)
        said = [f"{step['name']} {step['state']} {step['message']}" for step in run["steps"]]
        assert (run["engine"], run["state"]) == ("kubeflow", "succeeded"), "\n".join(said)
        states = {step["name"]: step["state"] for step in run["steps"]}
        assert states["plot"] == "succeeded"
        assert states["train"] == "skipped"
        assert installed.inside("slipway", "logs", launch, "distribution").strip()
        with forwarded(f"service/slipway{SUFFIX}", 80) as url:
            assert launch in page_text(f"{url}/run?run={launch}", r"plot\W+done")
    finally:
        installed.slipway("delete", launch)


def finished(installed: Installed, launch: str) -> dict[str, Any]:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        run: dict[str, Any] = installed.slipway("show", launch)
        if run["state"] not in ("pending", "running"):
            return run
        time.sleep(2)
    pytest.fail(f"still {run['state']}: {run['steps']}")


def create_secret() -> None:
    """Give MLflow and the dashboard the keys of KFP's own S3."""
    given = json.loads(kubectl("get", "secret", "mlpipeline-minio-artifact", "-o", "json"))["data"]
    keys = {"AWS_ACCESS_KEY_ID": "accesskey", "AWS_SECRET_ACCESS_KEY": "secretkey"}
    words = [
        f"--from-literal={key}={b64decode(given[name]).decode()}" for key, name in keys.items()
    ]
    kubectl("create", "secret", "generic", f"slipway{SUFFIX}", *words)


def render(folder: Path, settings: dict[str, str]) -> None:
    """Write what `kubectl apply -k` would apply; this cluster's kubectl may be too old for it."""
    shutil.rmtree(folder, ignore_errors=True)
    copy(folder, settings, suffix=SUFFIX, nodes=True)
    for path in (folder / "dashboard.yaml", folder / "mlflow" / "mlflow.yaml"):
        text = path.read_text()
        path.write_text(re.sub(r"(secret(?:Key)?Ref: {name: slipway)", rf"\1{SUFFIX}", text))
    mlflow = folder / "mlflow" / "settings.env"
    text = mlflow.read_text().replace("=/mlflow/artifacts", f"=s3://{S3['bucket']}/{S3['prefix']}")
    mlflow.write_text(f"{text}\nMLFLOW_S3_ENDPOINT_URL={S3['url']}\n")
    top = folder / "kustomization.yaml"
    dashboard, _, tag = image_name("dashboard").partition(":")
    top.write_text(re.sub(r"newTag: .*", f"newTag: {tag}", top.read_text()))
    assert f"name: {dashboard}" in top.read_text()
    (folder / "all.yaml").write_text(yaml.safe_dump_all(build(folder)))


def kubectl(*words: str, stdin: bytes | None = None, codes: tuple[int, ...] = (0,)) -> str:
    command = [*KUBECTL, *words]
    done = subprocess.run(command, capture_output=True, input=stdin, timeout=280)
    said = done.stderr.decode(errors="replace")
    assert done.returncode in codes, f"{words}: {said}\n{done.stdout.decode(errors='replace')}"
    return done.stdout.decode()


def pod_address(name: str) -> str:
    """Wait until the pod of a Deployment has an address."""
    labels = f"app.kubernetes.io/name={name},{INSTANCE}=slipway{SUFFIX}"
    ask = ("get", "pods", "-l", labels, "-o", "jsonpath={.items[*].status.podIP}")
    return until(lambda: kubectl(*ask), f"{labels} has no address", every_s=0.5)


def remove() -> None:
    """Uninstall by the guide's own commands, less those for claims, whose names differ here."""
    section = GUIDE.read_text().partition("## Uninstall")[2]
    commands = re.findall(rf"^kubectl (.* -l {INSTANCE}=slipway)\b", section, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        kubectl(*shlex.split(command + SUFFIX))
    kubectl("delete", "secret", f"slipway{SUFFIX}", "--ignore-not-found")
    claims = (CLAIM, f"slipway-state{SUFFIX}", f"slipway-mlflow{SUFFIX}")
    kubectl("delete", "persistentvolumeclaim", "--ignore-not-found", "--timeout=240s", *claims)


@contextmanager
def forwarded(target: str, port: int) -> Iterator[str]:
    command = [*KUBECTL, "port-forward", target, f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            process.terminate()


def page_text(url: str, awaited: str) -> str:
    """Give what a browser shows, once the pattern is in it."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        try:
            page = chromium.new_page()
            page.goto(url)
            expect(page.locator("body")).to_contain_text(re.compile(awaited), timeout=60_000)
            return page.inner_text("body")
        finally:
            chromium.close()
