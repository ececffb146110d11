"""What this machine can give to trials, and starting Ray on it."""

from __future__ import annotations

import math
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from step_images.common import Stopped

# Ray wants at least 75 MB; more than 100 MB could fill a container's /dev/shm.
_OBJECT_STORE_BYTES = 80 << 20
_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Share:
    """What each trial gets.

    Parameters
    ----------
    parallel
        Trials at a time; never more than the machine has CPUs.
    cpus, gpus
        Of one trial. A trial has one GPU at most, or a part of one.
    """

    parallel: int
    cpus: int
    gpus: float


def share_of(cpus: int, gpus: int, parallel: int) -> Share:
    """Divide a machine among trials so that all of them together ask for no more than it has."""
    parallel = min(parallel, cpus)
    per_gpu = math.ceil(parallel / gpus) if gpus else 0
    return Share(parallel, cpus // parallel, 1 / per_gpu if gpus else 0)


def usable_cpus(limit: Path = _CGROUP_LIMIT) -> int:
    """Count the CPUs of this process: those it may run on, or fewer by its container's limit.

    A container's limit is in cgroup v2's ``cpu.max``: microseconds of CPU time, or ``max``, and the
    length of the period in which it may use them.
    """
    cpus = len(os.sched_getaffinity(0))
    try:
        quota, period = limit.read_text().split()
    except (OSError, ValueError):
        return cpus
    return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))


@contextmanager
def ray_here(parallel: int) -> Iterator[tuple[Share, Path]]:
    """Start Ray on this machine only; its processes and files are gone afterwards.

    Yields
    ------
    tuple
        What a trial gets, and a folder for what Ray itself writes.
    """
    # Sockets lie below: their whole path may have 107 bytes, so it cannot be the run folder.
    scratch = Path(tempfile.mkdtemp(prefix="slw-", dir="/tmp"))
    os.environ.update(
        RAY_USAGE_STATS_ENABLED="0",
        RAY_CHDIR_TO_TRIAL_DIR="0",
        RAY_AIR_NEW_OUTPUT="0",
        RAY_DEDUP_LOGS="0",  # or a line like another trial's is left out
        RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
        RAY_DISABLE_IMPORT_WARNING="1",
        # Its servers run what they are sent: only for this step's own processes, and only from this
        # machine. Without the first one Ray takes its address in the network, whatever it is given.
        RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0",
        RAY_AUTH_MODE="token",
        RAY_AUTH_TOKEN=secrets.token_hex(32),
        TUNE_DISABLE_SIGINT_HANDLER="1",
        # A trial that the scheduler ends has that long to free its memory; 2 s otherwise.
        TUNE_FUNCTION_THREAD_TIMEOUT_S="60",
    )
    import ray
    import torch

    share = share_of(usable_cpus(), torch.cuda.device_count(), parallel)
    on_sigterm = signal.getsignal(signal.SIGTERM)
    try:
        ray.init(
            address="local",
            num_cpus=usable_cpus(),
            num_gpus=torch.cuda.device_count(),
            object_store_memory=_OBJECT_STORE_BYTES,
            include_dashboard=False,
            logging_level="WARNING",
            _temp_dir=str(scratch),
        )
        # Ray puts its own handler in; ours stops at once and says so with exit code 143.
        signal.signal(signal.SIGTERM, on_sigterm)
        yield share, scratch
    except SystemExit as reason:
        raise Stopped from reason  # Ray's waiting turns what our handler raises into exit code 1
    finally:
        ray.shutdown()
        shutil.rmtree(scratch, ignore_errors=True)
