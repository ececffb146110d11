"""Writing the record of a launch on the volume, whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.core.cfg.train_cfg import effective_cfg
from pipeline.core.files import make_folder, write_atomic
from pipeline.core.launch.launch import Launch, digests_of
from pipeline.core.volume.paths import Volume
from pipeline.core.volume.run_folder import RunFolder
from pipeline.core.volume.run_note import RunNote, save_note

if TYPE_CHECKING:
    from pipeline.actions.launching.launches import Plan


def record(volume: Volume, folder: RunFolder, plan: Plan, workflow_text: str) -> bool:
    """Write the run folder beside its place and move it there.

    Returns
    -------
    bool
        False when the launch is recorded already, and nothing was written.
    """
    if folder.launch.exists():
        return False
    make_folder(folder.path.parent)
    draft = RunFolder(folder.path.with_name(f".{folder.name}.{secrets.token_hex(4)}"))
    try:
        _digested(volume, plan).save(draft.launch)
        write_atomic(draft.workflow, workflow_text)
        write_atomic(draft.cfg, plan.cfg_after)
        if plan.data_text:
            write_atomic(draft.data, plan.data_text)
        if plan.tune_text:
            write_atomic(draft.tune_space, plan.tune_text)
        if plan.model_name:
            write_atomic(draft.path / plan.model_name, plan.model_text)
        if plan.launch.sweep:
            save_note(draft, RunNote(tags=(plan.launch.sweep,)))
        os.rename(draft.path, folder.path)
    except BaseException:
        shutil.rmtree(draft.path, ignore_errors=True)
        raise
    return True


def _digested(volume: Volume, plan: Plan) -> Launch:
    """Complete the record with the files' digests; a large model takes a moment to read."""
    cfg = effective_cfg(plan.cfg_after, {})
    return replace(plan.launch, sha256=digests_of(volume, plan.resolved, cfg))
