"""What a step printed: from the volume, else from KFP, which keeps it when the pod is gone."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path

from pipeline.core.errors import EngineUnreachable, InputError, NotFound, SlipwayError
from pipeline.core.files import write_atomic
from pipeline.core.run_folder import RunFolder, folder_of_run
from pipeline.core.settings import Settings
from pipeline.core.states import State
from pipeline.core.volume import Volume
from pipeline.engines.base import LogChunk, Run, Step
from pipeline.engines.kubeflow.cluster import Cluster
from pipeline.engines.kubeflow.connect import Kfp
from pipeline.engines.kubeflow.steps import NodeStep

CHUNK_BYTES = 1 << 20
TAIL_BYTES = 8192
MAX_LINE = 500

# Argo's wrapper writes about itself into the log of the container that it wraps, and the error that
# it ends with after that. A step's last line need not have an end of its own.
ARGO_LINE = re.compile(
    rb'time="[^"\n]*" level=\w+ msg=[^\n]* argo=true[^\n]*(\n|\Z)(Error: exit status \d+(\n|\Z))?'
)


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
        is_over = step.state.is_finished
        folder = self._folder(run)
        path = folder.log(step.name) if folder else None
        if path and path.is_file():
            with open(path, "rb") as file:
                file.seek(offset)
                return _chunk(file.read(CHUNK_BYTES + 1), offset, is_over=is_over)
        if folder and folder.path.is_dir() and not is_over:
            return LogChunk("", offset, False)
        data = self._kept_bytes(run.id, step.name) + self._attempt(run, entry)
        return _chunk(data[offset : offset + CHUNK_BYTES + 1], offset, is_over=is_over)

    def said(self, run: Run, entry: NodeStep) -> str:
        """Give a failed step's own words: its failure of this attempt, else its last line."""
        folder = self._folder(run)
        words = _failure(folder, entry.step) if folder else ""
        if words:
            return words
        path = folder.log(entry.step.name) if folder else None
        if path and path.is_file():
            with open(path, "rb") as file:
                file.seek(max(0, path.stat().st_size - TAIL_BYTES))
                data = file.read()
        else:
            data = self._attempt(run, entry)[-TAIL_BYTES:]
        return _last_line(data).removeprefix(f"{entry.step.name} failed: ")

    def keep(self, run: Run, nodes: tuple[NodeStep, ...]) -> None:
        """Keep what a retry makes KFP forget: the logs of the steps that run again."""
        for entry in nodes:
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

    def _attempt(self, run: Run, entry: NodeStep) -> bytes:
        return ARGO_LINE.sub(b"", self._printed(run, entry))

    def _printed(self, run: Run, entry: NodeStep) -> bytes:
        if not entry.node or entry.step.state is State.PENDING:
            return b""
        # KFP gives nothing of a pod that is there and not quite over.
        printed = self._cluster.log(entry.node)
        if printed is not None:
            return printed
        try:
            return self._kfp.text(f"v1alpha1/runs/{run.id}/nodes/{entry.node}/log")
        except (NotFound, InputError):
            return b""
        except EngineUnreachable as reason:
            # 500 is what KFP says of a pod that never had a log; an outage has another status.
            if getattr(reason.__cause__, "status", None) == 500:
                return b""
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


def _failure(folder: RunFolder, step: Step) -> str:
    """Read the failure of this attempt; one that an earlier attempt left is older than it."""
    try:
        path = folder.failure(step.name)
        if path.stat().st_mtime < datetime.fromisoformat(step.started_at).timestamp() - 1:
            return ""
        document = json.loads(path.read_text(encoding="utf-8"))
        parts = [str(document.get(key) or "").strip() for key in ("error", "next")]
        return " ".join(part for part in parts if part)
    except (OSError, ValueError, AttributeError):
        return ""  # a step that could not write its failure still printed a last line


def _last_line(data: bytes) -> str:
    lines = data.decode("utf-8", errors="replace").splitlines()
    return next((line.strip()[:MAX_LINE] for line in reversed(lines) if line.strip()), "")
