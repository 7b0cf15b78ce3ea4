"""SIGINT and SIGTERM of a command: they end it soon, whatever it does, and leave no traceback.

Import nothing heavy here: a command installs the handlers before everything else.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType

INTERRUPTED = 130  # exit code, as shells have it for a command that Ctrl-C has ended
LIMIT = 1.5
"""Time (s) that a command has for ending itself; with the start of a process below 2 s."""
_limit = LIMIT


def install() -> None:
    """Have SIGINT raise `KeyboardInterrupt` and SIGTERM `SystemExit` in the main thread.

    While modules are being imported, which may swallow an exception, the process ends at once. It
    is ended after `LIMIT` s where the main thread has not done so, as in a long call of native
    code. Later signals change nothing.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    signal.set_wakeup_fd(write)  # written to by the signal itself, in whatever code
    threading.Thread(target=_end_late, args=(read,), daemon=True).start()


def allow(seconds: float) -> None:
    """Give the command more time to end: it has processes of its own to end."""
    global _limit
    _limit = max(_limit, seconds)


def _interrupt(number: int, frame: FrameType | None) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _end()
        frame = frame.f_back
    if number == signal.SIGTERM:
        sys.exit(INTERRUPTED)
    raise KeyboardInterrupt


def _end_late(read: int) -> None:
    os.read(read, 1)
    time.sleep(_limit)
    _end()


def _end() -> None:
    os.write(2, b"m3: stopped\n")
    os._exit(INTERRUPTED)
