"""A bounded line of requests for what serves one at a time; the rest are refused at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Busy(RuntimeError):
    """The line is full, or a turn has not come in time; the message says which."""


class WaitingLine:
    """Serve callers one at a time, in the order in which they came.

    Args:
        length: callers that may wait besides the one that is served.
        timeout: longest wait of a caller, s.
    """

    def __init__(self, length: int, timeout: float) -> None:
        self._length, self._timeout = length, timeout
        self._changed = threading.Condition()
        self._line: deque[object] = deque()  # the first one is served

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the caller's turn, which lasts as long as the body.

        Raises:
            Busy: too many callers wait already, or the turn has not come within `timeout` s.
        """
        ticket, end = object(), time.monotonic() + self._timeout
        with self._changed:
            if len(self._line) > self._length:
                raise Busy(f"busy: {self._length} requests wait already; send it again later")
            self._line.append(ticket)
        try:
            with self._changed:
                while self._line[0] is not ticket:
                    if not self._changed.wait(end - time.monotonic()):
                        raise Busy(
                            f"busy: the requests before took more than {self._timeout:g} s; send "
                            "it again later"
                        )
            yield
        finally:
            with self._changed:
                self._line.remove(ticket)
                self._changed.notify_all()
