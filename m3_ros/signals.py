"""SIGINT and SIGTERM of a command: they end it soon, whatever it does, and leave no traceback.

Import nothing heavy here: a command installs the handlers before everything else.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130  # exit code, as shells have it for a command that Ctrl-C has ended
LIMIT = 1.5
"""Time (s) that a command has for ending itself; with the start of a process below 2 s."""
AGAIN = 0.5
"""Time (s) after which a command with processes of its own is interrupted again: Python drops an
exception that a signal raises inside a callback, and ends at once nothing that waits."""
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_limit, _ending, _raised = LIMIT, False, False


def install() -> None:
    """Have SIGINT raise `KeyboardInterrupt` and SIGTERM `SystemExit` in the main thread.

    While modules are being imported, which may swallow an exception, the process ends at once. It
    is ended after `LIMIT` s where the main thread has not done so, as in a long call of native
    code.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    signal.set_wakeup_fd(write)  # written to by the signal itself, in whatever code
    sys.unraisablehook = _tell_unraisable
    threading.Thread(target=_end_late, args=(read,), daemon=True).start()


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process by SIGTERM when its parent dies, however it does (Linux).

    Args:
        parent: process ID; this process ends at once where it has died before.
    """
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)


def allow(seconds: float) -> None:
    """Give the command more time to end: it has processes of its own, and says `ending`."""
    global _limit
    _limit = max(_limit, seconds)


@contextmanager
def ending() -> Iterator[None]:
    """Let no signal interrupt the body, nor what follows when the command ends by one."""
    global _ending
    _ending = True
    try:
        yield
    finally:
        _ending = _raised  # one that came in the body comes again


def leave(code: int) -> None:
    """End the process where a signal has ended its work: libraries take seconds to tear down."""
    if _raised:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _raised
    if _ending:
        return
    _raised = True
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            _end()
        frame = frame.f_back
    if number == signal.SIGTERM:
        sys.exit(INTERRUPTED)
    raise KeyboardInterrupt


def _end_late(read: int) -> None:
    number = os.read(read, 1)[0]
    end = time.monotonic() + _limit
    while (left := end - time.monotonic()) > 0.0:
        time.sleep(min(AGAIN, left))
        if _limit > LIMIT and not _ending:
            os.kill(os.getpid(), number)
    _end()


def _tell_unraisable(error: sys.UnraisableHookArgs) -> None:
    """Say what Python cannot raise, unless it is the interrupt, which comes again."""
    if not issubclass(error.exc_type, (KeyboardInterrupt, SystemExit)):
        sys.__unraisablehook__(error)


def _end() -> None:
    os.write(2, b"m3: stopped\n")
    os._exit(INTERRUPTED)
