"""Tuning on Ray Tune's own API: random search from best.pt around the current values.

The first trial has the current values, so that the best is never worse than what was there.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.run_folder import RunFolder
from pipeline.core.search_space import Dimension, SearchSpace, default_space, load_space
from pipeline.core.train_cfg import SCHEMA
from pipeline.core.yaml_file import load_yaml
from step_images.common import Stopped
from step_images.tune.trial import run_trial

# Ray wants at least 75 MB; more than 100 MB could fill a container's /dev/shm.
_OBJECT_STORE_BYTES = 80 << 20
_RESOLVED = ("optimizer", "lr0", "momentum", "warmup_bias_lr", "batch", "epochs")
_FEW_EPOCHS_SHARE = 5


def read_space(folder: RunFolder, current: Mapping[str, Any]) -> SearchSpace:
    """Give the launch's search space, or a default one with a fifth of the epochs a trial."""
    if folder.tune_space.is_file():
        return load_space(load_yaml(folder.tune_space))
    space = default_space(current)
    epochs = max(1, min(10, round(int(current["epochs"]) / _FEW_EPOCHS_SHARE)))
    return SearchSpace(space.space, trials=space.trials, epochs=epochs, metric=space.metric)


def current_settings(cfg: Mapping[str, Any], trained: Mapping[str, Any]) -> dict[str, Any]:
    """Give the cfg with what Ultralytics worked out in training, also where the cfg is silent."""
    values = {**cfg, **{key: trained[key] for key in _RESOLVED if key in trained}}
    return {key: value for key, value in values.items() if key not in ("time", "pretrained")}


def share_of(cpus: int, gpus: int, parallel: int) -> dict[str, float]:
    """Give what Ray sets aside for a trial: whole GPUs, or a part of one, which is all it takes."""
    return {"cpu": max(1, cpus // parallel), "gpu": gpus // parallel or gpus / parallel}


def search(
    folder: RunFolder, space: SearchSpace, current: Mapping[str, Any], model: Path, data: Path
) -> None:
    """Run all trials; each writes its own folder under ``tune/trials``.

    Parameters
    ----------
    folder
        The run folder.
    space
        What varies, how often, and by what it is judged.
    current
        Training settings as they are now.
    model, data
        Checkpoint to start from; data yaml with absolute paths.
    """
    from ray import tune
    from ray.tune.search.basic_variant import BasicVariantGenerator

    base = {**current, "data": str(data), "plots": False, "val": True, "verbose": False}
    if space.epochs:
        base["epochs"] = space.epochs
    for key in space.space:
        base.pop(key, None)
    first = {key: current.get(key, SCHEMA[key].default) for key in space.space}
    trainable = tune.with_parameters(
        run_trial,
        folder=str(folder.trial_folders),
        base=base,
        model=str(model),
        metric=space.metric,
    )
    with _ray(space.parallel) as (resources, scratch):
        tuner = tune.Tuner(
            tune.with_resources(trainable, resources),
            param_space={key: _domain(entry) for key, entry in space.space.items()},
            tune_config=tune.TuneConfig(
                metric=space.metric,
                mode="max",
                num_samples=space.trials,
                search_alg=BasicVariantGenerator(
                    points_to_evaluate=[first],
                    max_concurrent=space.parallel,
                    random_state=space.seed,
                ),
            ),
            run_config=tune.RunConfig(
                name="tune",
                storage_path=str(scratch / "results"),
                verbose=0,
                failure_config=tune.FailureConfig(max_failures=0),
            ),
        )
        tuner.fit()


def _domain(dimension: Dimension) -> Any:
    from ray import tune

    if dimension.choices:
        return tune.choice(list(dimension.choices))
    if dimension.scale == "int":
        return tune.randint(int(dimension.low), int(dimension.high) + 1)
    if dimension.scale == "log":
        return tune.loguniform(dimension.low, dimension.high)
    return tune.uniform(dimension.low, dimension.high)


@contextmanager
def _ray(parallel: int) -> Iterator[tuple[dict[str, float], Path]]:
    """Start Ray on this machine only; its processes and files are gone afterwards."""
    cpus = len(os.sched_getaffinity(0))
    # Sockets lie below: their whole path may have 107 bytes, so it cannot be the run folder.
    scratch = Path(tempfile.mkdtemp(prefix="slw-", dir="/tmp"))
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0",
        RAY_CHDIR_TO_TRIAL_DIR="0",
        RAY_AIR_NEW_OUTPUT="0",
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        RAY_DISABLE_IMPORT_WARNING="1",
        TUNE_DISABLE_SIGINT_HANDLER="1",
        PYTHONPATH=os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH")))),
    )
    import ray
    import torch

    gpus = torch.cuda.device_count()
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address="local",
            num_cpus=max(cpus, parallel),
            num_gpus=gpus,
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            logging_level="WARNING",
            _temp_dir=str(scratch),
            _node_ip_address="127.0.0.1",
        )
        # Ray puts its own handler in; ours stops at once and says so with exit code 143.
        signal.signal(signal.SIGTERM, on_sigterm)
        yield share_of(cpus, gpus, parallel), scratch
    except SystemExit as reason:
        raise Stopped from reason  # Ray's waiting turns what our handler raises into exit code 1
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)
