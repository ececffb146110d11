"""Where relative paths of a data yaml start."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pipeline.core import findings as say
from pipeline.core.findings import Finding
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import YamlFile
from pipeline.core.yamltext.values import quoted


@dataclass(frozen=True)
class Start:
    """The base that was taken, that base with the yaml's ``path``, and a note for people."""

    base: Path
    root: Path
    note: str


def choose_base(
    volume: Volume, file: YamlFile, train: tuple[str, ...]
) -> tuple[Start | None, list[Finding]]:
    """Take the first base at which ``path`` and the train entry exist.

    The bases are the yaml's folder, the volume's ``datasets/`` and the volume. None when none
    fits, which the findings then say; when two fit, they have a warning.
    """
    path, where = file.data.get("path"), file.where("path")
    if path is not None and (not isinstance(path, str) or "\0" in path):
        message = said("'path' is {path}, not a path.", path=quoted(path))
        return None, [say.error("path-invalid", message, where=where)]
    bases = {(volume.root / file.name).parent: said("the yaml's folder")}
    bases.setdefault(volume.root / "datasets", said("the volume's datasets/"))
    bases.setdefault(volume.root, said("the volume"))
    roots = {base: base / (path or "") for base in bases}
    fitting = [
        base for base in bases if all(os.path.exists(target(roots[base], text)) for text in train)
    ]
    if not fitting:
        return None, [_nowhere(volume, file, train, list(roots.values()))]
    base, found = fitting[0], list[Finding]()
    others = {os.path.realpath(roots[other]): bases[other] for other in fitting[1:]}
    others.pop(os.path.realpath(roots[base]), None)
    if others:
        names = reduce(lambda one, two: said("{one} and {two}", one=one, two=two), others.values())
        message = said(
            "the paths fit {taken} (taken) and also {others}.", taken=bases[base], others=names
        )
        hint = said("Remove one of the datasets, or write an absolute 'path'.")
        found.append(say.warning("base-ambiguous", message, where=where, next=hint))
    note = said("relative paths start at {base}", base=bases[base])
    if path and os.path.isabs(path):
        note = said("paths start at '{path}', as the yaml says", path=path)
    return Start(base, roots[base], note), found


def target(root: Path, text: str) -> Path:
    """Join like Ultralytics: ``../x`` also fits ``x`` (as some exporters write it)."""
    path = Path(os.path.realpath(root / text))
    if text.startswith("../") and not os.path.exists(path):
        return Path(os.path.realpath(root / text[3:]))
    return path


def slash_hint(path: str) -> str:
    """Say what to do about a path that was written on Windows; empty for others."""
    return said("Write '/' in place of '\\' between folders.") if "\\" in path else ""


def _nowhere(volume: Volume, file: YamlFile, train: tuple[str, ...], roots: list[Path]) -> Finding:
    """Say which of ``path`` and ``train`` does not exist, and where they were looked for."""
    hint = slash_hint("".join([str(file.data.get("path")), *train])) or said("Correct the path.")
    if file.data.get("download"):
        hint = said(
            "Slipway does not run 'download': fetch the dataset first, or correct the path."
        )
    if not any(os.path.exists(root) for root in roots):
        tried = ", ".join(dict.fromkeys(f"'{volume.relative(root)}'" for root in roots))
        message = said("the dataset's folder does not exist; looked for {tried}.", tried=tried)
        return say.error("path-missing", message, where=file.where("path"), next=hint)
    # Of the place where most is, for the others are not where the dataset lies.
    lacking = [[text for text in train if not os.path.exists(target(root, text))] for root in roots]
    missing = min(lacking, key=len)[0]
    roots = [root for root, texts in zip(roots, lacking, strict=True) if missing in texts]
    tried = ", ".join(dict.fromkeys(f"'{volume.relative(root / missing)}'" for root in roots))
    message = said(
        "'{missing}' of train does not exist; looked for {tried}.", missing=missing, tried=tried
    )
    is_list = isinstance(file.data.get("train"), list)
    where = file.where("train", train.index(missing)) if is_list else file.where("train")
    return say.error("split-missing", message, where=where, next=hint)
