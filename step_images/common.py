"""What every step program shares: arguments, the run folder, its log, its end.

A step is ``python -m step_images.<name> --launch ID --run-uid UID …``. Its ``__main__`` makes a
parser with `step_parser`, adds its own flags and gives a body to `run_step`::

    def main(argv: Sequence[str] | None = None) -> int:
        parser = step_parser("train", "Train a YOLO model.")
        parser.add_argument("--model-path", required=True)
        parser.add_argument("--best-pt-output", required=True)   # where KFP wants the output
        return run_step(parser, train, argv)

    def train(step: Step) -> None:
        ...
        write_output(step.args.best_pt_output, str(best))

    if __name__ == "__main__":
        sys.exit(main())

`run_step` promises:

* the folder of the run is the one that `pipeline.core.volume.run_folder` names, owned by this run's
  uid; ``$SLIPWAY_VOLUME`` says where the volume is;
* everything that the step and its children print also goes to ``<run folder>/<step>/step.log``, by
  whole lines: of a progress bar the last state, without terminal colours and without passwords of
  addresses or values of secret variables. A retry appends;
* the body works in a directory of its own, new and empty (`step_images.workplace`): paths that a
  step is given are absolute;
* exit 0 when the body returns; otherwise ``failure.json`` holds {error, why, next} and the last
  line of the log is that error. A `SlipwayError` ends with its own exit code, anything else with 1;
* SIGTERM raises `Stopped` in the main thread: clean up in ``finally`` or ``except Stopped``, be
  quick, and let it pass; the step exits with 143.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from pipeline.core.clock import utc_now
from pipeline.core.errors import InputError, SlipwayError
from pipeline.core.files import make_folder
from pipeline.core.findings import Finding
from pipeline.core.hiding import hidden
from pipeline.core.printable import one_line
from pipeline.core.said import said
from pipeline.core.settings import load_settings
from pipeline.core.volume.failure import Failure, write_failure
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder, claim, folder_of_run
from step_images.workplace import own_directory

STOPPED_EXIT_CODE = 143  # 128 + SIGTERM, what a shell and Kubernetes say too
_stop_asked = threading.Event()
_TERMINAL_CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Stopped(SystemExit):
    """SIGTERM came; not an ``Exception``, so that no library swallows it."""

    def __init__(self) -> None:
        super().__init__(STOPPED_EXIT_CODE)


@dataclass(frozen=True)
class Step:
    """One execution of a step.

    Parameters
    ----------
    name
        ``verify``, ``distribution``, ``plot``, ``train``, ``test`` or ``tune``.
    args
        The parsed arguments, among them ``launch`` and ``run_uid``.
    volume
        The volume as this step has it mounted.
    folder
        The run's folder on it.
    """

    name: str
    args: argparse.Namespace
    volume: Volume
    folder: RunFolder

    @property
    def path(self) -> Path:
        """The step's own folder; it exists."""
        return self.folder.step(self.name)

    def given(self, argument: str) -> Path:
        """Give the file of an argument: what Ultralytics does not find, it would look for online.

        Raises
        ------
        SlipwayError
            It is no file on the volume any more.
        """
        path = Path(getattr(self.args, argument))
        root = os.path.realpath(self.volume.root)
        if not path.is_file() or not Path(os.path.realpath(path)).is_relative_to(root):
            raise SlipwayError(
                said(
                    "{name} is no file on the volume (any more).", name=self.volume.relative(path)
                ),
                where=argument,
                next=said("Put it back and retry the run."),
            )
        return path


def step_parser(name: str, description: str) -> argparse.ArgumentParser:
    """Make a parser with what every step is given; its ``prog`` is the step's name."""
    parser = argparse.ArgumentParser(prog=name, description=description, allow_abbrev=False)
    parser.add_argument("--launch", default="", help="launch id; empty for an uploaded pipeline")
    parser.add_argument("--run-uid", required=True, help="uid of the workflow")
    return parser


def run_step(
    parser: argparse.ArgumentParser,
    body: Callable[[Step], None],
    argv: Sequence[str] | None = None,
) -> int:
    """Run a step's body with its log, its failure file and its exit code.

    Parameters
    ----------
    parser
        From `step_parser`; its ``prog`` names the step.
    body
        The step's work.
    argv
        Arguments without the program; those of the process when None.

    Returns
    -------
    int
        The exit code.
    """
    args = parser.parse_args(argv)
    name = parser.prog
    try:
        step = _open_step(name, args)
    except SlipwayError as reason:
        print(f"{name} failed: {reason}", flush=True)
        return reason.exit_code
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with _log(step.folder.log(name)), own_directory(load_settings()):
            return _finish(step, body)
    finally:
        signal.signal(signal.SIGTERM, before)


