"""A synchronous ROS client: call a service or run an action to its end, or say why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from m3_ros.nodes.action_client import ThreadSafeActionClient

if TYPE_CHECKING:
    from typing import Self

Message = TypeVar("Message")
POLL = 0.01


class ClientError(RuntimeError):
    """A server is missing, refused, or did not answer in time; the message names it."""


class Client:
    """A node that spins in the background while its owner waits for answers.

    Args:
        name: node name.
        alive: called while waiting; raises when waiting has become pointless (a node died).
    """

    def __init__(self, name: str, alive: Callable[[], None] = lambda: None) -> None:
        # Ctrl-C is for the owner, who cancels its goal before the context goes.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node(name)
        self._alive = alive
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown()
        self._thread.join(timeout=2.0)
        self.node.destroy_node()
        rclpy.try_shutdown()

    def call(self, kind: type, name: str, request: object, timeout: float = 30.0) -> Message:
        """Call service `name` of type `kind` and return its response.

        Raises:
            ClientError: nobody serves it, or there is no answer within `timeout` s.
        """
        client = self.node.create_client(kind, name)
        try:
            self._wait(client.service_is_ready, timeout, f"nobody serves {name}")
            return self._result(client.call_async(request), timeout, f"{name} did not answer")
        finally:
            self.node.destroy_client(client)

    def run(
        self,
        kind: type,
        name: str,
        goal: object,
        feedback: Callable[[object], None] = lambda _: None,
        timeout: float = 600.0,
    ) -> Message:
        """Send a goal to action `name` and return its result; Ctrl-C cancels the goal.

        Raises:
            ClientError: nobody serves it, the goal is rejected, or `timeout` s have passed.
        """
        client = ThreadSafeActionClient(self.node, kind, name)
        try:
            self._wait(client.server_is_ready, 30.0, f"nobody serves {name}")
            sent = client.send_goal_async(goal, lambda message: feedback(message.feedback))
            handle = self._result(sent, 30.0, f"{name} did not take the goal")
            if not handle.accepted:
                raise ClientError(f"{name} rejected the goal: it is busy or not ready")
            try:
                answer = self._result(handle.get_result_async(), timeout, f"{name} did not end")
            except BaseException:
                self._result(handle.cancel_goal_async(), 5.0, f"{name} did not take the cancel")
                raise
            if answer.status == GoalStatus.STATUS_UNKNOWN:
                raise ClientError(f"{name} lost the goal")
            return answer.result
        finally:
            client.destroy()

    def wait_until(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until `ready()`.

        Raises:
            ClientError: `what`, after `timeout` s.
        """
        self._wait(ready, timeout, what)

    def _result(self, future: Future, timeout: float, what: str) -> Message:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        self._wait(done.is_set, timeout, what)
        return future.result()

    def _wait(self, ready: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            self._alive()
            if time.monotonic() > deadline:
                raise ClientError(f"{what} (waited {timeout:.0f} s)")
            time.sleep(POLL)

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
