"""Training with Ultralytics: a fresh start, a resume, or only what is left after the last epoch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import SlipwayError
from pipeline.core.files import read_json, write_json
from pipeline.core.volume.paths import scales_of
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from step_images.guards.yamls import require_sound_data, require_sound_model
from step_images.memory import TRAIN, memory_explained
from step_images.train import checkpoints
from step_images.ultralytics_home import devices, plain, train_settings


def train(
    folder: RunFolder, model: Path, cfg: Path, data: Path, weights: Mapping[str, str]
) -> None:
    """Train until the end, from wherever an earlier try of this run came to.

    Parameters
    ----------
    folder
        The run folder; everything goes to its ``train``.
    model
        A ``.pt`` file, or a model yaml under its scale-bearing name.
    cfg, data
        The cfg after overrides; the data yaml with absolute paths.
    weights
        Settings of the cfg that name weights, with the absolute path of the file.

    Raises
    ------
    SlipwayError
        A yaml is not acceptable, or what was built is not of the scale in its name.
    """
    require_sound_data(data)
    last = folder.weights("last")
    if not checkpoints.mend(last):
        _start(folder, model, cfg, data, weights)
        return
    checkpoint = checkpoints.load(last)
    done = checkpoints.progress(checkpoint)
    if not done.is_over:
        print(f"Going on after epoch {done.epochs_done} of {done.epochs}.", flush=True)
        checkpoints.forget_later_epochs(folder.results, done.epochs_done)
        _resume(folder, last, data, weights)
    elif not folder.applied.is_file():
        print("All epochs are trained; the final validation is left.", flush=True)
        _finish(folder, data, checkpoint["train_args"])
    else:
        print("The training is over already; nothing is left to do.", flush=True)


def trained_arguments(folder: RunFolder) -> dict[str, Any]:
    """Give the arguments that the checkpoint says it was trained with."""
    return plain(checkpoints.load(folder.weights("last"))["train_args"])


def record_attempt(folder: RunFolder, arguments: dict[str, Any]) -> None:
    """Append the arguments of a start or a resume to those of the tries before."""
    earlier = read_json(folder.attempts, [])
    write_json(folder.attempts, [*earlier, plain(arguments)])


def _start(
    folder: RunFolder, model: Path, cfg: Path, data: Path, weights: Mapping[str, str]
) -> None:
    from ultralytics import YOLO

    if model.suffix != ".pt":
        require_sound_model(load_yaml(model, shown_as=model.name))
    yolo = YOLO(str(model))
    if model.suffix != ".pt":
        _check_scale(model, str(yolo.model.yaml.get("scale", "")))
    _watch(yolo, folder)
    with memory_explained(lambda: _now(yolo), TRAIN):
        yolo.train(
            **train_settings(cfg),
            **weights,
            **devices(),
            data=str(data),
            project=str(folder.path),
            name="train",
            exist_ok=True,
        )


def _resume(folder: RunFolder, last: Path, data: Path, weights: Mapping[str, str]) -> None:
    from ultralytics import YOLO

    yolo = YOLO(str(last))
    _watch(yolo, folder)
    # save_dir: the volume may be mounted elsewhere than when the checkpoint was written.
    save_dir = str(folder.step("train"))
    teacher = {key: path for key, path in weights.items() if key == "distill_model"}
    with memory_explained(lambda: _now(yolo), TRAIN):
        yolo.train(resume=str(last), data=str(data), save_dir=save_dir, **teacher, **devices())


def _finish(folder: RunFolder, data: Path, arguments: dict[str, Any]) -> None:
    """Do what Ultralytics does behind the last epoch: strip, validate best.pt, plot."""
    from ultralytics import YOLO
    from ultralytics.utils.plotting import plot_results
    from ultralytics.utils.torch_utils import strip_optimizer

    best = folder.weights("best")
    for path in (folder.weights("last"), best):
        if checkpoints.is_whole(path):
            strip_optimizer(str(path))
    if not checkpoints.is_whole(best):
        best.write_bytes(folder.weights("last").read_bytes())
    plots = bool(arguments.get("plots", True))
    YOLO(str(best)).val(
        data=str(data), project=str(folder.path), name="train", exist_ok=True, plots=plots
    )
    if plots:
        plot_results(file=str(folder.results))


def _watch(yolo: Any, folder: RunFolder) -> None:
    yolo.add_callback("on_model_save", lambda trainer: checkpoints.keep(trainer.last))
    # Behind the building of the optimizer: with optimizer=auto, lr0 is known only then.
    yolo.add_callback(
        "on_pretrain_routine_end", lambda trainer: record_attempt(folder, vars(trainer.args))
    )


def _now(yolo: Any) -> dict[str, Any]:
    """Give the settings of a training as they are now; nothing before it has a trainer."""
    trainer = getattr(yolo, "trainer", None)
    return vars(trainer.args) if trainer else {}


def _check_scale(model: Path, built: str) -> None:
    """Compare the scale in the file's name with the one that Ultralytics guessed from it."""
    scales = scales_of(model)
    match = re.match(r"\D*\d+([a-z])(?:[-_.]|$)", model.stem)
    named = match[1] if match and match[1] in scales else ""
    if named and built != named:
        raise SlipwayError(
            f"the model was built at scale '{built or 'none'}', but {model.name} names '{named}'.",
            where=model.name,
            next=f"Rename the model yaml so that it starts with yolo<number>{named}.",
        )
