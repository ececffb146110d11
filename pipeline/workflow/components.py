"""The steps' KFP components, as their ``component.yaml`` files describe them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from kfp.components import load_component_from_text

STEP_IMAGES = Path(__file__).resolve().parents[2] / "step_images"


@cache
def component(name: str, image: str) -> Callable[..., Any]:
    """Give the factory that makes the op of a step.

    Parameters
    ----------
    name
        The step's folder under ``step_images``.
    image
        Takes the place of the image in the file.
    """
    text = (STEP_IMAGES / name / "component.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    document["implementation"]["container"]["image"] = image
    # From text: from a file, kfp writes the file's path on this machine into the workflow.
    factory: Callable[..., Any] = load_component_from_text(
        yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    )
    return factory
