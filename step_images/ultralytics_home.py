"""Ultralytics in a process of its own: private settings, no network, no own MLflow, fonts at hand,
and a guard before the weights that it opens.

Call `prepare` before the first ``import ultralytics``: it reads its environment at import.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.cfg.files import weight_files
from pipeline.core.cfg.renamed import with_new_names
from pipeline.core.cfg.schema import SCHEMA, UNUSED_GROUPS
from pipeline.core.cfg.train_cfg import check_cfg, effective_cfg
from pipeline.core.errors import InputError, refuse_errors
from pipeline.core.files import read_text
from pipeline.core.volume.paths import Volume
from pipeline.core.yamltext.file import parse_yaml
from step_images.guards import guard
from step_images.guards.weights import require_sound_file

_INHERITED = ("imgsz", "single_cls")
_OFF = ("mlflow", "sync", "raytune", "clearml", "comet", "dvc", "tensorboard", "wandb")


def prepare() -> None:
    """Give Ultralytics a settings folder of its own, and let it open and run only what is sound.

    The folder goes away with the process.
    """
    home = Path(tempfile.mkdtemp(prefix="slipway-yolo-"))
    atexit.register(_remove, home, os.getpid())
    os.environ.update(
        YOLO_CONFIG_DIR=str(home),
        YOLO_OFFLINE="1",
        YOLO_AUTOINSTALL="false",
        MPLBACKEND="Agg",
    )
    from ultralytics.utils import SETTINGS, USER_CONFIG_DIR

    off = {name: False for name in _OFF if name in SETTINGS}
    # Else below the checkout that Ultralytics is installed in, or the working directory: files of
    # these names would be taken for official ones.
    folders = {name: str(home / name) for name in ("datasets_dir", "weights_dir", "runs_dir")}
    SETTINGS.update({**off, **folders})
    guard()
    _provide_fonts(Path(USER_CONFIG_DIR))


def named_weights(values: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Give the weights that settings name, as Ultralytics gets them: absolute paths of files.

    Raises
    ------
    InputError, FileMissing
        A name stands for no weights on the volume, or Ultralytics would open another file.
    """
    from ultralytics.utils.checks import check_yolov5u_filename

    files = {key: str(path) for key, path in weight_files(values, Volume(root)).items()}
    for key, path in files.items():
        opened = check_yolov5u_filename(path.strip().replace("'", ""), verbose=False)
        if opened != path:
            raise InputError(
                f"'{key}': Ultralytics would open {opened} in place of {path}.",
                where=key,
                next="Give the file another name.",
            )
        require_sound_file(path, where=key)  # with several GPUs other processes open it
    return files


def checked_cfg(cfg: Path, volume: Volume | None) -> dict[str, Any]:
    """Give the effective cfg of a run folder; verify has checked it, but it may have changed since.

    Without a volume the files that it names are not looked for.

    Raises
    ------
    InputError
        With every mistake as a finding.
    """
    text = read_text(cfg)
    mistakes = check_cfg(parse_yaml(text, name=cfg.name), {}, volume)
    refuse_errors(mistakes)
    return effective_cfg(text, {})


def train_settings(cfg: Path) -> dict[str, Any]:
    """Give what the cfg file says, without what Slipway owns, and what no training uses.

    Names of files are left out too: `named_weights` gives the files.

    Where the file is silent, Ultralytics takes its defaults, except for what it would take over
    from a checkpoint that it starts from; the form shows the defaults, so these are said.

    Raises
    ------
    InputError
        The file is not a yaml mapping.
    """
    text = read_text(cfg)
    given = with_new_names(parse_yaml(text, name=cfg.name).data)
    values = effective_cfg(text, {})
    keys = dict.fromkeys((*given, *_INHERITED))
    return {key: values[key] for key in keys if key not in SCHEMA or _is_passed_on(key, values)}


def _is_passed_on(key: str, values: Mapping[str, Any]) -> bool:
    setting = SCHEMA[key]
    is_name = bool(setting.names) and isinstance(values[key], str)
    return not (setting.owned or setting.group in UNUSED_GROUPS or is_name)


def devices() -> dict[str, Any]:
    """Say which devices to use: several GPUs by name, else whatever Ultralytics takes."""
    import torch

    count = torch.cuda.device_count()
    return {"device": ",".join(map(str, range(count)))} if count > 1 else {}


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make arguments fit for JSON: paths and odd objects as text."""
    simple = (str, int, float, bool, type(None), list, dict)
    return {
        key: value if isinstance(value, simple) else str(value) for key, value in values.items()
    }


def _provide_fonts(home: Path) -> None:
    """Put fonts where Ultralytics looks first; it would download what it does not find."""
    import matplotlib
    from matplotlib import font_manager

    from step_images.fonts import LATIN, font_file, hangul

    shutil.copyfile(font_manager.findfont(LATIN), home / "Arial.ttf")
    shutil.copyfile(font_file(), home / "Arial.Unicode.ttf")
    if name := hangul():
        matplotlib.rcParams["font.family"] = [LATIN, name]
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def _remove(home: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked data loader must not take the folder away
        shutil.rmtree(home, ignore_errors=True)
