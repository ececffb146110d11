"""The control group of a step: where one is made, and what becomes of a step in it.

Few machines let a test make one, so a folder stands for the tree. It is not the kernel: nothing is
limited there, and a group's folder keeps its files. One test asks the kernel where that is allowed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.engines.local.steps.group import make_group
from pipeline.engines.local.steps.processes import SUPERVISOR

EAT = f'{sys.executable} -c "held = []\nwhile True: held.append(bytearray(8 << 20))"'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with an application's group, which gives memory to those below it."""
    for name, given in (("", "cpu memory"), ("app", "memory pids"), ("app/session", "")):
        folder = tmp_path / "tree" / name
        folder.mkdir()
        (folder / "cgroup.subtree_control").write_text(given)
        (folder / "cgroup.procs").touch()
    return tmp_path / "tree"


def own(tree: Path, text: str) -> str:
    path = tree.parent / "own"
    path.write_text(text)
    return str(path)


def made_in(tree: Path) -> list[str]:
    return [str(path.parent.relative_to(tree)) for path in tree.rglob(f"slipway-{os.getpid()}")]


def test_it_is_made_beside_the_own_one_and_given_the_limit(tree: Path) -> None:
    group = make_group(1 << 30, root=str(tree), own=own(tree, "1:cpu:/x\n0::/app/session\n"))
    assert group
    assert made_in(tree) == ["app"]
    folder = tree / "app" / f"slipway-{os.getpid()}"
    assert (folder / "memory.max").read_text() == str(1 << 30)
    with group.entered():
        assert (folder / "cgroup.procs").read_text() == "0"
        (tree / "app" / "session" / "cgroup.procs").write_text("")
    assert (tree / "app" / "session" / "cgroup.procs").read_text() == "0"
    assert group.events() == {"oom": 0, "oom_kill": 0}
    (folder / "memory.events").write_text("low 0\nmax 7\noom 2\noom_kill 1\n")
    assert group.events()["oom_kill"] == 1


def test_it_is_made_below_the_own_one_where_that_gives_memory(tree: Path) -> None:
    assert make_group(None, root=str(tree), own=own(tree, "0::/app\n"))
    assert made_in(tree) == ["app"]
    assert not (tree / "app" / f"slipway-{os.getpid()}" / "memory.max").exists()


@pytest.mark.parametrize("line", ["", "4:memory:/app/session\n", "0::/../elsewhere\n"])
def test_there_is_none_where_the_tree_is_another(tree: Path, line: str) -> None:
    shutil.rmtree(tree / "app")
    (tree / "cgroup.subtree_control").unlink()
    assert make_group(None, root=str(tree), own=own(tree, line)) is None
    assert made_in(tree) == []


def test_there_is_none_where_nobody_gives_memory(tree: Path) -> None:
    (tree / "app" / "cgroup.subtree_control").write_text("pids")
    assert make_group(1, root=str(tree), own=own(tree, "0::/app/session\n")) is None


def test_there_is_none_where_it_cannot_be_written(tree: Path) -> None:
    shutil.rmtree(tree / "app" / "session")  # where this process would have to go back to
    (tree / "app" / f"slipway-{os.getpid()}").write_text("a file in its place")
    assert make_group(1, root=str(tree), own=own(tree, "0::/app/session\n")) is None


def test_groups_of_dead_supervisors_are_removed(tree: Path) -> None:
    left, other = tree / "app" / "slipway-4194999", tree / "app" / f"slipway-{os.getppid()}"
    for folder in (left, other):
        folder.mkdir()
    make_group(None, root=str(tree), own=own(tree, "0::/app/session\n"))
    assert not left.exists()
    assert other.exists()


def supervised(tmp_path: Path, script: str, before: str) -> dict[str, object]:
    """Run a step under its supervisor, where something else is mounted as the tree."""
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    limits = json.dumps({"grace_s": 1, "timeout_s": None, "mem_bytes": 64 << 20})
    lock = os.open(attempt / "lock", os.O_RDWR | os.O_CREAT)
    supervisor = [sys.executable, "-I", "-S", str(SUPERVISOR), str(attempt), str(lock), limits]
    mounted = ["unshare", "--mount", "sh", "-c", f'{before} || exit 99; exec "$@"', "sh"]
    done = subprocess.run(
        [*mounted, *supervisor, "--", "sh", "-c", script],
        pass_fds=(lock,),
        capture_output=True,
        text=True,
    )
    os.close(lock)
    if not (attempt / "exit.json").exists():
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    ended: dict[str, object] = json.loads((attempt / "exit.json").read_text())
    return ended


@pytest.fixture
def mount_root(tmp_path: Path) -> str:
    """A command that puts a folder in the tree's place, of which this process is in the root."""
    if "0::/" not in Path("/proc/self/cgroup").read_text().splitlines():
        pytest.skip("this process is somewhere in a tree of version 2; the folder has only a root")
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "cgroup.subtree_control").write_text("memory")
    (folder / "cgroup.procs").touch()
    return f"mount --bind {folder} /sys/fs/cgroup"


def test_a_step_that_the_kernel_ended_in_its_group_has_met_its_limit(
    tmp_path: Path, mount_root: str
) -> None:
    # The step plays the kernel: it notes the kill where that would, and dies of it.
    script = "cd /sys/fs/cgroup/slipway-*; echo 'oom 1\noom_kill 1' >memory.events; kill -9 $$"
    ended = supervised(tmp_path, script, mount_root)
    assert (ended["code"], ended["limit"], ended["is_own"]) == (137, "memory", True)
    (group,) = (tmp_path / "tree").glob("slipway-*")
    assert (group / "memory.max").read_text() == str(64 << 20)


def test_a_step_that_somebody_killed_in_its_group_is_not_blamed(
    tmp_path: Path, mount_root: str
) -> None:
    ended = supervised(tmp_path, "kill -9 $$", mount_root)
    assert (ended["code"], ended["limit"], ended["is_own"]) == (137, "", True)
    assert not ended["is_out_of_memory"]


def test_the_kernel_ends_the_whole_step_at_its_limit(tmp_path: Path) -> None:
    ended = supervised(tmp_path, f"sh -c '{EAT}'; echo a child was ended; exit 7", "true")
    if not ended["is_own"]:
        pytest.skip("no control group can be made here")
    assert (ended["code"], ended["limit"], ended["is_out_of_memory"]) == (137, "memory", False)


def test_without_a_tree_the_supervisor_holds_the_limit_itself(tmp_path: Path) -> None:
    ended = supervised(tmp_path, EAT, "mount -t tmpfs none /sys/fs/cgroup")
    assert (ended["code"], ended["limit"], ended["is_own"]) == (137, "memory", False)
