"""The documents that the KFP UI draws: ``mlpipeline-ui-metadata`` and ``mlpipeline-metrics``."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pipeline.core.class_names import unique_labels

_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}


def ui_metadata(*views: Mapping[str, Any]) -> str:
    """Give ``mlpipeline-ui-metadata`` with the given views, in this order."""
    return json.dumps({"version": 1, "outputs": list(views)}, ensure_ascii=False)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dict[str, Any]:
    """Describe a table whose cells travel inline."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return {
        "type": "table",
        "storage": "inline",
        "format": "csv",
        "header": list(header),
        "source": text.getvalue(),
    }


def web_app(html: str) -> dict[str, Any]:
    """Describe a page that travels inline."""
    return {"type": "web-app", "storage": "inline", "source": html}


def confusion_matrix(
    labels: Sequence[str], counts: Sequence[Sequence[int]], axes: tuple[str, str]
) -> dict[str, Any]:
    """Describe a confusion matrix whose cells travel inline.

    KFP finds a cell by its trimmed labels and wants every pair of them: two labels that are the
    same get their number behind them.

    Parameters
    ----------
    labels
        Names of the rows, which are those of the columns too.
    counts
        A row for each label, in it a count for each label.
    axes
        What rows and columns are.
    """
    unique = unique_labels(label.strip() for label in labels)
    text = io.StringIO()
    rows = zip(unique, counts, strict=True)
    csv.writer(text).writerows(
        (row, column, count)
        for row, cells in rows
        for column, count in zip(unique, cells, strict=True)
    )
    kinds = ((axes[0], "CATEGORY"), (axes[1], "CATEGORY"), ("count", "NUMBER"))
    return {
        "type": "confusion_matrix",
        "storage": "inline",
        "format": "csv",
        "schema": [{"name": name, "type": kind} for name, kind in kinds],
        "labels": list(unique),
        "source": text.getvalue(),
    }


def image_page(title: str, images: Iterable[Path]) -> str:
    """Make an HTML page with images inside, so that it needs no server; missing ones are named."""
    figures = "".join(_figure(path) for path in images)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f'<body style="font-family:sans-serif"><h1>{escape(title)}</h1>{figures}</body></html>'
    )


def metrics(values: Mapping[str, float]) -> str:
    """Give ``mlpipeline-metrics``; a name is a letter, then letters, digits, ``-``, ``_``.

    Values that are not finite are left out: KFP refuses the whole document for one of them.
    """
    entries = [
        {"name": _metric_name(name), "numberValue": float(value), "format": "RAW"}
        for name, value in values.items()
        if math.isfinite(value)
    ]
    return json.dumps({"metrics": entries})


def _figure(path: Path) -> str:
    name = escape(path.name)
    if not path.is_file():
        return f"<p>{name} was not written.</p>"
    content = base64.b64encode(path.read_bytes()).decode()
    source = f"data:{_TYPES[path.suffix.lower()]};base64,{content}"
    return (
        f"<figure><figcaption>{name}</figcaption>"
        f'<img alt="{name}" style="max-width:100%" src="{source}"></figure>'
    )


def _metric_name(name: str) -> str:
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", name).lstrip("-0123456789")
    return plain[:64].rstrip("-") or "metric"
