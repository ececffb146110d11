"""The texts that a launch will record: cfg before and after the overrides, data, space, model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import read_text
from pipeline.core.launch.choices import Choices
from pipeline.core.space.text import file_text, is_inline, read_inline
from pipeline.core.volume.paths import Volume, scaled_name


def texts_of(
    volume: Volume, choices: Choices, resolved: Mapping[str, str], scale: str
) -> dict[str, str]:
    """Read the files of a launch; what cannot be read is empty, and preflight says why.

    Parameters
    ----------
    resolved
        ``model_path``, ``cfg_yaml``, ``data_yaml`` and ``tune_yaml``, relative to the volume.
    scale
        Of a model yaml, else empty.

    Returns
    -------
    dict
        The fields of a plan that are texts, by name.
    """
    from pipeline.core.cfg.train_cfg import diff_text  # ruamel takes a while to import

    model_path, cfg_name = resolved["model_path"], resolved["cfg_yaml"] or choices.cfg
    is_yaml = bool(model_path) and not model_path.endswith(".pt")
    before = _text(volume, resolved["cfg_yaml"])
    after = _merged(before, choices)
    return {
        "cfg_before": before,
        "cfg_after": after,
        "cfg_diff": diff_text(before, after, cfg_name, f"{cfg_name} (this launch)"),
        "data_text": _text(volume, resolved["data_yaml"]),
        "tune_text": _space_text(volume, choices, resolved["tune_yaml"]),
        "model_text": _text(volume, model_path) if is_yaml else "",
        "model_name": _model_name(model_path, scale) if is_yaml else "",
    }


def _text(volume: Volume, path: str) -> str:
    try:
        return read_text(volume.path(path), shown_as=path) if path else ""
    except SlipwayError:  # preflight has said why, with file and line
        return ""


def _space_text(volume: Volume, choices: Choices, path: str) -> str:
    if not (choices.tune and is_inline(choices.tune_space)):
        return _text(volume, path)
    try:
        return file_text(read_inline(choices.tune_space).data)
    except InputError:  # preflight has said why
        return ""


def _merged(cfg_text: str, choices: Choices) -> str:
    from pipeline.core.cfg.train_cfg import merge_cfg

    try:
        return merge_cfg(cfg_text, choices.overrides)
    except InputError:  # preflight has said why, with file and line
        return cfg_text


def _model_name(model_path: str, scale: str) -> str:
    name = Path(model_path).name
    return scaled_name(name, scale) if scale else name
