"""The files that a run uses: those that the launch recorded, or those that verify records now."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from pipeline.core.cfg.files import weight_paths
from pipeline.core.cfg.train_cfg import effective_cfg, merge_cfg
from pipeline.core.checks.preflight import Preflight
from pipeline.core.clock import utc_now
from pipeline.core.dataset.image_files import image_files
from pipeline.core.dataset.read import write_verified_data
from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_text, sha256_file, write_atomic, write_json
from pipeline.core.findings import Finding, warning
from pipeline.core.launch.choices import Choices
from pipeline.core.launch.launch import Launch, data_path, digests_of, load_launch
from pipeline.core.space.text import file_text, is_inline, read_inline
from pipeline.core.version import code_version
from pipeline.core.volume.paths import Kind, Volume, kind_of, scaled_name
from pipeline.core.volume.run_folder import RunFolder


def as_launched(volume: Volume, folder: RunFolder) -> tuple[Choices, list[Finding]]:
    """Give the recorded choices; a file that was edited since is replaced by its snapshot.

    Weights have none: the findings say which of them have changed.

    Files that are as they were keep their own names, so that findings name them.
    """
    launch = load_launch(folder.launch)
    choices, changed = launch.choices, list[Finding]()
    if launch.model_path.endswith(".pt"):
        choices = replace(choices, model=launch.model_path)
        if not _is_unchanged(volume, launch, "model", launch.model_path):
            changed.append(_changed(launch.model_path))
    elif not _is_unchanged(volume, launch, "model", choices.model):
        choices = replace(choices, model=volume.relative(model_file(volume, folder, launch)))
    if not _is_unchanged(volume, launch, "cfg", choices.cfg):
        choices = replace(choices, cfg=volume.relative(folder.cfg), overrides={})
    if not _is_unchanged(volume, launch, "data", choices.data):
        choices = replace(choices, data=volume.relative(verified_data(volume, folder, launch)))
    space = choices.tune_space
    if space and not is_inline(space) and not _is_unchanged(volume, launch, "tune", space):
        choices = replace(choices, tune_space=volume.relative(folder.tune_space))
    return choices, [*changed, *_changed_weights(volume, folder, launch)]


def take_snapshot(
    volume: Volume, folder: RunFolder, choices: Choices, checked: Preflight, user: str
) -> None:
    """Record a run that was not launched from the dashboard; ``launch.json`` comes last."""
    resolved = checked.resolved
    model_path = resolved["model_path"]
    cfg_text = read_text(volume.path(resolved["cfg_yaml"]))
    write_atomic(folder.cfg, merge_cfg(cfg_text, choices.overrides))
    write_atomic(folder.data, read_text(volume.path(resolved["data_yaml"])))
    if resolved.get("tune_yaml"):
        write_atomic(folder.tune_space, read_text(volume.path(resolved["tune_yaml"])))
    elif choices.tune and is_inline(choices.tune_space):
        write_atomic(folder.tune_space, file_text(read_inline(choices.tune_space).data))
    if not model_path.endswith(".pt"):
        name = Path(model_path).name
        name = scaled_name(name, checked.scale) if checked.scale else name
        write_atomic(folder.path / name, read_text(volume.path(model_path)))
    Launch(
        id=folder.name,
        choices=choices,
        model_path=model_path,
        user=user,
        created_at=utc_now(),
        code_version=code_version(),
        sha256=digests_of(volume, resolved, effective_cfg(cfg_text, choices.overrides)),
        dataset_fingerprint=checked.report.fingerprint if checked.report else "",
    ).save(folder.launch)


def model_file(volume: Volume, folder: RunFolder, launch: Launch) -> Path:
    """Give the weights on the volume, or the model yaml under its scale-bearing name.

    Raises
    ------
    SlipwayError
        The run folder has lost its model yaml.
    """
    if launch.model_path.endswith(".pt"):
        return volume.path(launch.model_path)
    for path in sorted(folder.path.glob("*.y*ml")):
        if kind_of(path) == "model":
            return path
    raise SlipwayError(
        f"the run folder {folder.name} has no model yaml.", where=folder.name, next="Launch again."
    )


def verified_data(volume: Volume, folder: RunFolder, launch: Launch) -> Path:
    """Write the recorded data yaml with absolute paths for this mount, and what its images are."""
    name = data_path(volume, launch)
    text = read_text(folder.data, shown_as=name)
    write_json(folder.images, asdict(image_files(volume, text, name)))
    return write_verified_data(volume, text, name, folder.verified_data.parent)


def _is_unchanged(volume: Volume, launch: Launch, kind: Kind, name: str) -> bool:
    try:
        path = volume.path(volume.resolve(kind, name).path)
        return path.is_file() and sha256_file(path) == launch.sha256.get(kind)
    except (SlipwayError, OSError):  # gone or unreadable is not what was launched either
        return False


def _changed_weights(volume: Volume, folder: RunFolder, launch: Launch) -> list[Finding]:
    """Say which weights that settings name are others now; missing ones are preflight's to name."""
    cfg = effective_cfg(read_text(folder.cfg), {}) if folder.cfg.is_file() else {}
    try:
        named = weight_paths(cfg, volume)
    except SlipwayError:
        return []
    return [
        _changed(path)
        for key, path in named.items()
        if key in launch.sha256 and sha256_file(volume.path(path)) != launch.sha256[key]
    ]


def _changed(name: str) -> Finding:
    return warning(
        "model-changed",
        f"{name} is not the file that it was at launch.",
        where=name,
        next="Launch again if the numbers are to be compared.",
    )
