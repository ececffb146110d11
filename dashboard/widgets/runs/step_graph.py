"""The steps of a compiled workflow as a graph."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dashboard.theme import Colours

_DISPLAY_NAME = "pipelines.kubeflow.org/task_display_name"


def step_edges(workflow: Mapping[str, Any]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Read the steps and their order from an Argo document, looking through its conditions.

    Returns
    -------
    tuple
        Template name to shown name, in the document's order of execution; pairs (before, after).
    """
    spec = workflow["spec"]
    templates = {template["name"]: template for template in spec["templates"]}
    shown: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    _walk(templates, spec["entrypoint"], (), shown, edges)
    return shown, list(dict.fromkeys(edges))


def step_graph(workflow: Mapping[str, Any], off: Collection[str], look: Colours) -> str:
    """Draw the steps as graphviz text; those in `off` are dashed and say that they do not run."""
    shown, edges = step_edges(workflow)
    lines = [
        "digraph { rankdir=LR; bgcolor=transparent; nodesep=0.25; ranksep=0.35;",
        f'node [shape=box, style="rounded", fontname="sans-serif", fontsize=11, height=0.4, '
        f'color="{look.accent}", fontcolor="{look.text}"];',
        f'edge [color="{look.muted}", arrowsize=0.6];',
    ]
    for name, label in shown.items():
        quiet = f', style="rounded,dashed", color="{look.muted}", fontcolor="{look.muted}"'
        text = f"{label}\\n(off)" if name in off else label
        lines.append(f'"{name}" [label="{text}"{quiet if name in off else ""}];')
    lines += [f'"{before}" -> "{after}";' for before, after in edges]
    return "\n".join([*lines, "}"])


def _walk(
    templates: Mapping[str, Any],
    name: str,
    before: tuple[str, ...],
    shown: dict[str, str],
    edges: list[tuple[str, str]],
) -> tuple[str, ...]:
    """Collect the steps of a DAG that starts after `before`; give its last steps."""
    tasks = {task["name"]: task for task in templates[name]["dag"]["tasks"]}
    ends: dict[str, tuple[str, ...]] = {}
    for task_name in _in_order(tasks):
        task = tasks[task_name]
        earlier = tuple(end for needed in task.get("dependencies", ()) for end in ends[needed])
        template = templates[task["template"]]
        if "dag" in template:
            ends[task_name] = _walk(templates, task["template"], earlier or before, shown, edges)
            continue
        shown[template["name"]] = _label(template)
        edges += [(needed, template["name"]) for needed in earlier or before]
        ends[task_name] = (template["name"],)
    needed = {entry for task in tasks.values() for entry in task.get("dependencies", ())}
    return tuple(end for task, found in ends.items() if task not in needed for end in found)


def _in_order(tasks: Mapping[str, Any]) -> Iterator[str]:
    done: set[str] = set()
    while len(done) < len(tasks):
        ready = [
            name
            for name, task in tasks.items()
            if name not in done and done.issuperset(task.get("dependencies", ()))
        ]
        if not ready:  # a cycle: kfp does not write one; show what is left rather than hang
            ready = [name for name in tasks if name not in done]
        yield from ready
        done.update(ready)


def _label(template: Mapping[str, Any]) -> str:
    annotations = template.get("metadata", {}).get("annotations", {})
    return str(annotations.get(_DISPLAY_NAME, template["name"]))
