"""Keys of a yaml that mean nothing here, with what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any

from pipeline.core.findings import Finding, error
from pipeline.core.said import either, said

# To look for what is meant takes 0.2 ms a key, and nobody reads more of them.
_SHOWN = 50


def unknown_keys(keys: Sequence[tuple[Any, str]], known: Collection[str]) -> list[Finding]:
    """Say which keys are unknown; of very many the first ones, then how many more there are.

    Parameters
    ----------
    keys
        Each unknown key and where it stands, as ``file:line``.
    known
        All that are allowed.
    """
    findings = [_unknown(key, known, where) for key, where in keys[:_SHOWN]]
    rest = keys[_SHOWN:]
    if rest:
        message = said("{count:,} more keys are not settings known here.", count=len(rest))
        hint = said("See whether this is the file that was meant.")
        where = rest[0][1]
        findings.append(error("unknown-setting", message, where=where, count=len(rest), next=hint))
    return findings


def _unknown(key: Any, known: Collection[str], where: str) -> Finding:
    near = difflib.get_close_matches(str(key).lower(), known, n=3)
    hint = said("Did you mean {names}?", names=either(near)) if near else said("Remove it.")
    return error(
        "unknown-setting",
        said("'{key}' is not a setting known here.", key=key),
        where=where,
        next=hint,
    )
