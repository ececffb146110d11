"""Putting overrides into a cfg file without touching the rest of it.

Ultralytics reads cfg files with PyYAML, for which ``1e-3`` is text (YAML 1.1 wants ``1.0e-3``), and
then refuses the file. Here such numbers count as numbers, and a merged cfg has them spelled out.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.core.cfg.check import clean
from pipeline.core.cfg.renamed import with_new_names
from pipeline.core.cfg.schema import RENAMED
from pipeline.core.errors import InputError
from pipeline.core.yamltext.edit import set_values
from pipeline.core.yamltext.file import parse_yaml
from pipeline.core.yamltext.mapping import set_document


def merge_cfg(cfg_text: str, overrides: Mapping[str, Any]) -> str:
    """Put overrides into a cfg text; everything else stays as it is, comments and order too.

    Values that only YAML 1.2 reads as numbers are spelled out, old names of settings give way to
    those of today. New keys come last.

    Raises
    ------
    InputError
        The text is not a yaml mapping.
    """
    before = parse_yaml(cfg_text, name="cfg").data
    kept = {key: value for key, value in before.items() if key not in RENAMED}
    given = with_new_names(before) | with_new_names(overrides)
    after = {key: clean(key, value) for key, value in given.items()}
    try:
        return set_values(set_document(cfg_text, kept), after)
    except InputError:
        # aliases, flow style and the like cannot be patched: written anew, without the comments
        return yaml.safe_dump(after, sort_keys=False, allow_unicode=True)


def diff_text(before: str, after: str, name: str, after_name: str) -> str:
    """Give the unified diff of two texts under their names; empty when nothing differs."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name, after_name, lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
