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

from pipeline.core.cfg_schema import SCHEMA
from pipeline.core.files import read_text
from pipeline.core.train_cfg import effective_cfg
from pipeline.core.yaml_file import parse_yaml
from step_images.weights_guard import guard_weights

_HANGUL_FONTS = ("NanumGothic", "Noto Sans CJK KR", "NanumBarunGothic", "Malgun Gothic")
_INHERITED = ("imgsz", "single_cls")
_OFF = ("mlflow", "sync", "raytune", "clearml", "comet", "dvc", "tensorboard", "wandb")


def prepare() -> None:
    """Give Ultralytics a settings folder of its own, and let it open only sound weights.

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

    SETTINGS.update({name: False for name in _OFF if name in SETTINGS})
    _provide_fonts(Path(USER_CONFIG_DIR))
    guard_weights()


def train_settings(cfg: Path) -> dict[str, Any]:
    """Give what the cfg file says, without the settings that Slipway owns (paths, device, resume).

    Where the file is silent, Ultralytics takes its defaults, except for what it would take over
    from a checkpoint that it starts from; the form shows the defaults, so these are said.

    Raises
    ------
    InputError
        The file is not a yaml mapping.
    """
    text = read_text(cfg)
    given = parse_yaml(text, name=cfg.name).data
    values = effective_cfg(text, {})
    keys = dict.fromkeys((*given, *_INHERITED))
    return {key: values[key] for key in keys if not (key in SCHEMA and SCHEMA[key].owned)}


def devices(count_visible: int | None = None) -> dict[str, Any]:
    """Say which devices to use: several GPUs by name, else whatever Ultralytics takes."""
    if count_visible is None:
        import torch

        count_visible = torch.cuda.device_count()
    if count_visible > 1:
        return {"device": ",".join(map(str, range(count_visible)))}
    return {}


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

    latin = font_manager.findfont("DejaVu Sans")
    by_name = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    hangul = next((name for name in _HANGUL_FONTS if name in by_name), None)
    shutil.copyfile(latin, home / "Arial.ttf")
    shutil.copyfile(by_name[hangul] if hangul else latin, home / "Arial.Unicode.ttf")
    if hangul:
        matplotlib.rcParams["font.family"] = ["DejaVu Sans", hangul]
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)


def _remove(home: Path, pid: int) -> None:
    if os.getpid() == pid:  # a forked data loader must not take the folder away
        shutil.rmtree(home, ignore_errors=True)
