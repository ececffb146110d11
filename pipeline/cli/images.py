"""The command that builds images."""

from __future__ import annotations

from argparse import Namespace

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer, table


def images(here: Installation, arguments: Namespace) -> Answer:
    """Build the images of this code."""
    from pipeline.actions.upkeep.images import build_images

    names = build_images(arguments.only, arguments.builder)
    return Answer(names, table(("image", "name"), names.items()))
