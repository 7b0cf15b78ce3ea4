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

from m3_ros.errors import M3Error
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal, new_goal_id
from m3_ros.nodes.liveliness import ServerWatch
from m3_ros.nodes.repeated_request import RepeatedRequest, is_late, request_result
from m3_ros.nodes.spinner import Spinner

if TYPE_CHECKING:
    from typing import Self

Message = TypeVar("Message")
POLL = 0.01  # s between two checks of what is awaited
NOTICE_DELAY = 1.5  # s after which a wait for a server is announced
STACK_HINT = "; is its stack running (`m3 up STACK`), with the same ROS_DOMAIN_ID?"
SERVER_TIMEOUT = 30.0  # s that a server may take to accept a goal, or to start where it is owned
FIND_TIMEOUT = 5.0
"""Time (s) to find a server that others start: a living one announces itself within 3 s (DDS's
default period of announcements) even if its first one is lost."""
CANCEL_TIMEOUT = 1.0  # s that a server may take to answer a cancel: Ctrl-C ends a client in 2 s
LEAVE_TIME = 1.0  # s without its server after which a request has no answer


class ClientError(M3Error, RuntimeError):
    """A server is missing, refused, or did not answer in time; the message names it."""


class ServerGone(ClientError):
    """A server has ended, or hangs, before it answered; the message names it."""


class Client:
    """A node that spins in the background while its owner waits for answers.

    Args:
        name: node name.
        alive: called while waiting; raises when waiting has become pointless (a node died).
            Without it the client watches its servers itself.
        namespace: of the node; servers with relative names are looked for there.
    """

    def __init__(
        self, name: str, alive: Callable[[], None] | None = None, namespace: str = ""
    ) -> None:
        # Ctrl-C is for the owner, who cancels its goal before the context goes.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node(name, namespace=namespace)
        self._alive = alive
        self._services: dict[str, rclpy.client.Client] = {}
        self._actions: dict[str, ThreadSafeActionClient] = {}
        self._watches: dict[str, ServerWatch] = {}

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
        self,
        kind: type,
        name: str,
        request: object,
        timeout: float = SERVER_TIMEOUT,
        repeat: bool = False,
    ) -> Message:
        """Call service `name` of type `kind` and return its response.

        Args:
            repeat: whether the request is sent again when the answer is late; for those that
                change nothing.

        Raises:
            ClientError: nobody serves it, it vanishes, or there is no answer within `timeout` s.
        """
        name = self.node.resolve_service_name(name)
        if name not in self._services:
            self._services[name] = self.node.create_client(kind, name)
            self._watch(name)
        client = self._services[name]
        self._find(name, client.service_is_ready, timeout)
        gone = self._gone(name, client.service_is_ready)
        sent = RepeatedRequest(lambda: client.call_async(request), lambda t: repeat and is_late(t))
        return self._result(sent, timeout, f"{name} did not answer", gone)

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
            ClientError: nobody serves it, it vanishes, the goal is rejected, or `timeout` s have
                passed.
        """
        name = self.node.resolve_service_name(name)
        if name not in self._actions:
            self._actions[name] = ThreadSafeActionClient(self.node, kind, name)
            self._watch(name)
        client = self._actions[name]
        self._find(name, client.server_is_ready, SERVER_TIMEOUT)
        gone = self._gone(name, client.server_is_ready)
        goal_id, told = new_goal_id(), lambda message: feedback(message.feedback)
        sent = RepeatedRequest(lambda: client.send_goal_async(goal, told, goal_id), is_late)
        try:
            handle = self._result(sent, SERVER_TIMEOUT, f"{name} did not accept the goal", gone)
            if not handle.accepted:
                raise ClientError(
                    f"{name} rejected the goal: it is busy or not active, see its log"
                )
            result = request_result(handle)
            answer = self._result(result, timeout, f"{name} did not end", gone)
        except ServerGone:
            raise
        except BaseException:
            done = threading.Event()
            cancel_goal(sent.answer).add_done_callback(lambda _: done.set())
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

    def _find(self, name: str, ready: Callable[[], bool], timeout: float) -> None:
        """Wait until somebody serves `name`: `timeout` s where a node is seen that may yet do so.

        Such are the nodes that this process started, and managed nodes, which load before they
        serve.
        """
        what, begun = f"nobody serves {name}", time.monotonic()

        def check() -> None:
            late = self._alive is None and time.monotonic() - begun > FIND_TIMEOUT
            if late and not self._sees_managed_nodes():
                raise ClientError(f"{what} (waited {FIND_TIMEOUT:.0f} s){STACK_HINT}")

        self._wait(ready, timeout, what, STACK_HINT, check)

    def _sees_managed_nodes(self) -> bool:
        names = (name for name, _ in self.node.get_service_names_and_types())
        return any(name.endswith("/change_state") for name in names)

    def _watch(self, name: str) -> None:
        if self._alive is None:
            self._watches[name] = ServerWatch(self.node, name)

    def _gone(self, name: str, ready: Callable[[], bool]) -> Callable[[], None]:
        """Return a check that raises `ServerGone` when the server has vanished."""
        watch, last = self._watches.get(name), time.monotonic()

        def check() -> None:
            nonlocal last
            if ready():
                last = time.monotonic()
            if watch and (watch.lost() or time.monotonic() - last > LEAVE_TIME):
                raise ServerGone(
                    f"{name} is gone: its node has ended, or hangs, without an answer"
                )

        return check

    def _result(
        self, request: RepeatedRequest, timeout: float, what: str, check: Callable[[], None]
    ) -> Message:
        self._wait(request.done, timeout, what, check=check)
        return request.answer.result()

    def _wait(
        self,
        ready: Callable[[], bool],
        timeout: float,
        what: str,
        hint: str = "",
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until `ready()`, while `check` raises nothing; a long wait with a hint is told."""
        begun, announced = time.monotonic(), not hint
        while not ready():
            check()
            if self._alive is not None:
                self._alive()
            waited = time.monotonic() - begun
            if waited > timeout:
                raise ClientError(f"{what} (waited {timeout:.0f} s){hint}")
            if not announced and waited > NOTICE_DELAY:
                announced = True
                print(f"{what} yet; waiting up to {timeout:.0f} s", file=sys.stderr, flush=True)
            time.sleep(POLL)
