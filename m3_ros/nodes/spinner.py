"""Spins a node in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future


class Spinner:
    """Run a node's callbacks, one at a time, from its construction until `stop`.

    The executor is shut down only when its thread has left it: rclpy destroys the executor's
    guard condition at once, and a thread that waits on it would raise InvalidHandle.

    Args:
        node: to spin.
        fail: called with the exception that ends the thread, in that thread; without it the
            exception reaches `threading.excepthook`.
    """

    def __init__(self, node: Node, fail: Callable[[Exception], None] | None = None) -> None:
        self._fail = fail
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._stopped = Future()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the callback that runs now; the node can be destroyed then."""
        self._stopped.set_result(None)
        self._thread.join()
        self._executor.shutdown()

    def _spin(self) -> None:
        try:
            self._executor.spin_until_future_complete(self._stopped)
        except ExternalShutdownException:
            pass
        except Exception as error:
            if self._fail is None:
                raise
            self._fail(error)
