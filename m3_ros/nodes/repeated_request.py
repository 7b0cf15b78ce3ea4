"""A request that is sent again where the middleware may have lost it or its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future

from m3_ros.codes import QueryErrorCode
from m3_ros.nodes.action_client import ENDED
from m3_ros.srv import Describe, Query

REQUEST_DELAY = 6.0
"""Time (s) without an answer after which a request that may be sent twice is sent again: twice
what a query waits at most. A server that was killed and started again counts as found while
discovery still has its predecessor, and gets no request: of 14 plain calls in the first 3 s of
such a server 5 were never answered; each second call was."""
RESULT_DELAY = 1.0
"""Time (s) from a request for a goal's result after which it is sent again, if the goal has ended:
answers to a client that the server has not discovered yet get lost."""


class RepeatedRequest:
    """A request; the first answer counts, however often it was sent.

    Args:
        send: sends it and returns the future of its answer. The server must do the same however
            often it comes.
        due: returns whether it is to be sent again, from the time since it was sent, s.

    Attributes:
        answer: of the first that is answered.
    """

    def __init__(self, send: Callable[[], Future], due: Callable[[float], bool]) -> None:
        self._send, self._due = send, due
        self.answer = Future()
        self._ask()

    def done(self) -> bool:
        """Return whether it is answered; send it again if that is due. For one thread."""
        if not self.answer.done() and self._due(time.monotonic() - self._sent):
            self._ask(again=True)
        return self.answer.done()

    def _ask(self, again: bool = False) -> None:
        self._sent = time.monotonic()
        self._send().add_done_callback(partial(self._answered, again))

    def _answered(self, again: bool, future: Future) -> None:
        # BUSY may be due to the first sending, which is being served.
        if not (self.answer.done() or (again and _is_busy(future.result()))):
            self.answer.set_result(future.result())


def _is_busy(answer: object) -> bool:
    """Return whether an answer says BUSY, which only queries and descriptions do of those."""
    queries = isinstance(answer, Query.Response | Describe.Response)
    return queries and answer.error_code == QueryErrorCode.BUSY


def is_late(waited: float) -> bool:
    """Return whether an answer is so late, in s, that it or its request may be lost."""
    return waited > REQUEST_DELAY


def request_result(
    handle: ClientGoalHandle, over: Callable[[], bool] = lambda: False
) -> RepeatedRequest:
    """Return the request for the result of a goal, sent again if the goal ended without it.

    Args:
        handle: of the goal; its status tells the end, and may be late or lost too.
        over: returns whether the goal seems to have ended, status or not.
    """

    def due(waited: float) -> bool:
        return waited > RESULT_DELAY and (handle.status in ENDED or over())

    return RepeatedRequest(handle.get_result_async, due)
