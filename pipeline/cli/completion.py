"""What Tab completes in bash and zsh: commands and options, and names on the volume when asked."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Collection, Iterator
from typing import Any

from pipeline.actions.installation import Installation
from pipeline.cli.answer import Answer
from pipeline.core.official_weights import NAMES
from pipeline.core.volume.paths import Kind
from pipeline.core.volume.run_folder import list_run_names

SHELLS = ("bash", "zsh")
_FILES: dict[str, Kind] = {"models": "model", "cfgs": "cfg", "datasets": "data", "tunes": "tune"}
# What is named by which places of the parsed arguments.
_NAMED = {
    "models": ("model", "models"),
    "cfgs": ("cfg", "cfgs"),
    "datasets": ("data",),
    "tunes": ("tune_space",),
    "runs": ("run", "runs"),
    "weights": ("names",),
}
KINDS = tuple(_NAMED)
_PATHS = {"volume": "directory", "state": "directory", "folder": "directory", "output": "file"}

# Each asks the very command that is being typed, with the volume that was typed before.
_BASH = """
_slipway_names() {
  local index=1 word given=() name
  while [ "$index" -lt "$COMP_CWORD" ]; do
    word=${COMP_WORDS[index]}
    if [ "$word" = --volume ]; then
      index=$((index + 1))
      [ "${COMP_WORDS[index]}" != = ] || index=$((index + 1))
      given=(--volume "${COMP_WORDS[index]/#\\~/$HOME}")
    fi
    index=$((index + 1))
  done
  "${COMP_WORDS[0]/#\\~/$HOME}" "${given[@]}" completion "$1" 2>/dev/null |
    while IFS= read -r name; do
      [[ "$name" != "$2"* ]] || printf '%q\\n' "$name"
    done
}
"""
_ZSH = """
_slipway_names() {
  local -a typed given found
  typed=(${(Q)${(z)LBUFFER}})  # of a command's arguments, $words has those behind its name only
  local at=${typed[(I)--volume]}
  (( at )) && given=(--volume "${typed[at + 1]/#\\~/$HOME}")
  at=${typed[(I)--volume=*]}
  (( at )) && given=(--volume "${${typed[at]#--volume=}/#\\~/$HOME}")
  found=("${(@f)$(slipway "${given[@]}" completion "$1" 2>/dev/null)}")
  compadd -- "${found[@]:#}"
}
"""


def completion(here: Installation, arguments: Namespace) -> Answer:
    """Print the script for a shell, or the names that it asks for."""
    if arguments.what in SHELLS:
        text = _script(arguments.what)
        return Answer({"script": text}, text)
    names = [name for name in _names(here, arguments.what) if name.isprintable()]
    return Answer({"names": names}, "\n".join(names))


def _names(here: Installation, what: str) -> Collection[str]:
    """List names without asking any engine; a volume that is not there has none."""
    if what == "weights":
        return sorted(NAMES)
    if not here.volume.root.is_dir():
        return ()
    if what == "runs":
        return list_run_names(here.volume)
    return [choice.name for choice in here.volume.choices(_FILES[what])]


def _script(shell: str) -> str:
    import shtab

    from pipeline.cli.arguments import make_parser

    parser = make_parser()
    for action in _actions(parser):
        _say_what_completes(action)
    functions = {
        "bash": "".join(f'_slipway_{kind}() {{ _slipway_names {kind} "$1"; }}\n' for kind in KINDS),
        "zsh": "".join(f"_slipway_{kind}() {{ _slipway_names {kind}; }}\n" for kind in KINDS),
    }
    helpers = {"bash": _BASH, "zsh": _ZSH}
    text: str = shtab.complete(parser, shell=shell, preamble=helpers[shell] + functions[shell])
    # As it is, it can be given to zsh's eval and lie in its fpath, but not be sourced.
    return text.replace("$zsh_eval_context[-1] == eval", "$funcstack[1] != _slipway")


def _actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _actions(command)
        else:
            yield action


def _say_what_completes(action: Any) -> None:
    from pipeline.cli.options import STATES
    from pipeline.core.engines import ENGINES
    from pipeline.core.launch.kinds import steps
    from pipeline.core.launch.kinds.kind import LaunchStep

    every = [step.name for step in vars(steps).values() if isinstance(step, LaunchStep)]
    words = {"engine": [*ENGINES], "step": every, "what": SHELLS}
    name = action.dest if action.metavar != "STATE" else "run state"
    words["run state"] = list(STATES)
    if action.nargs == 0:
        return
    if name in words:
        action.choices = words[name]
    elif name in _PATHS:
        import shtab

        action.complete = {"directory": shtab.DIRECTORY, "file": shtab.FILE}[_PATHS[name]]
    for kind, places in _NAMED.items():
        if name in places:
            action.complete = dict.fromkeys(SHELLS, f"_slipway_{kind}")
