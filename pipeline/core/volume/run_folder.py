"""The folder of a launch on the volume; the one place that knows the names of its files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import SlipwayError, UnsafePath
from pipeline.core.files import make_folder
from pipeline.core.said import said
from pipeline.core.volume.paths import Volume

RUNS = "runs"


@dataclass(frozen=True)
class RunFolder:
    """All files of one launch, under ``<volume>/runs/<name>``.

    Parameters
    ----------
    path
        The folder; it need not exist.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def launch(self) -> Path:
        """What was asked for."""
        return self.path / "launch.json"

    @property
    def owner(self) -> Path:
        """The uid of the workflow that writes here, claimed by verify."""
        return self.path / "owner"

    @property
    def ended(self) -> Path:
        """How the run ended, written by the first that heard of it."""
        return self.path / "ended.json"

    @property
    def workflow(self) -> Path:
        """Exactly what was submitted."""
        return self.path / "workflow.yaml"

    @property
    def cfg(self) -> Path:
        """The cfg after overrides."""
        return self.path / "cfg.yaml"

    @property
    def data(self) -> Path:
        """The data yaml as it was at launch."""
        return self.path / "data.yaml"

    @property
    def tune_space(self) -> Path:
        """The search space as it was at launch."""
        return self.path / "tune.yaml"

    @property
    def verified_data(self) -> Path:
        """The data yaml with absolute paths, written inside the step."""
        return self.step("verify") / "data.yaml"

    @property
    def images(self) -> Path:
        """Digests of the sizes and times of the images, when verify looked at them."""
        return self.step("verify") / "images.json"

    @property
    def note(self) -> Path:
        """What people say about the run."""
        return self.path / "note.json"

    @property
    def mlflow(self) -> Path:
        """Which MLflow run belongs to this launch."""
        return self.path / "mlflow.json"

    @property
    def results(self) -> Path:
        """Ultralytics' metrics by epoch."""
        return self.step("train") / "results.csv"

    @property
    def machine(self) -> Path:
        """How busy the machine was while the training went on."""
        return self.step("train") / "machine.csv"

    @property
    def applied(self) -> Path:
        """Requested against applied settings of the training."""
        return self.step("train") / "applied.json"

    @property
    def attempts(self) -> Path:
        """Arguments of the training's first start and of every resume, a list."""
        return self.step("train") / "attempts.json"

    @property
    def trial_folders(self) -> Path:
        """The folder that holds one folder a trial."""
        return self.step("tune") / "trials"

    @property
    def test_attempt(self) -> Path:
        """What the test step's memory depends on, as it was tried last."""
        return self.step("test") / "attempt.json"

    @property
    def test_metrics(self) -> Path:
        """Metrics of the test step."""
        return self.step("test") / "metrics.json"

    @property
    def boxes(self) -> Path:
        """What the test step saw: a row for each target and each prediction."""
        return self.step("test") / "boxes.parquet"

    @property
    def mistakes(self) -> Path:
        """Figures of what the test step saw."""
        return self.step("test") / "mistakes.json"

    @property
    def tested_images(self) -> Path:
        """The images that the test step saw, a row for each."""
        return self.step("test") / "images.parquet"

    @property
    def label_marks(self) -> Path:
        """What people say of labels that the model doubts."""
        return self.path / "label_marks.json"

    @property
    def operating_point(self) -> Path:
        """From which confidence on the weights' predictions are to be used."""
        return self.path / "operating_point.json"

    @property
    def built(self) -> Path:
        """What the model is that the build step built."""
        return self.result("build")

    @property
    def distribution(self) -> Path:
        """Counts by split and class."""
        return self.step("distribution") / "result.json"

    @property
    def trials(self) -> Path:
        """One line for each trial of the tuning."""
        return self.step("tune") / "trials.csv"

    @property
    def tune(self) -> Path:
        """The search: space, trials, the best one, and what mattered."""
        return self.step("tune") / "tune.json"

    @property
    def tune_plots(self) -> Path:
        """The search in one picture."""
        return self.step("tune") / "tune.png"

    @property
    def best_hyperparameters(self) -> Path:
        """The best trial's values."""
        return self.step("tune") / "best_hyperparameters.yaml"

    def step(self, step: str) -> Path:
        """Give the folder of a step."""
        return self.path / step

    def log(self, step: str) -> Path:
        """Give the log of a step."""
        return self.step(step) / "step.log"

    def result(self, step: str) -> Path:
        """Give the file in which a step says what its run is for."""
        return self.step(step) / f"{step}.json"

    def failure(self, step: str) -> Path:
        """Give the file in which a failed step says {error, why, next}."""
        return self.step(step) / "failure.json"

    def weights(self, which: str) -> Path:
        """Give ``best`` or ``last`` weights."""
        return self.step("train") / "weights" / f"{which}.pt"


def run_folder(volume: Volume, launch: str) -> RunFolder:
    """Give the folder of a launch id; the id is checked like any name that people type.

    Raises
    ------
    UnsafePath
        The id has a slash or leads out of the volume.
    """
    if "/" in launch or launch in ("", ".", ".."):
        raise UnsafePath(said("'{launch}' is not a launch id.", launch=launch))
    return RunFolder(volume.path(f"{RUNS}/{launch}"))


def folder_of_run(volume: Volume, launch: str, uid: str) -> RunFolder:
    """Find the folder that belongs to a workflow's uid.

    ``runs/<launch>`` when nobody else owns it, ``runs/<launch>-<uid8>`` when another run with the
    same launch id does (a clone made in the KFP UI), ``runs/<uid>`` when there is no launch id.
    """
    if not launch:
        return run_folder(volume, uid)
    folder = run_folder(volume, launch)
    owner = _owner(folder)
    return folder if owner in ("", uid) else run_folder(volume, f"{launch}-{uid[:8]}")


def claim(folder: RunFolder, uid: str) -> None:
    """Write the uid as the folder's owner; a repeat by the same uid is fine.

    Raises
    ------
    SlipwayError
        Another run owns the folder, or the uid is none.
    """
    if "/" in uid or "\0" in uid:
        raise UnsafePath(said("{uid} is no uid of a run.", uid=repr(uid)))
    make_folder(folder.path)
    temporary = folder.path / f".owner.{uid}"
    temporary.write_text(uid, encoding="utf-8")
    try:
        os.link(temporary, folder.owner)
    except FileExistsError:
        if _owner(folder) != uid:
            raise SlipwayError(
                said("{name} belongs to run {run}.", name=folder.name, run=_owner(folder)),
                next=said("Launch again."),
            ) from None
    finally:
        temporary.unlink(missing_ok=True)


def list_run_folders(volume: Volume) -> list[RunFolder]:
    """List the folders of launches, newest first."""
    return [RunFolder(volume.root / RUNS / name) for name in list_run_names(volume)]


def list_run_names(volume: Volume) -> list[str]:
    """List the names of launches' folders, newest first."""
    base = volume.root / RUNS
    if not base.is_dir():
        return []
    with os.scandir(base) as entries:
        return sorted(
            (entry.name for entry in entries if entry.is_dir() and entry.name[0] != "."),
            reverse=True,
        )


def _owner(folder: RunFolder) -> str:
    try:
        return folder.owner.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
