"""Action servers that share one resource: one goal at a time, and every goal gets a result."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup

from m3_ros.nodes.action_server import ReliableActionServer
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.process_state import ProcessState, process_state

GOAL_END = 2.0
"""Time (s) that a running goal may take to end when its node does; well below the time that
`stack.SHUTDOWN_STEPS` allows a node after SIGINT."""


class ExclusiveActions:
    """Serve actions; a goal that comes while another one runs is rejected.

    Args:
        node: carries the servers; its executor needs a thread for a running goal. Goals are
            accepted, and go on, while it is active.
    """

    def __init__(self, node: ManagedNode) -> None:
        self._node = node
        self._busy = threading.Lock()
        self._servers: list[ReliableActionServer] = []

    def serve(self, kind: type, name: str, execute: Callable[[ServerGoalHandle], object]) -> None:
        """Serve action `name` from the first activation on.

        `execute` returns its result, whose `success` ends the goal.
        """

        def run(goal: ServerGoalHandle) -> object:
            try:
                result = execute(goal)
                if result.success:
                    goal.succeed()
                elif goal.is_cancel_requested:
                    goal.canceled()
                else:
                    goal.abort()
                return result
            finally:
                self._busy.release()

        def create() -> None:
            self._node.claims.offer(name)
            server = ReliableActionServer(
                self._node,
                kind,
                name,
                run,
                goal_callback=self._accept,
                cancel_callback=lambda _: CancelResponse.ACCEPT,
                callback_group=ReentrantCallbackGroup(),
            )
            self._servers.append(server)

        self._node.claims.add(name)
        self._node.when_active(create)

    def interrupted(self, goal: ServerGoalHandle) -> bool:
        """Return whether a goal must end: by a cancel, the end of its client, or of the node."""
        ended = _client_state(goal.request) is ProcessState.ENDED
        return goal.is_cancel_requested or ended or not self._node.active

    def wait(self, timeout: float) -> None:
        """Wait up to `timeout` s for the end of a running goal."""
        if self._busy.acquire(timeout=timeout):
            self._busy.release()

    def close(self, timeout: float) -> None:
        """Reject all goals from now on; waits up to `timeout` s for the end of a running one."""
        self._busy.acquire(timeout=timeout)

    def _accept(self, request: object) -> GoalResponse:
        if _client_state(request) is ProcessState.UNKNOWN:
            self._node.get_logger().warning(
                f"goal rejected: it is to end with its client, whose process "
                f"{ProcessState.UNKNOWN.value}"
            )
            return GoalResponse.REJECT
        if not self._node.active:
            self._node.get_logger().warning(f"goal rejected: {self._node.not_active()}")
            return GoalResponse.REJECT
        if problem := self._node.claims.problem():
            self._node.get_logger().error(f"goal rejected: {problem}")
            return GoalResponse.REJECT
        if self._busy.acquire(blocking=False):
            return GoalResponse.ACCEPT
        self._node.get_logger().warning("busy with another goal; the new one is rejected")
        return GoalResponse.REJECT


def _client_state(request: object) -> ProcessState | None:
    """Return the state of the client that a goal is to end with; None where it is to go on."""
    process = getattr(request, "client_process", "")  # a scan has none
    return process_state(process) if process else None
