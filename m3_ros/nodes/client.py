"""A synchronous ROS client: call a service or run an action to its end, or say why not."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal
from m3_ros.nodes.spinner import Spinner

if TYPE_CHECKING:
    from typing import Self

Message = TypeVar("Message")
POLL = 0.01  # s between two checks of what is awaited
NOTICE_DELAY = 1.5  # s after which a wait for a server is announced
STACK_HINT = "; is its stack running (`m3 up STACK`), with the same ROS_DOMAIN_ID?"
SERVER_TIMEOUT = 30.0  # s that a server may take to appear, or to accept a goal
CANCEL_TIMEOUT = 5.0  # s that a server may take to answer a cancel


class ClientError(RuntimeError):
    """A server is missing, refused, or did not answer in time; the message names it."""


class Client:
    """A node that spins in the background while its owner waits for answers.

    Args:
        name: node name.
        alive: called while waiting; raises when waiting has become pointless (a node died).
        namespace: of the node; servers with relative names are looked for there.
    """

    def __init__(
        self, name: str, alive: Callable[[], None] = lambda: None, namespace: str = ""
    ) -> None:
        # Ctrl-C is for the owner, who cancels its goal before the context goes.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node(name, namespace=namespace)
        self._alive = alive
        self._services: dict[str, rclpy.client.Client] = {}
        self._actions: dict[str, ThreadSafeActionClient] = {}

    def __enter__(self) -> Self:
        self._spinner = Spinner(self.node)
        return self

    def __exit__(self, *_: object) -> None:
        # Clients go when nothing spins them: destroying one that an executor waits for raises
        # InvalidHandle in its thread.
        self._spinner.stop()
        for action in self._actions.values():
            action.destroy()
        self.node.destroy_node()
        rclpy.try_shutdown()

    def call(
        self, kind: type, name: str, request: object, timeout: float = SERVER_TIMEOUT
    ) -> Message:
        """Call service `name` of type `kind` and return its response.

        Raises:
            ClientError: nobody serves it, or there is no answer within `timeout` s.
        """
        name = self.node.resolve_service_name(name)
        if name not in self._services:
            self._services[name] = self.node.create_client(kind, name)
        client = self._services[name]
        self._wait(client.service_is_ready, timeout, f"nobody serves {name}", STACK_HINT)
        return self._result(client.call_async(request), timeout, f"{name} did not answer")

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
        name = self.node.resolve_service_name(name)
        if name not in self._actions:
            self._actions[name] = ThreadSafeActionClient(self.node, kind, name)
        client = self._actions[name]
        self._wait(client.server_is_ready, SERVER_TIMEOUT, f"nobody serves {name}", STACK_HINT)
        sent = client.send_goal_async(goal, lambda message: feedback(message.feedback))
        try:
            handle = self._result(sent, SERVER_TIMEOUT, f"{name} did not accept the goal")
            if not handle.accepted:
                raise ClientError(f"{name} rejected the goal: it is busy or not active")
            future = handle.get_result_async()
            answer = self._result(future, timeout, f"{name} did not end")
        except BaseException:
            done = threading.Event()
            cancel_goal(sent).add_done_callback(lambda _: done.set())
            if not done.wait(CANCEL_TIMEOUT):
                print(f"{name} did not answer the cancel", file=sys.stderr, flush=True)
            raise
        if answer.status == GoalStatus.STATUS_UNKNOWN:
            raise ClientError(f"{name} lost the goal")
        return answer.result

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

    def _wait(self, ready: Callable[[], bool], timeout: float, what: str, hint: str = "") -> None:
        """Wait until `ready()`; a wait with a hint is announced when it is long."""
        begun, announced = time.monotonic(), not hint
        while not ready():
            self._alive()
            waited = time.monotonic() - begun
            if waited > timeout:
                raise ClientError(f"{what} (waited {timeout:.0f} s){hint}")
            if not announced and waited > NOTICE_DELAY:
                announced = True
                print(f"{what} yet; waiting up to {timeout:.0f} s", file=sys.stderr, flush=True)
            time.sleep(POLL)
