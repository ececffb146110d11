"""The search space in the words of the command line: a preset, ranges, a number of trials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.core.cfg.check import clean
from pipeline.core.cfg.train_cfg import effective_cfg, parse_override
from pipeline.core.errors import UsageError
from pipeline.core.files import read_text
from pipeline.core.launch.choices import Choices
from pipeline.core.space.edit import document_of, with_entry, with_preset, with_setting
from pipeline.core.space.form import SCALES, TWICE
from pipeline.core.space.presets import PRESETS
from pipeline.core.space.text import inline, is_inline
from pipeline.core.volume.paths import Volume

_HINT = "Write lr0=0.001..0.1:log, epochs=5..20, or optimizer=SGD|AdamW."


def with_search(
    here: Installation,
    choices: Choices,
    *,
    preset: str = "",
    ranges: Iterable[str] = (),
    trials: int | None = None,
) -> Choices:
    """Give choices that carry their search space, changed as the words say.

    Parameters
    ----------
    choices
        Their space is what is changed; without one, `ranges` alone are searched.
    preset
        One of `pipeline.core.space.presets.PRESETS`, around the values of the effective cfg.
    ranges
        ``KEY=LOW..HIGH``, with ``:log`` or ``:int`` behind it, or ``KEY=a|b|c``.
    trials
        How many; None keeps the space's own.

    Raises
    ------
    UsageError
        A preset or range that is none.
    FileMissing, InputError
        The cfg or the named space cannot be read.
    """
    if preset and preset not in PRESETS:
        raise UsageError(f"'{preset}' is no preset.", next=f"Choose one of {', '.join(PRESETS)}.")
    parsed = [parse_range(text) for text in ranges]
    cfg = effective_cfg(_text(here.volume, "cfg", choices.cfg), choices.overrides)
    is_named = choices.tune_space and not is_inline(choices.tune_space)
    text = _text(here.volume, "tune", choices.tune_space) if is_named else ""
    document = document_of(choices.tune_space, text, cfg)
    if preset:
        document = with_preset(document, preset, cfg)
    elif parsed and not choices.tune_space:
        document = {**document, "space": {}}
    for key, entry in parsed:
        fixed = with_setting(document, key, None) if key in TWICE else document
        document = with_entry(fixed, key, entry)
    if trials is not None:
        document = with_setting(document, "trials", trials)
    return replace(choices, tune_space=inline(document))


def parse_range(text: str) -> tuple[str, dict[str, Any]]:
    """Read ``KEY=LOW..HIGH[:log|int]`` or ``KEY=a|b|c`` as an entry of a search space.

    Raises
    ------
    UsageError
        It is neither.
    """
    key, equals, words = text.partition("=")
    key = key.strip()
    if not equals or not words.strip():
        raise UsageError(f"--search '{text}' names no values.", where="tune_space", next=_HINT)
    low, dots, rest = words.partition("..")
    if not dots:
        return key, {"choices": [parse_override(f"{key}={word}")[1] for word in words.split("|")]}
    high, _, scale = rest.partition(":")
    if scale and scale not in SCALES:
        message = f"--search '{text}' has the scale '{scale}', not {', '.join(SCALES)}."
        raise UsageError(message, where="tune_space", next=_HINT)
    ends = {"low": low, "high": high}
    entry = {name: clean(key, parse_override(f"{key}={end}")[1]) for name, end in ends.items()}
    return key, {**entry, "scale": scale} if scale else entry


def _text(volume: Volume, kind: Any, name: str) -> str:
    path = volume.resolve(kind, name).path
    return read_text(volume.path(path), shown_as=path)
