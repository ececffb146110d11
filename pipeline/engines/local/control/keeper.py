"""Starts the controller, and the next one when it dies. Standard library only: it stays small.

Called by path as ``python -I -S keeper.py LOCK_FD COMMAND…``. It holds the controller's lock with
the controller, so that nobody starts a second one meanwhile. A controller that ends in good order
has let go of the lock, and the keeper ends with it. After some that died young it gives up: whoever
looks at a run next tries again, with an environment that may have been mended.
"""

import contextlib
import os
import sys
import time

# So long that a SIGTERM for everything, as at a shutdown, reaches this process before it acts.
PAUSE_S = 0.5
YOUNG_S = 60.0
DEATHS = 4


def main() -> None:
    """Keep a controller alive; each one that dies young doubles the pause before the next."""
    lock, command = int(sys.argv[1]), sys.argv[2:]
    deaths = 0
    while True:
        started = time.monotonic()
        if _run(command) == 0:
            return
        deaths = deaths + 1 if time.monotonic() - started < YOUNG_S else 1
        if deaths == DEATHS:
            return
        with contextlib.suppress(OSError):  # a read-only disk; the pid in it only informs
            os.ftruncate(lock, 0)
        time.sleep(PAUSE_S * 2 ** (deaths - 1))


def _run(command: list[str]) -> int:
    pid = os.posix_spawn(command[0], command, os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    main()
