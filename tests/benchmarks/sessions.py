"""Many browsers at once, as websocket clients that ask for the same page at the same moment."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

from pipeline.actions.installation import Installation
from pipeline.core.settings import load_settings
from tests.benchmarks.browser import RUNS, dashboard
from tests.benchmarks.tracking import record

SESSIONS = 50
ROUNDS = 5
WAIT_S = 60.0
_DONE = ForwardMsg.FINISHED_SUCCESSFULLY


def many_sessions(folder: Path) -> None:
    """Let fifty sessions rerun at the same moment, on the launch page and on the list of runs."""
    with dashboard(folder) as url:
        server = server_at(url)
        here = Installation(load_settings({"volume": str(folder / "volume")}))
        for number in range(RUNS):
            record(here, number)
        for page in ("", "runs"):
            asyncio.run(_measure(url, page, server))


async def _measure(url: str, page: str, server: psutil.Process) -> None:
    first = await _open(url, page)
    await asyncio.sleep(8)  # what is loaded ahead is there
    before_bytes = server.memory_info().rss
    sessions = [first, *[await _open(url, page) for _ in range(SESSIONS - 1)]]
    times: list[float] = []
    for _ in range(ROUNDS):
        times += await asyncio.gather(*(session.rerun() for session in sessions))
    mb = (server.memory_info().rss - before_bytes) / (SESSIONS - 1) / 1e6
    lost = SESSIONS - sum([await session.is_there() for session in sessions])
    cuts = quantiles(times, n=20)
    print(
        f"{SESSIONS} sessions on the page '{page or 'launch'}' rerun at once: median "
        f"{cuts[9]:.2f} s, p95 {cuts[18]:.2f} s (at most 1 s); {mb:.1f} MB a session (at most 25);"
        f" {lost} lost (0)"
    )
    for session in sessions:
        await session.close()


async def _open(url: str, page: str) -> _Session:
    address = urlsplit(url)
    connection = await connect(
        f"ws://{address.netloc}/_stcore/stream",
        origin=f"http://{address.netloc}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
        max_size=None,
    )
    session = _Session(connection, page)
    await session.rerun()
    return session


class _Session:
    def __init__(self, connection: ClientConnection, page: str) -> None:
        self._connection = connection
        self._page = page
        self._script = ""

    async def rerun(self) -> float:
        """Ask for the page, and give the seconds until the last of it is here."""
        message = BackMsg()
        message.rerun_script.page_name = self._page
        message.rerun_script.page_script_hash = self._script
        message.rerun_script.context_info.locale = "en"
        begin = time.perf_counter()
        await self._connection.send(message.SerializeToString())
        await asyncio.wait_for(self._finished(), WAIT_S)
        return time.perf_counter() - begin

    async def is_there(self) -> bool:
        """Say whether the server still answers."""
        return await self.rerun() < WAIT_S

    async def close(self) -> None:
        """Leave."""
        await self._connection.close()

    async def _finished(self) -> None:
        while True:
            message = ForwardMsg()
            message.ParseFromString(await self._connection.recv(decode=False))
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._script = message.navigation.page_script_hash
            if kind == "script_finished" and message.script_finished == _DONE:
                return


def server_at(url: str) -> psutil.Process:
    """Give the process that listens there."""
    port = urlsplit(url).port
    (pid,) = {
        entry.pid
        for entry in psutil.net_connections("tcp")
        if entry.status == psutil.CONN_LISTEN and entry.laddr.port == port and entry.pid
    }
    return psutil.Process(pid)
