"""What Kubeflow Pipelines takes as outputs for its UI, by its own code's rules.

Views: ``frontend/src/lib/OutputArtifactLoader.ts`` of github.com/kubeflow/pipelines reads
``mlpipeline-ui-metadata``; what it throws or would silently leave out is an error here.
Metrics: ``backend/src/agent/persistence/worker/metrics_reporter.go`` reads ``mlpipeline-metrics``
into protobuf's JSON, and ``backend/src/apiserver/server/run_metric_util.go`` checks the names.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

METRIC_NAME = re.compile(r"[a-zA-Z]([-_a-zA-Z0-9]{0,62}[a-zA-Z0-9])?")
MAX_METRICS = 49  # of a whole run; the reporter drops what is beyond, and breaks off at 50


@dataclass(frozen=True)
class View:
    """A view as the UI draws it.

    Parameters
    ----------
    kind
        ``table``, ``confusion_matrix`` or ``web-app``.
    labels
        Header of a table, labels of a matrix.
    rows
        Cells of a table; of a matrix the counts.
    html
        A page.
    pictures
        Names and bytes of the pictures inside a page.
    """

    kind: str
    labels: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    html: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)


def views(text: str) -> list[View]:
    """Read ``mlpipeline-ui-metadata`` as the UI does.

    Raises
    ------
    ValueError
        The UI would show an error, or nothing.
    """
    document = json.loads(text, parse_constant=_refuse)
    outputs = document.get("outputs")
    if not isinstance(outputs, list) or not outputs:
        raise ValueError('the field "outputs" is missing or empty')
    readers = {"table": _table, "confusion_matrix": _matrix, "web-app": _page}
    found = []
    for output in outputs:
        if output.get("type") not in readers:
            raise ValueError(f"unknown type {output.get('type')!r}")
        if not output.get("source"):
            raise ValueError('property "source" is required')
        if output.get("storage") != "inline":  # the UI would open `source` as an address
            raise ValueError("the source is not inline")
        found.append(readers[output["type"]](output))
    return found


def metrics(text: str) -> dict[str, float]:
    """Read ``mlpipeline-metrics`` as the persistence agent does.

    Raises
    ------
    ValueError
        The agent or the API server would refuse it.
    """
    document = json.loads(text, parse_constant=_refuse)
    if set(document) != {"metrics"}:  # protobuf refuses fields that it does not know
        raise ValueError(f"fields {sorted(document)}")
    found: dict[str, float] = {}
    for entry in document["metrics"]:
        if set(entry) - {"name", "numberValue", "format"}:
            raise ValueError(f"fields {sorted(entry)}")
        if not METRIC_NAME.fullmatch(entry["name"]) or entry["name"] in found:
            raise ValueError(f"name {entry['name']!r}")
        if entry.get("format", "RAW") not in ("RAW", "PERCENTAGE"):
            raise ValueError(f"format {entry['format']!r}")
        if not isinstance(entry["numberValue"], int | float):
            raise ValueError(f"value {entry['numberValue']!r}")
        found[entry["name"]] = float(entry["numberValue"])
    if len(found) > MAX_METRICS:
        raise ValueError(f"{len(found)} metrics")
    return found


def _table(output: dict[str, Any]) -> View:
    if not output.get("header"):
        raise ValueError('property "header" is required')
    if output.get("format") != "csv":
        raise ValueError(f"unsupported table format {output.get('format')!r}")
    rows = _rows(output["source"])
    if any(len(row) != len(output["header"]) for row in rows):
        raise ValueError("a row is not as long as the header")
    return View("table", tuple(output["header"]), rows)


def _matrix(output: dict[str, Any]) -> View:
    labels, schema = output.get("labels"), output.get("schema")
    if not labels or not isinstance(schema, list) or len(schema) < 2:
        raise ValueError('properties "labels" and "schema" are required')
    if not all(entry.get("name") for entry in schema):
        raise ValueError('each item of "schema" has a "name"')
    rows = _rows(output["source"])
    if len(rows) != len(labels) ** 2:
        raise ValueError(f"{len(rows)} rows do not match {len(labels)} labels")
    cells = {(row, column): count for row, column, count in rows}
    if set(cells) != {(row, column) for row in labels for column in labels}:
        raise ValueError("cells are missing, or have labels that are not listed")
    if not all(count.isdecimal() for count in cells.values()):
        raise ValueError("a count is not a whole number")
    counts = tuple(tuple(cells[row, column] for column in labels) for row in labels)
    return View("confusion_matrix", tuple(labels), counts)


def _page(output: dict[str, Any]) -> View:
    reader = _Pictures()
    reader.feed(output["source"])
    return View("web-app", html=output["source"], pictures=reader.found)


def _rows(source: str) -> tuple[tuple[str, ...], ...]:
    """Read csv as the UI does: trimmed as a whole and cell by cell."""
    parsed = csv.reader(io.StringIO(source.strip(), newline=""), strict=True)
    return tuple(tuple(cell.strip() for cell in row) for row in parsed)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class _Pictures(HTMLParser):
    """Finds pictures; the UI shows a page without a server of its own, so all must be inline."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, bytes] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag != "img":
            return
        head, _, content = (given.get("src") or "").partition(";base64,")
        signatures = {"data:image/png": b"\x89PNG\r\n", "data:image/jpeg": b"\xff\xd8\xff"}
        picture = base64.b64decode(content, validate=True)
        if head not in signatures or not picture.startswith(signatures[head]):
            raise ValueError(f"picture {given.get('alt')!r} is not inline")
        self.found[given.get("alt") or ""] = picture
