"""What to do next after a run's test, as far as its figures say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.actions.mistakes import Judged, Seen
from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.checks.suggestions import Figures, Suggestion, suggest
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text
from pipeline.core.mistakes.sums import matrix
from pipeline.core.volume.run_folder import RunFolder


def suggestions(folder: RunFolder, seen: Seen, judged: Judged) -> list[Suggestion]:
    """Give what the mistakes at a confidence suggest; a run that lost its files says less."""
    return suggest(
        Figures(
            boxes=judged.boxes,
            images=seen.stored.images,
            labels=seen.stored.names,
            matrix=matrix(judged.boxes, seen.stored.labels)["counts"],
            cost=seen.cost,
            cfg=_cfg(folder),
            train=_train(folder),
        )
    )


def _cfg(folder: RunFolder) -> Mapping[str, Any]:
    try:
        return effective_cfg(read_text(folder.cfg), {})
    except (OSError, SlipwayError):
        return {}


def _train(folder: RunFolder) -> Mapping[str, Any]:
    """Give the counts of the train split, or none where they are not whole."""
    try:
        train = json.loads(read_text(folder.distribution))["splits"]["train"]
        counts = {
            name: {"instances": int(of["instances"])} for name, of in train["classes"].items()
        }
        return {
            "images": int(train["images"]),
            "backgrounds": int(train["backgrounds"]),
            "classes": counts,
        }
    except (OSError, SlipwayError, ValueError, KeyError, TypeError, AttributeError):
        return {}
