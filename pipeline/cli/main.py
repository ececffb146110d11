"""The command line: parse, run the command, print its answer; no input makes a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from pipeline.cli.answer import print_answer, print_error, say
from pipeline.cli.arguments import installation_of, make_parser
from pipeline.core.clock import utc_now
from pipeline.core.errors import SlipwayError
from pipeline.core.hiding import hidden, hide_in_logs

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in words
    hide_in_logs()
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no failure
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        return _explained(words, as_json=as_json)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        say("Interrupted; runs in progress go on.")
        return INTERRUPTED


def _explained(words: list[str], *, as_json: bool) -> int:
    try:
        return _run(words)
    except SlipwayError as reason:
        print_error(reason, as_json=as_json)
        return reason.exit_code
    except BrokenPipeError:
        raise
    except OSError as reason:
        name = str(reason.filename or "")
        message = reason.strerror or str(reason)
        print_error(
            SlipwayError(f"{message}.", where=name, next="See to the file or disk, and try again."),
            as_json=as_json,
        )
        return SlipwayError.exit_code
    except Exception as reason:  # noqa: BLE001  the last line of defence: a sentence and a log
        print_error(_unexpected(words, reason), as_json=as_json)
        return SlipwayError.exit_code


def _run(words: list[str]) -> int:
    arguments = make_parser().parse_args(words)
    answer = arguments.command(installation_of(arguments), arguments)
    print_answer(answer, as_json=getattr(arguments, "json", False))
    return int(answer.exit_code)


def _unexpected(words: list[str], reason: Exception) -> SlipwayError:
    folder = Path(os.environ.get("SLIPWAY_STATE") or "./.slipway")
    if "--state" in words[:-1]:
        folder = Path(words[words.index("--state") + 1])
    path = folder.absolute() / "logs" / "command-line.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            text = f"{utc_now()} {words}\n{''.join(traceback.format_exception(reason))}\n"
            file.write(hidden(text))
    except OSError as second:
        return SlipwayError(
            f"unexpected {type(reason).__name__}: {reason} (no log: {second}).",
            next="Please report it.",
        )
    return SlipwayError(
        f"unexpected {type(reason).__name__}: {reason}.",
        next=f"Please report it with {path}.",
    )