def write_output(path: str | Path, text: str) -> None:
    """Write an output to the path that KFP gave; its folder need not exist."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def print_findings(findings: Sequence[Finding]) -> None:
    """Print findings for a person, one a line."""
    for finding in findings:
        where = f" {finding.where}:" if finding.where else ""
        count = f" ({finding.count} times)" if finding.count > 1 else ""
        print(f"{finding.severity}:{where} {finding.message}{count} {finding.next}".rstrip())


def _open_step(name: str, args: argparse.Namespace) -> Step:
    settings = load_settings()
    volume = Volume(settings.volume, settings.data_roots)
    if not volume.root.is_dir():
        raise SlipwayError(
            f"the volume {volume.root} does not exist.",
            where="SLIPWAY_VOLUME",
            next="Mount the volume there.",
        )
    try:
        folder = _own_folder(volume, args.launch, args.run_uid)
        make_folder(folder.step(name))
        folder.failure(name).unlink(missing_ok=True)
    except OSError as reason:
        raise SlipwayError(
            f"the run folder cannot be written: {reason.strerror}.",
            where=str(reason.filename or volume.root),
            next="Give the step write access to the volume.",
        ) from reason
    return Step(name, args, volume, folder)


def _own_folder(volume: Volume, launch: str, uid: str) -> RunFolder:
    folder = folder_of_run(volume, launch, uid)
    try:
        claim(folder, uid)
    except SlipwayError:  # another run of the same launch was quicker by a moment
        folder = folder_of_run(volume, launch, uid)
        claim(folder, uid)
    return folder


def _finish(step: Step, body: Callable[[Step], None]) -> int:
    try:
        _until_stopped(step, body)
    except Stopped:
        return _fail(
            step,
            STOPPED_EXIT_CODE,
            error=said("it was stopped."),
            why="SIGTERM",
            next=said("Retry the run to go on from here."),
        )
    except SlipwayError as reason:
        findings = reason.findings if isinstance(reason, InputError) else ()
        return _fail(
            step,
            reason.exit_code,
            error=reason.message,
            why=reason.where or type(reason).__name__,
            next=reason.next,
            findings=findings,
        )
    except Exception as reason:  # noqa: BLE001 - the one edge where any failure becomes a sentence
        traceback.print_exc()
        sentence = one_line(hidden(str(reason))) or "no reason given"
        return _fail(
            step,
            1,
            error=f"{type(reason).__name__}: {sentence[:500].rstrip('.')}.",
            why="an error that Slipway does not know; the log has its traceback",
            next=said("Read the log of this step."),
        )
    return 0


def _until_stopped(step: Step, body: Callable[[Step], None]) -> None:
    """Run the body; once SIGTERM came, whatever a library made of `Stopped` still means that."""
    _stop_asked.clear()
    try:
        body(step)
    except BaseException as reason:
        if _stop_asked.is_set():
            raise Stopped from reason
        raise


def _fail(
    step: Step,
    exit_code: int,
    *,
    error: str,
    why: str,
    next: str,
    findings: Sequence[Finding] = (),
) -> int:
    failure = Failure(error, why, next, exit_code)
    try:
        write_failure(step.folder.failure(step.name), failure, findings)
    except OSError as reason:  # a full disk must not hide why the step failed
        print(f"failure.json cannot be written: {reason}", file=sys.stderr)
    print("\r", flush=True)  # ends a line that was left open; alone it is no line of the log
    print(f"{step.name} failed: {error} {next}".rstrip())
    return exit_code


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the clean-up is not interrupted by a second one
    _stop_asked.set()
    raise Stopped


@contextmanager
def _log(path: Path) -> Iterator[None]:
    """Copy what this process and its children print to a log, at the level of file descriptors."""
    again = path.exists() and path.stat().st_size > 0
    with open(path, "ab", buffering=0) as log:
        if again:
            log.write(f"--- again at {utc_now()}\n".encode())
        _flush()
        reading, writing = os.pipe()
        kept = os.dup(1), os.dup(2)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(writing)
        copier = threading.Thread(target=_copy_lines, args=(reading, kept[0], log), daemon=True)
        copier.start()
        try:
            yield
        finally:
            _flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            # A daemon that the step left behind may hold the pipe open; it is not waited for.
            copier.join(timeout=5)
            for descriptor in kept:
                os.close(descriptor)


def _copy_lines(reading: int, terminal: int, log: BinaryIO) -> None:
    rest = b""
    while chunk := os.read(reading, 1 << 16):
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            kept = (_plain(line) + b"\n" for line in lines if line != b"\r")
            _write(_hidden(b"".join(kept)), terminal, log)
        rest = rest[rest.rfind(b"\r", 0, -1) + 1 :]
    if _plain(rest):
        _write(_hidden(_plain(rest) + b"\n"), terminal, log)
    os.close(reading)


def _plain(line: bytes) -> bytes:
    """Give what a terminal shows of a line: the last state of a progress bar, no colours."""
    return _TERMINAL_CODES.sub(b"", line).rstrip(b"\r").rpartition(b"\r")[2]


def _hidden(data: bytes) -> bytes:
    """Take out what a library said of addresses and keys, such as a client's in a traceback."""
    return hidden(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _write(data: bytes, terminal: int, log: BinaryIO) -> None:
    try:
        log.write(data)
    except OSError as reason:  # a full disk: the engine's own log still gets everything
        os.write(terminal, f"step.log: {reason}\n".encode())
    view = memoryview(data)
    while view:
        view = view[os.write(terminal, view) :]


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
