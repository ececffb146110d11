"""What a step printed: from the volume, else from KFP, which keeps it when the pod is gone."""

from __future__ import annotations

import re
import shutil
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from pipeline.core.errors import EngineUnreachable, InputError, NotFound, SlipwayError
from pipeline.core.files import write_atomic
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume.failure import words_of_attempt
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, folder_of_run
from pipeline.engines.base import LogChunk, Run, Step
from pipeline.engines.kubeflow.cluster import Cluster
from pipeline.engines.kubeflow.connect import Kfp
from pipeline.engines.kubeflow.steps import NodeStep

CHUNK_BYTES = 1 << 20
TAIL_BYTES = 8192
MAX_LINE = 500
# A run may be over some seconds before its pod is: a stop gives a step 30 s to end.
SETTLES_S = 60.0
KEEP_S = 10.0

# Argo's wrapper writes about itself into the log of the container that it wraps, and the error that
# it ends with after that. A step's last line need not have an end of its own.
ARGO_LINE = re.compile(
    rb'time="[^"\n]*" level=\w+ msg=[^\n]* argo=true[^\n]*(\n|\Z)(Error: exit status \d+(\n|\Z))?'
)

# Kubelet's answer, with status 200, for a container that is being removed; KFP passes it on.
NO_LOG = re.compile(rb"unable to retrieve container logs for \S+\s*")


class Logs:
    """Reads logs so that an offset means the same place for as long as the run exists.

    A step that belongs to a run folder of this volume is read from its ``step.log``, to which every
    attempt appends, and from nowhere else while it runs. Any other step is read from KFP, which
    forgets an attempt when the run is retried: what it printed is kept in the state folder.
    """

    def __init__(self, settings: Settings, kfp: Kfp, cluster: Cluster) -> None:
        self._volume = Volume(settings.volume, settings.data_roots)
        self._kept = settings.state / "kubeflow" / "logs"
        self._kfp = kfp
        self._cluster = cluster

    def read(self, run: Run, entry: NodeStep, offset: int) -> LogChunk:
        """Give what a step printed from an offset on."""
        step = entry.step
        # Asked before the log is read: what is printed in between would be missed.
        is_over = step.state.is_finished and self._is_settled(entry)
        folder = self._folder(run)
        path = folder.log(step.name) if folder else None
        if path and path.is_file():
            with open(path, "rb") as file:
                file.seek(offset)
                return _chunk(file.read(CHUNK_BYTES + 1), offset, is_over=is_over)
        if folder and folder.path.is_dir() and not step.state.is_finished:
            return LogChunk("", offset, False)
        attempt = self._attempt(run, entry)
        is_over = is_over and (attempt is not None or _is_long_over(step))
        data = self._kept_bytes(run.id, step.name) + (attempt or b"")
        return _chunk(data[offset : offset + CHUNK_BYTES + 1], offset, is_over=is_over)

    def said(self, run: Run, entry: NodeStep) -> str:
        """Give a failed step's own words: its failure of this attempt, else its last line."""
        folder = self._folder(run)
        failure = folder.failure(entry.step.name) if folder else None
        words = words_of_attempt(failure, entry.step.started_at) if failure else ""
        if words:
            return words
        path = folder.log(entry.step.name) if folder else None
        if path and path.is_file():
            with open(path, "rb") as file:
                file.seek(max(0, path.stat().st_size - TAIL_BYTES))
                data = file.read()
        else:
            data = (self._attempt(run, entry) or b"")[-TAIL_BYTES:]
        return _last_line(data).removeprefix(f"{entry.step.name} failed: ")

    def keep(self, run: Run, nodes: tuple[NodeStep, ...]) -> None:
        """Keep what a retry makes KFP forget: the logs of the steps that run again."""
        give_up_at = time.monotonic() + KEEP_S
        for entry in nodes:
            while not self._is_settled(entry) and time.monotonic() < give_up_at:
                time.sleep(0.2)
            data = self._attempt(run, entry)
            if data:
                kept = self._kept_bytes(run.id, entry.step.name)
                write_atomic(self._kept_path(run.id, entry.step.name), kept + data)

    def forget(self, run_id: str) -> None:
        """Remove what was kept of a run."""
        shutil.rmtree(self._kept / run_id, ignore_errors=True)

    def _folder(self, run: Run) -> RunFolder | None:
        try:
            return folder_of_run(self._volume, run.parameters.get("launch", ""), run.uid)
        except (SlipwayError, OSError):
            return None  # a run from elsewhere, or no volume here: KFP has the log

    def _is_settled(self, entry: NodeStep) -> bool:
        """Say whether the pod of a step that is over has ended, too."""
        return _is_long_over(entry.step) or not entry.node or self._cluster.has_ended(entry.node)

    def _attempt(self, run: Run, entry: NodeStep) -> bytes | None:
        """Give what this attempt has printed; None when nobody has it now."""
        if not entry.node or entry.step.state is State.PENDING:
            return b""
        # KFP gives nothing of a pod that is there and not quite over.
        for ask in (self._cluster.log, partial(self._archived, run.id)):
            printed = ask(entry.node)
            if printed is not None and not NO_LOG.fullmatch(printed):
                return ARGO_LINE.sub(b"", printed)
        return None

    def _archived(self, run_id: str, node: str) -> bytes | None:
        try:
            return self._kfp.text(f"v1alpha1/runs/{run_id}/nodes/{node}/log")
        except (NotFound, InputError):
            return None
        except EngineUnreachable as reason:
            # 500 is what KFP says of a pod that never had a log; an outage has another status.
            if getattr(reason.__cause__, "status", None) == 500:
                return None
            raise

    def _kept_path(self, run_id: str, step: str) -> Path:
        return self._kept / run_id / f"{step}.log"

    def _kept_bytes(self, run_id: str, step: str) -> bytes:
        try:
            return self._kept_path(run_id, step).read_bytes()
        except FileNotFoundError:
            return b""


def _chunk(data: bytes, offset: int, *, is_over: bool) -> LogChunk:
    """Cut what was read, one byte more than a chunk at most, at the end of a line."""
    is_all = len(data) <= CHUNK_BYTES
    data = data[:CHUNK_BYTES]
    if not (is_over and is_all):
        end = data.rfind(b"\n") + 1
        # A line longer than a chunk is given in pieces rather than never.
        data = data[:end] if end or is_all else data
    text = data.decode("utf-8", errors="replace")
    return LogChunk(text, offset + len(data), is_over and is_all)


def _is_long_over(step: Step) -> bool:
    try:
        over_s = (datetime.now(UTC) - datetime.fromisoformat(step.finished_at)).total_seconds()
    except ValueError:  # it never ran
        return True
    return over_s > SETTLES_S


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", errors="replace").splitlines()
    return next((line.strip()[:MAX_LINE] for line in reversed(lines) if line.strip()), "")
