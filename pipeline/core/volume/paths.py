"""The volume: where models, cfgs, data yaml and datasets are, and which names may be used."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.errors import FileMissing, InputError, UnsafePath
from pipeline.core.official_weights import official_name
from pipeline.core.said import said
from pipeline.core.yamltext.file import load_yaml

Kind = Literal["model", "cfg", "data", "tune"]

FOLDERS: dict[Kind, str] = {
    "model": "weights",
    "cfg": "cfg-yaml",
    "data": "data-yaml",
    "tune": "cfg-yaml",
}
PRESETS = "presets"
SWEEPS = "sweeps"
EXTENSIONS: dict[Kind, tuple[str, ...]] = {
    "model": (".pt", ".yaml", ".yml"),
    "cfg": (".yaml", ".yml"),
    "data": (".yaml", ".yml"),
    "tune": (".yaml", ".yml"),
}
_SCALED = re.compile(r"^(?P<stem>.*?\d+)(?P<scale>[a-z])(?P<rest>(?:[-_.].*)?)$")


@dataclass(frozen=True)
class Choice:
    """One thing on the volume that can be chosen.

    Parameters
    ----------
    name
        What a person picks and what goes into the workflow.
    path
        The file, relative to the volume.
    bytes
        Size of the file.
    """

    name: str
    path: str
    bytes: int


@dataclass(frozen=True)
class Resolved:
    """What a typed name stands for.

    Parameters
    ----------
    path
        The file, relative to the volume.
    scale
        Scale of a model yaml (``n`` of ``yolov8n-scratch.yaml``), else empty.
    note
        What a person should know about the choice, such as a second file that fits; else empty.
    """

    path: str
    scale: str = ""
    note: str = ""


@dataclass(frozen=True)
class Volume:
    """A folder with everything that people choose from and that runs write to.

    Parameters
    ----------
    root
        Absolute path of the volume on this machine.
    data_roots
        Further folders (absolute) that images and labels may lie in.
    """

    root: Path
    data_roots: tuple[Path, ...] = ()

    def path(self, name: str | os.PathLike[str]) -> Path:
        """Join a relative name to the volume; links are followed and must stay inside.

        Raises
        ------
        UnsafePath
            The name is absolute, has a NUL or bytes that are no UTF-8, or leads out of the volume.
        """
        text = os.fspath(name)
        if not _is_text(text):
            raise UnsafePath(
                said("'{value}' has a letter that is none.", value=text[:40]),
                next=said("Give the file a name in UTF-8."),
            )
        if not text or "\0" in text or os.path.isabs(text):
            raise UnsafePath(
                said("'{value}' is not a name on the volume.", value=text),
                next=said("Give a path relative to the volume."),
            )
        path = self.root / text
        if not _inside(path, self.root):
            raise UnsafePath(
                said("'{value}' leads out of the volume.", value=text),
                next=said("Choose a file inside the volume."),
            )
        return path

    def relative(self, path: Path) -> str:
        """Give a path as people see it: relative to the volume when it lies inside."""
        return (
            path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
        )

    def allows_data(self, path: Path) -> bool:
        """Say whether a dataset may lie at this path (links followed)."""
        return any(_inside(path, base) for base in (self.root, *self.data_roots))

    def resolve(self, kind: Kind, name: str) -> Resolved:
        """Find the file that a typed name of a model, cfg, data or tune yaml stands for.

        A missing extension is added (``.pt`` before ``.yaml``); the root is looked at before the
        kind's folder; ``yolov8n-scratch.yaml`` is scale ``n`` of ``yolov8-scratch.yaml``.

        Raises
        ------
        UnsafePath
            The name leaves the volume, or no file can have it.
        FileMissing
            Nothing fits; the message says where it was looked for and what is near.
        """
        candidates, refused = self._candidates(kind, name)
        try:
            hits = [entry for entry in candidates if self.path(entry).exists()]
            hits = hits or self._in_capitals(kind, candidates)
        except OSError as reason:  # such as a name that is too long for the file system
            raise UnsafePath(
                said(
                    "'{name}' cannot be looked for: {reason}.",
                    name=name[:40],
                    reason=reason.strerror,
                ),
                where=kind,
                next=said("Choose another name."),
            ) from reason
        if hits:
            others = [entry for entry in hits[1:] if Path(entry).stem == Path(hits[0]).stem]
            note = (
                said("{name} is used; {others} fits too.", name=hits[0], others=", ".join(others))
                if others
                else ""
            )
            return Resolved(hits[0], note=note)
        if kind == "model":
            scaled = self._resolve_scaled(candidates)
            if scaled:
                return scaled
        if refused:
            raise refused
        raise self._missing(kind, name, candidates)

    def choices(self, kind: Kind) -> list[Choice]:
        """List what can be chosen, at the root first, then in the kind's folder, then by name."""
        found: list[Choice] = []
        taken: set[str] = set()
        for folder in (self.root, self.root / FOLDERS[kind]):
            for path in _plain_files(folder, EXTENSIONS[kind]):
                if kind == "model" and path.suffix not in EXTENSIONS[kind]:
                    continue
                if not _inside(path, self.root):  # it would be refused
                    continue
                if path.suffix != ".pt" and kind_of(path) != kind:
                    continue
                for name in self._names(kind, path):
                    shown = self.relative(path) if name in taken else name
                    taken.add(name)
                    found.append(Choice(shown, self.relative(path), path.stat().st_size))
        return found

    def _missing(self, kind: Kind, name: str, candidates: list[str]) -> FileMissing:
        """Say where a name was looked for, and what is there instead."""
        near = ", ".join(choice.name for choice in self.choices(kind)[:5]) or said("none")
        official = official_name(name) if kind == "model" else ""
        hint = said("Choose one of: {near}.", near=near)
        if official:
            hint = said(
                "Fetch it on the Models page or with 'slipway weights {name}'; or "
                "choose one of: {near}.",
                name=official,
                near=near,
            )
        return FileMissing(
            said(
                "{kind} '{name}' is not on the volume (looked for {tried}).",
                kind=kind,
                name=name,
                tried=", ".join(candidates),
            ),
            where=kind,
            next=hint,
        )

    def _candidates(self, kind: Kind, name: str) -> tuple[list[str], UnsafePath | None]:
        """Give where a name may lie, and why the first of other places may not be looked at."""
        has_suffix = name.lower().endswith(EXTENSIONS[kind])
        suffixes = [""] if has_suffix else list(EXTENSIONS[kind])
        folders = ["", FOLDERS[kind] + "/"]
        allowed, refused = list[str](), None
        for entry in (f"{folder}{name}{suffix}" for folder in folders for suffix in suffixes):
            try:
                self.path(entry)
                allowed.append(entry)
            except UnsafePath as reason:
                refused = refused or reason
        return allowed, refused

    def _in_capitals(self, kind: Kind, candidates: list[str]) -> list[str]:
        """Find yaml files whose extension is written otherwise, such as DATA.YAML.

        Models keep theirs: Ultralytics reads them itself and knows small letters only.
        """
        if kind == "model":
            return []
        wanted = {_small_suffix(Path(entry)) for entry in candidates}
        names = [
            self.relative(path)
            for folder in dict.fromkeys(Path(entry).parent for entry in candidates)
            for path in _plain_files(self.root / folder, EXTENSIONS[kind])
        ]
        return [name for name in names if _small_suffix(Path(name)) in wanted and self.path(name)]

    def _resolve_scaled(self, candidates: list[str]) -> Resolved | None:
        for entry in candidates:
            path = Path(entry)
            match = _SCALED.match(path.stem)
            if path.suffix == ".pt" or not match:
                continue
            base = str(path.with_name(match["stem"] + match["rest"] + path.suffix))
            if self.path(base).is_file() and match["scale"] in scales_of(self.path(base)):
                return Resolved(base, scale=match["scale"])
        return None

    def _names(self, kind: Kind, path: Path) -> list[str]:
        if kind != "model":
            return [path.stem]
        if path.suffix == ".pt":
            return [path.name]
        return [scaled_name(path.name, scale) for scale in scales_of(path)] or [path.name]


