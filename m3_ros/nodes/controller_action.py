"""Goals of one controller's action: sent, watched and cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from rclpy.node import Node
from rclpy.task import Future

from m3_ros.grasp.robot import JointState, RobotError
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal
from m3_ros.nodes.controller_manager import ControllerManager
from m3_ros.nodes.motion_loop import TICK, MotionLoop, event_of

ACK_TIMEOUT = 1.0
"""Time (s) in which controllers must acknowledge the last command when the node ends; part of the
time that `stack.SHUTDOWN_STEPS` allows it."""
REST = 0.02 * TICK
"""A joint that moves less than this (rad or m) in a tick rests: slower than 0.02 rad/s."""


class ControllerAction:
    """One action of a ros2_control controller, used from worker threads.

    Args:
        node: carries the client; its executor spins also when the robot's node ends.
        action_type: class of the action.
        controller: name that topics and actions begin with.
        action: name after that.
        loop: waits of motions.
        timeout: s to wait for the server, for its answer to a goal, and for its feedback.
        joints: that the controller must command.
    """

    def __init__(
        self,
        node: Node,
        action_type: type,
        controller: str,
        action: str,
        loop: MotionLoop,
        timeout: float,
        joints: Sequence[str],
    ) -> None:
        self.controller = controller
        self.name = node.resolve_topic_name(f"{controller}/{action}")
        self.type = action_type
        self._loop, self._timeout = loop, timeout
        self._client = ThreadSafeActionClient(node, action_type, self.name)
        self._manager = ControllerManager(node, loop, controller, joints)
        self._sent: Future | None = None

    def ready(self) -> bool:
        """Return whether the action is served now."""
        return self._client.server_is_ready()

    def wait_ready(self, cancelled: Callable[[], bool]) -> bool:
        """Wait until the action is served; return false after `timeout`."""
        end = time.monotonic() + self._timeout
        while not self.ready() and time.monotonic() < end:
            self._loop.tick(cancelled)
        return self.ready()

    def problem(self) -> str:
        """Return what the controller manager says is wrong with the controller, or empty."""
        return self._manager.problem()

    def failure(self) -> str:
        """Return why a motion under way cannot go on, without waiting; empty while it can."""
        if not self.ready():
            return f"{self.name} is gone: its controller has ended in a motion"
        if told := self._manager.poll():
            return f"{told}; its motion is stopped"
        return ""

    def missing(self) -> RobotError:
        """Return the error of an action that nobody serves."""
        kind = f"control_msgs/action/{self.type.__name__}"
        return RobotError(f"nobody serves {self.name} ({kind}); {self.remedy()}")

    def remedy(self) -> str:
        """Return what the controller manager says of the controller, or what to check."""
        return self.problem() or f"is {self.controller.strip('/')} loaded and active?"

    def run(
        self,
        goal: object,
        duration: float,
        late: float,
        cancelled: Callable[[], bool],
        steady: bool = False,
    ) -> object:
        """Send a goal and return its answer: status and result.

        Whatever ends the wait, the goal is cancelled then, also one not accepted yet.

        Args:
            goal: of the action.
            duration: time that the motion takes, s.
            late: joints that rest this long after it, without a result, have lost their
                controller, s.
            cancelled: ends the motion when true.
            steady: whether the server gives feedback all the time; silence ends the motion.

        Raises:
            RobotError: the goal is rejected, not answered, or its server dies.
        """
        watch = _Watch(self, duration, late, self._timeout, steady)
        self._sent = self._client.send_goal_async(goal, watch.heard)
        try:
            handle = self._loop.result(self._sent, cancelled, watch.acceptance)
            if not handle.accepted:
                raise RobotError(f"{self.name} rejected the goal; {self.remedy()}")
            answer = self._loop.result(handle.get_result_async(), cancelled, watch.motion)
        except BaseException:
            self.stop()
            raise
        self._sent = None
        return answer

    def stop(self) -> None:
        """Cancel the goal under way, also one not accepted yet; wait for the answer."""
        sent = self._sent
        if sent is None:
            return
        self._loop.ending(event_of(cancel_goal(sent)).wait, ACK_TIMEOUT)
        self._sent = None


class _Watch:
    """Notices a controller that does not answer, or that dies while the robot moves."""

    def __init__(
        self, action: ControllerAction, duration: float, late: float, timeout: float, steady: bool
    ) -> None:
        self._action, self._timeout, self._steady = action, timeout, steady
        self._end, self._late = time.monotonic() + duration, late
        self._begun = self._moved = time.monotonic()
        self._heard: float | None = None
        self._positions: np.ndarray | None = None

    def heard(self, _: object) -> None:
        """Note a feedback message."""
        self._heard = time.monotonic()

    def acceptance(self, _: JointState) -> None:
        """Raise where the goal is not answered in time."""
        self._serving()
        if time.monotonic() - self._begun > self._timeout:
            raise RobotError(f"{self._action.name} has not answered a goal for {self._timeout} s")

    def motion(self, joints: JointState) -> None:
        """Raise where the server has died, or the motion ended without a result."""
        self._serving()
        now = time.monotonic()
        if self._steady and self._heard and now - self._heard > self._timeout:
            raise RobotError(f"{self._action.name} gives no feedback for {self._timeout} s")
        if self._positions is None or np.abs(joints.positions - self._positions).max() > REST:
            self._moved = now
        self._positions = joints.positions
        if now > self._end and now - self._moved > self._late:
            raise RobotError(
                f"{self._action.name} gives no result, though the robot rests for {self._late} s"
            )

    def _serving(self) -> None:
        if failure := self._action.failure():
            raise RobotError(failure)
