"""An action as ros2_control's controllers serve it: a new goal replaces the one under way."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.action_server import ReliableActionServer

PERIOD = 0.05  # s between feedbacks: the controllers' action_monitor_rate is 20 Hz


@dataclass(frozen=True)
class Outcome:
    """How a goal ends: the handle's method that ends it, and the result."""

    end: str
    result: object


class ControllerServer(ABC):
    """Serve one action of a simulated controller, whose rules a subclass knows.

    Args:
        node: its executor needs a thread for the goal under way.
        kind: class of the action.
        name: of the action.
        group: reentrant.
    """

    def __init__(self, node: Node, kind: type, name: str, group: CallbackGroup) -> None:
        self._node, self._name = node, name
        self._lock = threading.RLock()
        self._active: ServerGoalHandle | None = None
        self._ended: dict[bytes, Outcome] = {}
        self._server = ReliableActionServer(
            node,
            kind,
            name,
            self._execute,
            goal_callback=self._check,
            handle_accepted_callback=self._accept,
            cancel_callback=self._cancel,
            callback_group=group,
        )

    @abstractmethod
    def check(self, request: object) -> None:
        """Raise `RobotError` where the controller rejects a goal."""

    @abstractmethod
    def start(self, request: object) -> None:
        """Begin an accepted goal; raise `RobotError` where it no longer can be."""

    @abstractmethod
    def outcome(self) -> Outcome | None:
        """Return how the goal under way has ended, None while it has not."""

    @abstractmethod
    def preempted(self) -> Outcome:
        """Return how a goal ends that another one replaces."""

    @abstractmethod
    def stop(self) -> Outcome:
        """Hold, and return how a cancelled goal ends."""

    @abstractmethod
    def feedback(self) -> object:
        """Return the feedback of now."""

    def log_rejection(self, error: RobotError) -> None:
        """Log why a goal or a message is rejected."""
        self._node.get_logger().error(f"{self._name}: rejected: {error}")

    def _check(self, request: object) -> GoalResponse:
        try:
            self.check(request)
        except RobotError as error:
            self.log_rejection(error)
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _accept(self, goal: ServerGoalHandle) -> None:
        with self._lock:
            if self._active is not None:
                self._ended[_key(self._active)] = self.outcome() or self.preempted()
            self._active = goal
            try:
                self.start(goal.request)
            except RobotError as error:
                self.log_rejection(error)
                self._finish(goal, self.preempted())
        goal.execute()

    def _cancel(self, goal: ServerGoalHandle) -> CancelResponse:
        with self._lock:
            if goal is self._active:
                self._finish(goal, self.stop())
        return CancelResponse.ACCEPT

    def _finish(self, goal: ServerGoalHandle, outcome: Outcome) -> None:
        self._ended[_key(goal)] = outcome
        self._active = None

    def _execute(self, goal: ServerGoalHandle) -> object:
        while True:
            with self._lock:
                if goal is self._active and (outcome := self.outcome()):
                    self._finish(goal, outcome)
                ended = self._ended.get(_key(goal))
            if ended and (ended.end != "canceled" or goal.is_cancel_requested):
                break
            if not ended:
                goal.publish_feedback(self.feedback())
            time.sleep(PERIOD)
        del self._ended[_key(goal)]
        getattr(goal, ended.end)()
        return ended.result


def _key(goal: ServerGoalHandle) -> bytes:
    return bytes(goal.goal_id.uuid)
