"""Notices that the server of a controller's action is dead, silent, or gives no result."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from rclpy.node import Node
from rclpy.task import Future
from unique_identifier_msgs.msg import UUID

from m3_ros.grasp.robot import JointState, RobotError
from m3_ros.nodes.motion_loop import TICK

REST = 0.02 * TICK
"""A joint that stays within this (rad or m) rests: 0.02 rad/s in a tick."""
PROBE_PERIOD = 5 * TICK  # s; six questions fit into the default `controller_timeout`
QUESTIONS = 3
"""Greatest number of questions without an answer; one may be lost. A server keeps ten requests:
while its only thread carries a goal out, the request for the result must not be pushed out."""
NO_GOAL = UUID()  # all zero: goals have random ids


class ServerSilent(RobotError):
    """The action's server does not answer: a cancel will not be answered either."""


class Silence:
    """Time (s) since the last sign of another process; pauses of this one do not count."""

    def __init__(self) -> None:
        self._seconds, self._checked, self._heard = 0.0, time.monotonic(), False

    def end(self) -> None:
        """Note a sign, in any thread."""
        self._heard = True

    def seconds(self) -> float:
        """Return the silence; call it in every tick."""
        now = time.monotonic()
        self._seconds += min(now - self._checked, 2 * TICK)
        if self._heard:
            self._seconds, self._heard = 0.0, False
        self._checked = now
        return self._seconds


class Rest:
    """Time (s) for which the joints have rested since a motion should have ended.

    It is that of /clock: with a slow simulation, or a controller that scales its speed, the joints
    move slowly and do not rest. Pauses of this process do not count.

    Args:
        elapsed: counts the time.
        duration: that the motion takes, s.
    """

    def __init__(self, elapsed: Callable[[], float], duration: float) -> None:
        self._elapsed, self._checked = elapsed, elapsed()
        self._end = self._checked + duration
        self._where: np.ndarray | None = None
        self.seconds = 0.0

    def update(self, positions: np.ndarray) -> None:
        """Look at the joints' positions; call it in every tick."""
        now = self._elapsed()
        self.seconds += min(now - self._checked, 2 * TICK)
        self._checked = now
        moved = self._where is None or np.abs(positions - self._where).max() > REST
        if moved:
            self._where = positions
        if moved or now < self._end:
            self.seconds = 0.0


class ServerProbe:
    """Asks an action's server for the result of no goal, which servers answer at once.

    Discovery keeps the server of a killed process for its lease, 20 s in Fast DDS, and a gripper's
    controller gives no feedback.

    Args:
        node: carries the client.
        action_type: class of the action.
        name: full name of the action.
    """

    def __init__(self, node: Node, action_type: type, name: str) -> None:
        service = action_type.Impl.GetResultService
        self._client = node.create_client(service, f"{name}/_action/get_result")
        self._request = service.Request(goal_id=NO_GOAL)
        self._pending: list[Future] = []
        self._asked = -np.inf

    def ask(self, answered: Callable[[], None]) -> None:
        """Ask, unless that was done a moment ago; `answered` is called in another thread."""
        now = time.monotonic()
        self._pending = [future for future in self._pending if not future.done()]
        if now - self._asked < PROBE_PERIOD or len(self._pending) == QUESTIONS:
            return
        self._asked = now
        self._pending.append(self._client.call_async(self._request))
        self._pending[-1].add_done_callback(lambda _: answered())

    def end(self) -> None:
        """Forget what was not answered."""
        for future in self._pending:
            self._client.remove_pending_request(future)
        self._pending, self._asked = [], -np.inf


class ControllerWatch:
    """Watches one goal: raises where its controller does not answer, or dies in the motion.

    Args:
        name: full name of the action.
        failure: returns why the motion cannot go on, or empty.
        probe: of the action's server.
        rest: of the joints.
        late: joints that rest this long after it, without a result, have lost their controller, s.
        timeout: s for an answer to the goal, and for signs of the server in the motion.
        steady: whether the server gives feedback until the goal ends; silence ends the motion.
    """

    def __init__(
        self, name: str, failure: Callable[[], str], probe: ServerProbe,
        rest: Rest, late: float, timeout: float, steady: bool,
    ) -> None:  # fmt: skip
        self._name, self._failure, self._probe = name, failure, probe
        self._timeout, self._steady = timeout, steady
        self._rest, self._late = rest, late
        self._unaccepted = Silence()
        self._feedback: Silence | None = None
        self._answers: Silence | None = None

    def heard(self, _: object) -> None:
        """Note a feedback message."""
        self._feedback = self._feedback or Silence()
        self._feedback.end()

    def acceptance(self, _: JointState) -> None:
        """Raise where the goal is not answered in time."""
        self._check_served()
        if self._unaccepted.seconds() > self._timeout:
            raise ServerSilent(f"{self._name} has not answered a goal for {self._timeout} s")

    def motion(self, joints: JointState) -> None:
        """Raise where the server has died, or the motion ended without a result."""
        self._check_served()
        self._rest.update(joints.positions)
        self._check_signs()
        if self._rest.seconds > self._late:
            raise RobotError(
                f"{self._name} gives no result, though the robot rests for {self._late} s"
            )

    def end(self) -> None:
        """End the watch."""
        self._probe.end()

    def _check_served(self) -> None:
        if failure := self._failure():
            raise RobotError(failure)

    def _check_signs(self) -> None:
        """Raise where feedback or answers have come in this motion, and come no more."""
        ended = self._rest.seconds > 2 * TICK  # feedback ends with the goal
        if self._steady and self._feedback and not ended:
            if self._feedback.seconds() > self._timeout:
                raise ServerSilent(f"{self._name} gives no feedback for {self._timeout} s")
            return
        self._probe.ask(self._answered)
        if self._answers and self._answers.seconds() > self._timeout:
            raise ServerSilent(
                f"{self._name} does not answer for {self._timeout} s: its process has ended in a "
                "motion, or hangs"
            )

    def _answered(self) -> None:
        # One that never answers in a motion may have a single thread, which carries the goal out.
        self._answers = self._answers or Silence()
        self._answers.end()