def kind_of(path: Path) -> Kind:
    """Say what a yaml file is by its keys, or by its name when it cannot be parsed."""
    name = path.name.lower()
    if name.startswith("tune-"):
        return "tune"
    try:
        keys = set(load_yaml(path).data)
    except (InputError, FileMissing):
        keys = set()
    if {"backbone", "head"} & keys:
        return "model"
    if {"names", "nc", "train", "val", "path"} & keys:
        return "data"
    if keys:
        return "cfg"
    if name.startswith("data") or path.parent.name == FOLDERS["data"]:
        return "data"
    return "model" if name.startswith("yolo") or path.parent.name == FOLDERS["model"] else "cfg"


def scales_of(path: Path) -> list[str]:
    """Give the scales that a model yaml defines, in the file's order; none when unreadable."""
    try:
        scales = load_yaml(path).data.get("scales")
    except (InputError, FileMissing):
        return []
    return [str(scale) for scale in scales] if isinstance(scales, dict) else []


def scaled_name(name: str, scale: str) -> str:
    """Put a scale behind the version number: yolov8-scratch.yaml, n → yolov8n-scratch.yaml."""
    match = re.match(r"^(\D*\d+)(.*)$", name)
    return f"{match[1]}{scale}{match[2]}" if match else name


def _plain_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file()
    )


def _small_suffix(path: Path) -> Path:
    return path.with_suffix(path.suffix.lower())


def _is_text(name: str) -> bool:
    """Say whether a name has no halves of surrogate pairs: nobody can print or send those."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _inside(path: Path, base: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(base))
