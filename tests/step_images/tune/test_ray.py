"""Who reaches the servers that Ray starts for a search: they run whatever they are sent."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys

import pytest

# One program, for Ray outlives nothing here: it starts Ray, says where its processes listen, and
# lets a stranger of the same machine, who knows the address and no token, try to run something.
PROGRAM = """
import os, subprocess, sys
import psutil
from step_images.tune.resources import ray_here

with ray_here(1):
    import ray
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        for socket in process.net_connections("inet"):
            if socket.status == psutil.CONN_LISTEN:
                print("listens", socket.laddr.ip)
    stranger = (
        "import ray; ray.init(address='" + ray.get_runtime_context().gcs_address + "');"
        "print('ran', ray.get(ray.remote(lambda: 1).remote()))"
    )
    bare = {name: text for name, text in os.environ.items() if not name.startswith("RAY_AUTH")}
    try:
        tried = subprocess.run(
            [sys.executable, "-c", stranger], env=bare, capture_output=True, text=True, timeout=60
        )
        print("stranger", tried.returncode, tried.stdout)
    except subprocess.TimeoutExpired:
        print("stranger 1 waits for an answer")
    print("own", ray.get(ray.remote(lambda: "answered").remote()))
"""


@pytest.mark.slow
def test_ray_listens_here_only_and_runs_nothing_for_strangers() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    said = done.stdout.splitlines()
    places = [line.split()[1] for line in said if line.startswith("listens ")]
    assert places, done.stderr[-2000:]
    for place in places:
        address = ipaddress.ip_address(place)
        mapped = getattr(address, "ipv4_mapped", None)
        assert (mapped or address).is_loopback, place
    assert "own answered" in said, done.stderr[-2000:]
    (stranger,) = [line for line in said if line.startswith("stranger ")]
    assert not stranger.startswith("stranger 0")
    assert "ran 1" not in done.stdout
