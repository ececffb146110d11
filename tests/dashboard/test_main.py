"""The end of the dashboard's own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect

from pipeline.tracking.server import answers, free_port
from tests.serving import ROOT
from tests.waiting import until


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -15)])
def test_it_ends_at_once_and_in_silence_while_pages_are_drawn(
    number: signal.Signals, code: int, volume: Path, state: Path
) -> None:
    for drawn_for_s in (0.0, 0.1, 0.4):  # a page takes some two seconds in a new process
        port = free_port("127.0.0.1")
        options = ("--server.headless", "true", "--server.address", "127.0.0.1")
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", *options, "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "SLIPWAY_STATE": str(state), "SLIPWAY_VOLUME": str(volume)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process, ExitStack() as clients:
            until(lambda: answers(f"http://127.0.0.1:{port}/_stcore/health"), of=process)  # noqa: B023
            for _ in range(4):
                ask_for_a_page(port, clients)
            time.sleep(drawn_for_s)
            process.send_signal(number)
            assert process.wait(20) == code
            assert process.stderr is not None
            assert process.stderr.read().strip() in ("", "Aborted!")


def ask_for_a_page(port: int, clients: ExitStack) -> None:
    at = f"127.0.0.1:{port}"
    client = clients.enter_context(connect(f"ws://{at}/_stcore/stream", origin=f"http://{at}"))
    message = BackMsg()
    message.rerun_script.page_name = "datasets"
    client.send(message.SerializeToString())
