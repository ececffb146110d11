"""Requested = applied: what the launch asked for against what the training did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from pipeline.core.cfg.schema import SCHEMA, UNUSED_GROUPS

Verdict = Literal["equal", "resolved", "different"]

_PATHS = ("resume", "model", "data", "save_dir", "project", "name", "exist_ok", "mode", "task")
_AUTO = ("optimizer", "lr0", "momentum", "warmup_bias_lr")


def compare(
    requested: Mapping[str, Any], args_yaml: Mapping[str, Any], trained: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare key by key.

    Parameters
    ----------
    requested
        The effective cfg of the launch: defaults, file, overrides.
    args_yaml
        What Ultralytics wrote when it started.
    trained
        ``train_args`` of the checkpoint.

    Returns
    -------
    dict
        ``different`` (names), and ``settings``: key to {requested, args_yaml, applied, verdict}.
    """
    settings = {}
    for key in sorted({*requested, *trained}):
        values = (requested.get(key), args_yaml.get(key), trained.get(key))
        settings[key] = {
            "requested": values[0],
            "args_yaml": values[1],
            "applied": values[2],
            "verdict": verdict(key, requested, trained),
        }
    different = [key for key, entry in settings.items() if entry["verdict"] == "different"]
    return {"different": different, "settings": settings}


def batch_note(applied: Mapping[str, Any]) -> str:
    """Say that the batch was halved for want of GPU memory; empty when it was not.

    Parameters
    ----------
    applied
        What `compare` gives.
    """
    batch = applied["settings"]["batch"]
    if batch["verdict"] != "resolved" or batch["requested"] < 1:
        return ""
    return (
        f"the GPU's memory did not hold a batch of {batch['requested']}; the training used "
        f"{batch['applied']}. Ask for that next time, or for a smaller imgsz."
    )


def verdict(key: str, requested: Mapping[str, Any], trained: Mapping[str, Any]) -> Verdict:
    """Say whether a setting was applied, or worked out by a rule that Ultralytics documents."""
    wanted, got = requested.get(key), trained.get(key)
    if _same(wanted, got):
        return "equal"
    return (
        "resolved"
        if key in _PATHS or _is_resolved(key, wanted, got, requested, trained)
        else "different"
    )


def _is_resolved(
    key: str, wanted: Any, got: Any, requested: Mapping[str, Any], trained: Mapping[str, Any]
) -> bool:
    """Say whether Ultralytics works this value out by a rule that it documents."""
    setting = SCHEMA.get(key)
    if setting and setting.group in UNUSED_GROUPS:  # of no use to a training, and not passed on
        return True
    if setting and setting.names:  # a name on the volume; the step gives its path
        return _is_path_of(wanted, got)
    if key in _AUTO:
        return str(requested.get("optimizer", "auto")).lower() == "auto"
    if key == "batch":  # found by trying when < 1, halved when the GPU's memory runs out
        return wanted < 1 or _is_halved(wanted, got)
    if key == "imgsz":  # a square, rounded up to the model's stride
        side = max(wanted) if isinstance(wanted, list) else wanted
        return isinstance(side, int) and isinstance(got, int) and 0 <= got - side < 64
    if key == "multi_scale":  # images to classify have one size
        return trained.get("task") == "classify"
    if key == "compile":  # not beside a teacher
        return bool(requested.get("distill_model"))
    if key == "epochs":  # with a time limit Ultralytics estimates how many fit
        return bool(requested.get("time"))
    if key == "workers":  # on a CPU the images are loaded in the same process
        return got == 0 and str(trained.get("device", "")) in ("", "cpu", "None")
    if key == "rect":  # not with several GPUs
        return "," in str(trained.get("device", ""))
    return key == "device"


def _is_path_of(wanted: Any, got: Any) -> bool:
    """Say whether one is the absolute path of the other, wherever the volume is mounted."""
    if not (isinstance(wanted, str) and isinstance(got, str) and got.startswith("/")):
        return False
    return got.endswith(f"/{PurePosixPath(wanted)}")


def _is_halved(wanted: Any, got: Any) -> bool:
    return any(got == max(wanted // 2**times, 1) for times in (1, 2, 3))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other) or (one in (None, "") and other in (None, ""))
