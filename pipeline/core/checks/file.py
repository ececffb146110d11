"""What is wrong with the text of a yaml file of the volume, whichever of its kinds it is."""

from __future__ import annotations

from pathlib import PurePosixPath

from pipeline.core.cfg.train_cfg import check_cfg
from pipeline.core.checks.model import check_model_yaml
from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.findings import Finding, error, info, ordered
from pipeline.core.said import said
from pipeline.core.space.search_space import check_space
from pipeline.core.versions.files import check_name
from pipeline.core.volume.paths import FOLDERS, PRESETS, Kind, Volume
from pipeline.core.yamltext.file import YamlFile, parse_yaml


def check_file(volume: Volume, path: str, text: str) -> list[Finding]:
    """Find what is wrong with a text that is about to be saved under a name.

    Parameters
    ----------
    path
        Relative to the volume; together with the keys it tells a cfg from a data yaml, a model yaml
        and a search space.

    Returns
    -------
    list of Finding
        Errors first; `where` is ``file:line``.
    """
    try:
        check_name(volume, path)
        document = parse_yaml(text, name=path)
    except InputError as reason:
        code = "unsafe-path" if isinstance(reason, UnsafePath) else "yaml-invalid"
        return [error(code, reason.message, where=reason.where or path, next=reason.next)]
    if not document.data:
        return [info("empty-file", said("the file holds no settings."), where=path)]
    return ordered(_check(volume, document))


def kind_of_text(document: YamlFile) -> Kind:
    """Say what a text is, by its keys first and then by where it lies."""
    path = PurePosixPath(document.name)
    keys = set(document.data)
    if path.parent.name == PRESETS:
        return "cfg"
    if path.name.lower().startswith("tune-"):
        return "tune"
    if {"backbone", "head"} & keys:
        return "model"
    is_data = {"names", "nc", "train", "path"} & keys
    return "data" if is_data or path.parent.name == FOLDERS["data"] else "cfg"


def _check(volume: Volume, document: YamlFile) -> list[Finding]:
    kind = kind_of_text(document)
    if kind == "cfg":
        return check_cfg(document, {}, volume)
    if kind == "tune":
        return check_space(document, None, {}, volume)
    if kind == "model":
        return check_model_yaml(document)
    return _check_data(volume, document)


def _check_data(volume: Volume, document: YamlFile) -> list[Finding]:
    # the dataset modules load pillow; editing a cfg does without them
    from pipeline.core.dataset.files.data_yaml import parse_dataset

    try:
        return list(parse_dataset(volume, document.text, document.name).findings)
    except FileMissing as reason:
        return [error("file-missing", reason.message, where=reason.where, next=reason.next)]
    except InputError as reason:
        bad = error("bad-file", reason.message, where=reason.where, next=reason.next)
        return list(reason.findings) or [bad]
