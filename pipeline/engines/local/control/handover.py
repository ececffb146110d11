"""Handing secret values to the controller: through a socket of its owner's, into its `Vault`."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Mapping

from pipeline.engines.local.control.vault import DONE, short_address
from pipeline.engines.local.layout import Layout

_LIMIT_S = 3.0
_PAUSE_S = 0.05


def entrust(
    layout: Layout, run_id: str, values: Mapping[str, str], start: Callable[[], bool]
) -> None:
    """Let the controller have the values of a run, whether one lives or not.

    Where it does not take them, the steps that want them say so.

    Parameters
    ----------
    start
        Starts a controller, which has this process's environment, when none lives; says whether
        that was so.
    """
    give_up_at = time.monotonic() + _LIMIT_S
    with contextlib.suppress(OSError):  # a disk that is full; the call that follows says so
        while values and not start():
            left_s = give_up_at - time.monotonic()
            if left_s <= 0 or _send(layout, run_id, values, left_s) or _is_deaf(layout):
                return
            time.sleep(_PAUSE_S)


def _is_deaf(layout: Layout) -> bool:
    """Say whether the controller does not listen: it would before it notes its pid."""
    return bool(layout.controller_lock.stat().st_size) and not layout.socket.is_socket()


def _send(layout: Layout, run_id: str, values: Mapping[str, str], limit_s: float) -> bool:
    """Say whether a controller has taken the values; one that just starts does not listen yet."""
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        client.settimeout(limit_s)
        with short_address(layout) as path:
            client.connect(path)
        client.sendall(json.dumps({"run": run_id, "values": dict(values)}).encode())
        client.shutdown(socket.SHUT_WR)
        return client.recv(len(DONE)) == DONE
    return False
