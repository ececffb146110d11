"""Reading workflows: what is refused, by which name, and what is ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.engines.argo.document import read_document
from pipeline.engines.argo.expressions import Unresolved, fill, parse_when
from tests.engines.documents import step, workflow

Change = Callable[[dict[str, Any]], Any]


def document() -> dict[str, Any]:
    return workflow(
        step("verify", "true"),
        step("train", "true", inputs=["bool_train"]),
        parameters={"bool_train": "True"},
        conditions={"train": "bool_train"},
    )


def templates(changed: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry for entry in changed["spec"]["templates"]}


def container(changed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = templates(changed)["train"]["container"]
    return found


def tasks(changed: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = templates(changed)["exit-handler-1"]["dag"]["tasks"]
    return found


REFUSED: dict[str, tuple[Change, str]] = {
    "retries": (
        lambda d: templates(d)["train"].update(retryStrategy={"limit": 3}),
        "spec.templates[train].retryStrategy",
    ),
    "sidecar": (
        lambda d: templates(d)["train"].update(sidecars=[]),
        "spec.templates[train].sidecars",
    ),
    "time limit": (
        lambda d: d["spec"].update(activeDeadlineSeconds=10),
        "spec.activeDeadlineSeconds",
    ),
    "loop": (
        lambda d: tasks(d)[1].update(withItems=[1, 2]),
        "spec.templates[exit-handler-1].dag.tasks[verify].withItems",
    ),
    "config map": (
        lambda d: container(d)["env"].append(
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "a", "key": "b"}}}
        ),
        "spec.templates[train].container.env[A].valueFrom.configMapKeyRef",
    ),
    "part of a claim": (
        lambda d: container(d)["volumeMounts"][0].update(subPath="x"),
        "spec.templates[train].container.volumeMounts[volume-mount].subPath",
    ),
    "host path": (
        lambda d: templates(d)["train"]["volumes"].append({"name": "h", "hostPath": {"path": "/"}}),
        "spec.templates[train].volumes[h].hostPath",
    ),
    "other device": (
        lambda d: container(d).update(resources={"limits": {"amd.com/gpu": 1}}),
        "spec.templates[train].container.resources.limits.amd.com/gpu",
    ),
    "other resource": (
        lambda d: templates(d)["volume-mount"]["resource"].update(manifest="kind: Job"),
        "spec.templates[volume-mount].resource.manifest",
    ),
    "deleting": (
        lambda d: templates(d)["volume-mount"]["resource"].update(action="delete"),
        "spec.templates[volume-mount].resource",
    ),
    "script": (
        lambda d: templates(d)["train"].update(script={"source": "x"}),
        "spec.templates[train].script",
    ),
    "condition of two parts": (
        lambda d: tasks(d)[2].update(when='"a" == "a" && "b" == "b"'),
        "spec.templates[exit-handler-1].dag.tasks[condition-train].when",
    ),
    "depends with a state": (
        lambda d: tasks(d)[2].update(depends="verify.Failed"),
        "spec.templates[exit-handler-1].dag.tasks[condition-train].depends",
    ),
    "no command": (
        lambda d: container(d).pop("command"),
        "spec.templates[train].container.command",
    ),
    "unknown placeholder": (
        lambda d: container(d).update(args=["{{pod.name}}"]),
        "spec.templates[train].container",
    ),
    "expression": (
        lambda d: container(d).update(args=["{{=1 + 1}}"]),
        "spec.templates[train].container",
    ),
    "output of a later step": (
        lambda d: tasks(d)[1]["arguments"]["parameters"].append(
            {"name": "x", "value": "{{tasks.train.outputs.parameters.y}}"}
        ),
        "spec.templates[exit-handler-1].dag.tasks[verify]",
    ),
    "circle": (
        lambda d: tasks(d)[0].update(dependencies=["verify"]),
        "spec.templates[exit-handler-1].dag",
    ),
    "missing template": (
        lambda d: tasks(d)[1].update(template="bake"),
        "spec.templates[exit-handler-1].dag.tasks[verify].template",
    ),
    "template in itself": (
        lambda d: tasks(d)[1].update(template="shapes"),
        "spec.templates[exit-handler-1].dag.tasks[verify].template",
    ),
    "missing entrypoint": (lambda d: d["spec"].update(entrypoint="x"), "spec.entrypoint"),
    "missing argument": (
        lambda d: tasks(d)[1].update(arguments={}),
        "spec.templates[exit-handler-1].dag.tasks[verify].arguments.parameters",
    ),
    "wrong shape": (
        lambda d: container(d).update(env={"A": "b"}),
        "spec.templates[train].container.env",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused_by_its_field(name: str) -> None:
    changed = document()
    change, where = REFUSED[name]
    change(changed)
    with pytest.raises(InputError) as caught:
        read_document(changed)
    errors = [entry for entry in caught.value.findings if entry.severity == "error"]
    assert where in [entry.where for entry in errors]
    assert all(entry.next for entry in errors)


def test_all_mistakes_are_named_at_once() -> None:
    changed = document()
    templates(changed)["train"].update(retryStrategy={}, sidecars=[])
    changed["spec"]["podGC"] = {}
    with pytest.raises(InputError) as caught:
        read_document(changed)
    assert sum(entry.severity == "error" for entry in caught.value.findings) == 3


@pytest.mark.parametrize("broken", [{}, {"spec": {}}, {"spec": {"templates": [{}]}}, {"spec": []}])
def test_incomplete_document_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        read_document(broken)


def test_what_has_no_meaning_here_is_noted() -> None:
    changed = document()
    templates(changed)["train"].update(nodeSelector={"gpu": "a100"}, tolerations=[], affinity={})
    container(changed)["imagePullPolicy"] = "Always"
    plan = read_document(changed)
    noted = {entry.where for entry in plan.notes}
    train = "spec.templates[train]"
    assert {f"{train}.nodeSelector", f"{train}.tolerations", f"{train}.affinity"} <= noted
    assert {f"{train}.container.image", f"{train}.container.imagePullPolicy"} <= noted
    assert {f"{train}.metadata", "spec.serviceAccountName"} <= noted
    assert {entry.severity for entry in plan.notes} == {"info"}


def test_steps_are_in_the_order_of_their_dependencies() -> None:
    changed = workflow(step("b", "true"), step("a", "true"), on_exit="true")
    tasks(changed).reverse()
    assert read_document(changed).steps == ("volume-mount", "b", "a", "notify")


def test_depends_reads_like_dependencies() -> None:
    changed = document()
    del tasks(changed)[2]["dependencies"]
    tasks(changed)[2]["depends"] = "volume-mount && verify"
    assert read_document(changed).steps == read_document(document()).steps


@pytest.mark.parametrize(
    ("when", "value", "holds"),
    [
        ('"{{x}}" == "True"', "True", True),
        ('"{{x}}" == "True"', "true", False),
        ("{{x}} == True", "True", True),
        ("'{{x}}' != 'True'", "False", True),
        ('"{{x}}" > "9"', "10", True),
        ('"{{x}}" <= "9"', "10", False),
        ('"{{x}}" == "True"', '" == "" || "a', False),
        ('"{{x}}" == ""', "", True),
    ],
)
def test_condition(when: str, value: str, holds: bool) -> None:
    assert parse_when(when).is_true({"x": value}) is holds


@given(st.text())
def test_any_condition_is_parsed_or_refused(text: str) -> None:
    try:
        parse_when(text)
    except ValueError as reason:
        assert text in str(reason)


@given(value=st.text(), before=st.text(alphabet="ab {}"))
def test_values_are_put_in_once_and_unchanged(value: str, before: str) -> None:
    try:
        assert fill(before + "|{{ x }}|", {"x": value}).endswith(f"|{value}|")
    except Unresolved:
        assert "{{" in before + "|{{ x }}|"
