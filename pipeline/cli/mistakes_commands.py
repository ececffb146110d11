"""The command about what a test saw: mistakes."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from pipeline.actions import mistakes as actions
from pipeline.actions.doubtful_labels import DoubtfulLabel, doubtful_labels
from pipeline.actions.installation import Installation
from pipeline.actions.mistaken_pair import mistaken_pair
from pipeline.actions.mistakes import Mistakes
from pipeline.cli.answer import Answer, table
from pipeline.cli.mistaken_pair import pair_answer
from pipeline.core.errors import UsageError
from pipeline.core.mistakes.size import OfSize
from pipeline.core.mistakes.slices import Rate, Slice
from pipeline.core.mistakes.sums import MISTAKES
from pipeline.core.mistakes.threshold import Threshold

_SHOWN_IMAGES = 10
_SHOWN_LABELS = 20
_WORDS = {
    "wrong_class": "boxes of the wrong class",
    "badly_placed": "boxes that are badly placed",
    "both": "boxes of the wrong class that are badly placed",
    "doubled": "second boxes on one target",
    "background": "boxes where nothing is",
    "missed": "targets that were missed",
}


def mistakes(here: Installation, arguments: Namespace) -> Answer:
    """Say what a test got wrong, and what costs most; of two what the second changed."""
    if arguments.labels and arguments.other:
        raise UsageError(
            "--labels is about one run: labels are doubted by one model.",
            next=f"Leave out --labels, or {arguments.other}.",
        )
    if arguments.labels:
        return _labels(here, arguments)
    if arguments.other:
        pair = mistaken_pair(here, arguments.run, arguments.other, conf=arguments.conf)
        return pair_answer(pair, arguments.limit)
    found = actions.mistakes(here, arguments.run, conf=arguments.conf)
    document = _document(found, arguments.limit)
    return Answer(document, _text(found, document["images"][: arguments.limit or _SHOWN_IMAGES]))


def _labels(here: Installation, arguments: Namespace) -> Answer:
    # A program gets all labels in their order. For each that is told a label file is read, so that
    # a table asks for no more than it shows.
    is_ranking = bool(getattr(arguments, "json", False))
    limit = arguments.limit or (None if is_ranking else _SHOWN_LABELS)
    found = doubtful_labels(here, arguments.run, limit=limit, is_ranking=is_ranking)
    rows = [
        (label.score, label.kind, label.image, label.line, label.class_name, label.mark)
        for label in found.labels
    ]
    titles = ("score", "kind", "image, most doubtful first", "line", "class", "marked")
    document = [_label(label) for label in found.labels]
    parts = [" ".join(found.left_out)] if found.left_out else []
    parts.append(table(titles, rows) if rows else "The model doubts no label.")
    return Answer(document, "\n\n".join(parts))


def _label(label: DoubtfulLabel) -> dict[str, Any]:
    document = asdict(label)
    return document | {"class": document.pop("class_name"), "box": list(label.box)}


def _document(found: Mistakes, limit: int | None) -> dict[str, Any]:
    return {
        "launch": found.run.launch,
        "run": found.run.id,
        "split": found.split,
        "conf": found.conf,
        "iou": found.iou,
        "counts": found.counts,
        "cost": found.cost,
        "matrix": found.matrix,
        "metrics": found.metrics,
        "size": {name: _size(of) for name, of in found.sizes.items()},
        "share": {name: _size(of) for name, of in found.shares.items()},
        "threshold": {
            "all": _threshold(found.best),
            "classes": {name: _threshold(best) for name, best in found.best_by_class.items()},
        },
        "operating_point": asdict(found.operating_point) if found.operating_point else None,
        "slices": [_slice(of) for of in found.slices],
        "kept": asdict(found.kept),
        "images": (found.images if limit is None else found.images.head(limit)).to_dicts(),
    }


def _size(of: OfSize) -> dict[str, Any]:
    return {"instances": of.instances, "AP50-95": of.ap}


def _slice(of: Slice) -> dict[str, Any]:
    return {
        "slice": {name: label for (name, _), label in zip(of.place, of.labels, strict=True)},
        "images": of.images,
        "targets": of.targets,
        "predictions": of.predictions,
        "right": of.right,
        "recall": _rate(of.recall),
        "precision": _rate(of.precision),
    }


def _rate(rate: Rate | None) -> dict[str, float | None] | None:
    if rate is None:
        return None
    return {"value": rate.value, "low": rate.low, "high": rate.high, "rest": rate.rest}


def _threshold(best: Threshold | None) -> dict[str, float | None]:
    return asdict(best) if best else dict.fromkeys(("conf", "precision", "recall", "f1"))


def _text(found: Mistakes, images: list[dict[str, Any]]) -> str:
    kinds = sorted(found.cost, key=lambda kind: -found.cost[kind])
    costs = [(kind, found.counts[kind], found.cost[kind]) for kind in kinds]
    sizes, shares = (
        [(name, of.instances, of.ap) for name, of in by.items()]
        for by in (found.sizes, found.shares)
    )
    best = [("all", found.best), *found.best_by_class.items()]
    cells = [(name, *_threshold(value).values()) for name, value in best]
    slices = [_cells(of) for of in found.slices]
    columns = ("targets", "right", *MISTAKES)
    rows = [(image["image"], *(image[key] for key in columns)) for image in images]
    return "\n\n".join(
        (
            " ".join([_sentence(found), *found.left_out]),
            table(("mistake", f"at {found.conf:g}", "costs mAP50"), costs),
            table(("size", "targets", "AP50-95"), sizes),
            table(("share of the image", "targets", "AP50-95"), shares),
            table(("class", "best conf", "precision", "recall", "F1"), cells),
            *(
                [table(("worst slices", "targets", "recall", "of the rest"), slices)]
                if slices
                else ()
            ),
            table(("image, worst first", *columns), rows),
        )
    )


def _cells(of: Slice) -> tuple[Any, ...]:
    recall = of.recall
    rates = (recall.value, recall.rest) if recall else (None, None)
    return (" · ".join(of.labels), of.targets, *rates)


def _sentence(found: Mistakes) -> str:
    if not found.best:
        return f"Nothing was to be found in the images of split {found.split}."
    where = f"On split {found.split}, mAP50 is {found.metrics['mAP50']:.3f}"
    worst = max(found.cost, key=found.cost.__getitem__)
    if not found.cost[worst]:
        return f"{where}, and no kind of mistake costs any of it."
    return f"{where}; {_WORDS[worst]} cost most: {found.cost[worst]:.3f} of it."
