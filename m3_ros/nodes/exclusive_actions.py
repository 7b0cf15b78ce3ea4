"""Action servers that share one resource: one goal at a time, and every goal gets a result."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

GOAL_END = 2.0
"""Time (s) that a running goal may take to end when its node does; well below the time that
`stack.SHUTDOWN_STEPS` allows a node after SIGINT."""


class ExclusiveActions:
    """Serve actions; a goal that comes while another one runs is rejected.

    Args:
        node: carries the servers; its executor needs a thread for a running goal.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._busy = threading.Lock()
        self._servers: list[ActionServer] = []

    def serve(self, kind: type, name: str, execute: Callable[[ServerGoalHandle], object]) -> None:
        """Serve action `name`; `execute` returns its result, whose `success` ends the goal."""

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

        server = ActionServer(
            self._node,
            kind,
            name,
            run,
            goal_callback=self._accept,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=ReentrantCallbackGroup(),
        )
        self._servers.append(server)

    def close(self, timeout: float) -> None:
        """Reject all goals from now on; waits up to `timeout` s for the end of a running one."""
        self._busy.acquire(timeout=timeout)

    def _accept(self, _: object) -> GoalResponse:
        if self._busy.acquire(blocking=False):
            return GoalResponse.ACCEPT
        self._node.get_logger().warning("busy with another goal; the new one is rejected")
        return GoalResponse.REJECT
