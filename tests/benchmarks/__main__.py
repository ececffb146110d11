"""``python -m tests.benchmarks [NAME…]``: what Slipway's own time is, as ratios to something plain.

Timings of one machine say little about another's; a ratio taken in one run says more. The figures
in docs/performance.md come from here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import (
    browser,
    dataset,
    engine,
    folders,
    kubeflow,
    labels,
    mistakes,
    queue,
    sessions,
    testing,
    tracking,
    training,
    tuning,
)

BENCHMARKS: dict[str, Callable[[Path], None]] = {
    "first-paint": browser.first_paint,
    "rerun": browser.rerun,
    "click": browser.click_to_run,
    "sessions": sessions.many_sessions,
    "folders": folders.forgotten_runs,
    "steps": engine.time_of_a_step,
    "queue": queue.long_queue,
    "kubeflow-runs": kubeflow.list_runs,
    "tracking": tracking.read_runs,
    "dataset": dataset.inspect,
    "labels": labels.doubted,
    "mistakes-tab": mistakes.tab,
    "imports": engine.imports_of_light_steps,
    "end-to-end": training.end_to_end,
    "test-tables": testing.recording,
    "tune": tuning.trials_an_hour,
    "tune-overhead": tuning.trial_overhead,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {unknown}; there are {', '.join(BENCHMARKS)}")
    print(f"{os.cpu_count()} CPU cores, load {os.getloadavg()[0]:.1f}")
    for name in names:
        # A controller that is just ending may still write there.
        with tempfile.TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True) as folder:
            BENCHMARKS[name](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
