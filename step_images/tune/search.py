"""Tuning on Ray Tune's own API, from best.pt around the current values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.core.cfg.schema import SCHEMA
from pipeline.core.errors import SlipwayError
from pipeline.core.space.presets import default_space
from pipeline.core.space.search_space import SearchSpace, load_space
from pipeline.core.space.trials import Trial, read_trials, write_trial
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.yamltext.file import load_yaml
from step_images.tune.resources import Share, ray_here
from step_images.tune.trial import YOLO_IMPORTS, Setup, Train, run_trial, train_yolo

_RESOLVED = ("optimizer", "lr0", "momentum", "warmup_bias_lr", "batch", "epochs")
_REDUCTION = 3  # of trials, at each rung of the scheduler
_FEWEST_EPOCHS = 2  # that a trial gets before it can lag behind


def read_space(
    folder: RunFolder, current: Mapping[str, Any], volume: Volume | None = None
) -> SearchSpace:
    """Give the launch's search space, files in it as paths on the volume, or the default one."""
    if folder.tune_space.is_file():
        return load_space(load_yaml(folder.tune_space), volume)
    return default_space(current)


def current_settings(cfg: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    """Give the cfg with what Ultralytics worked out in training, also where the cfg is silent."""
    values = {**cfg, **{key: trained[key] for key in _RESOLVED if key in trained}}
    return {key: value for key, value in values.items() if key not in ("time", "pretrained")}


def make_setup(
    folder: RunFolder, space: SearchSpace, current: Mapping[str, Any], model: Path, data: Path
) -> Setup:
    """Give what all trials have in common; paths are absolute, wherever a trial's process runs."""
    base = {**current, "plots": False, "val": True, "verbose": False}
    for name in ("epochs", "fraction"):
        if getattr(space, name) is not None:
            base[name] = getattr(space, name)
    base = {key: value for key, value in base.items() if key not in space.space}
    return Setup(
        trials=str(folder.trial_folders.resolve()),
        model=str(model.resolve()),
        base={**base, "data": str(data.resolve())},
        metric=space.metric,
    )


def search(
    folder: RunFolder,
    space: SearchSpace,
    current: Mapping[str, Any],
    setup: Setup,
    *,
    train: Train = train_yolo,
    imports: tuple[str, ...] = YOLO_IMPORTS,
    applied: Callable[[Path], Mapping[str, Any]] | None = None,
    on_change: Callable[[], None] = lambda: None,
) -> None:
    """Run the trials that are left; each writes its own folder under ``tune/trials``.

    Parameters
    ----------
    folder
        The run folder; trials that an earlier start of the step finished stay as they are.
    space
        What varies, how often, and by what it is judged.
    current
        Training settings as they are now.
    setup
        From `make_setup`.
    train
        Trains one trial.
    imports
        Modules that it needs; imported once, for all trials that follow one another.
    applied
        Reads from a trial's folder what it was trained with; its checkpoint says it otherwise.
    on_change
        Called when a trial is over.

    Raises
    ------
    SlipwayError
        A trial was not trained with the values that were drawn for it.
    """
    watch: Any = None
    try:
        with ray_here(space.parallel) as (share, scratch):
            # Ray reads its environment when it is imported, which the line above has set.
            from step_images.tune.watch import SearchWatch, checkpoint_arguments

            check = applied or checkpoint_arguments
            watch = SearchWatch(Path(setup.trials), space, setup.base, check, on_change)
            if share.parallel < space.parallel:
                print(f"{share.parallel} trials at a time: this machine has no more CPUs.")
            given = {"setup": setup, "train": train, "imports": imports}
            _fit(folder, space, current, given, share, scratch, watch)
    finally:
        _end_running(folder, watch)
    _say_if_late(folder, space, watch)
    if watch.invalid:
        raise SlipwayError(
            f"{watch.invalid[0].name} is invalid: {watch.invalid[0].error}",
            where=setup.trials,
            next="Nothing of this search can be trusted; report it with the step's log.",
        )


def _fit(
    folder: RunFolder,
    space: SearchSpace,
    current: Mapping[str, Any],
    given: Mapping[str, Any],
    share: Share,
    scratch: Path,
    watch: Any,
) -> None:
    from ray import tune
    from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler

    from step_images.tune.searcher import TrialSearcher

    now = {key: current.get(key, SCHEMA[key].default) for key in space.space}
    searcher = TrialSearcher(space, now, read_trials(folder))
    if not searcher.numbers:
        return
    epochs = int(given["setup"].base.get("epochs", current.get("epochs", SCHEMA["epochs"].default)))
    grace = max(_FEWEST_EPOCHS, epochs // 4)
    is_asha = space.scheduler == "asha" and grace < epochs
    scheduler = (
        AsyncHyperBandScheduler(max_t=epochs, grace_period=grace, reduction_factor=_REDUCTION)
        if is_asha
        else FIFOScheduler()
    )
    limit_min = space.time_limit_min
    tuner = tune.Tuner(
        tune.with_resources(
            tune.with_parameters(run_trial, **given),
            {"cpu": share.cpus, "gpu": share.gpus},
        ),
        tune_config=tune.TuneConfig(
            metric=space.metric,
            mode="max",
            num_samples=len(searcher.numbers),
            max_concurrent_trials=share.parallel,
            search_alg=searcher,
            scheduler=scheduler,
            time_budget_s=limit_min * 60 if limit_min else None,
            reuse_actors=True,  # of one after another; each trains in a process of its own
        ),
        run_config=tune.RunConfig(
            name="tune",
            storage_path=str(scratch / "results"),
            verbose=0,
            failure_config=tune.FailureConfig(max_failures=0),
            callbacks=[watch],
            stop=watch.stopper,
        ),
    )
    watch.started = time.monotonic()
    tuner.fit()


def _end_running(folder: RunFolder, watch: Any) -> None:
    """Say of trials that still run by their record that the step ended before them."""
    why = "the time limit of the search was reached." if watch and watch.is_late else ""
    for trial in read_trials(folder):
        if trial.state == "running":
            write_trial(folder.trial_folders, _ended(trial, why))


def _say_if_late(folder: RunFolder, space: SearchSpace, watch: Any) -> None:
    trials = read_trials(folder)
    is_whole = len(trials) == space.trials and all(t.state in ("done", "pruned") for t in trials)
    if watch.is_late and not is_whole:
        print(
            f"The time limit of {space.time_limit_min:g} min was reached: {len(trials)} of"
            f" {space.trials} trials were begun.",
            flush=True,
        )


def _ended(trial: Trial, late: str) -> Trial:
    if late:
        return replace(trial, state="stopped", error=late)
    return replace(trial, state="interrupted", error="the step ended before it.")
