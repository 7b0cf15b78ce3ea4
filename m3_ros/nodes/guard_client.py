"""The moving node's side of the guard: heartbeats out, the guard's status in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.node import Node

from m3_ros.config import MotionConfig
from m3_ros.grasp.robot import RobotError
from m3_ros.msg import GuardStatus, MotionHeartbeat
from m3_ros.nodes.process_state import ProcessState, own_process, process_state

HEARTBEAT_TOPIC, GUARD_TOPIC = "m3/motion_heartbeat", "m3/guard"
STATUS_PERIOD = 0.1  # s between two messages of the guard: ten in the default `hang_timeout`
LINGER_TIME = 0.2
"""Time (s) that others have to take the last messages of a node that ends: Fast DDS drops what is
not yet taken of a publisher that is gone: four rounds of the guard."""
REMEDY = (
    "start it with the stack (`m3 up grasp`), or set motion.require_guard to false and accept "
    "that the arm goes on when this node dies"
)


class GuardError(RobotError):
    """No guard watches the motion, or it has stopped the robot; the message says which."""


class GuardClient:
    """Sends heartbeats while the robot moves and looks after the guard.

    Args:
        node: moves the robot; carries the publisher.
        inputs: carries the subscription; it is spun while `node` is busy.
        limits: `require_guard`, `hang_timeout`, `heartbeat_timeout`, `start_timeout`.
    """

    def __init__(self, node: Node, inputs: Node, limits: MotionConfig) -> None:
        self._name, self._limits = node.get_fully_qualified_name(), limits
        self._publisher = node.create_publisher(MotionHeartbeat, HEARTBEAT_TOPIC, 10)
        self._topic = inputs.resolve_topic_name(GUARD_TOPIC)
        self._status = GuardStatus()
        self._received: float | None = None
        self._excused = 0.0  # s since then in which this process paused, not the guard
        self._stops = 0
        self._beaten: float | None = None
        self._mover: int | None = None
        self._ended = 0.0
        inputs.create_subscription(GuardStatus, GUARD_TOPIC, self._receive, 1)

    @contextmanager
    def motion(self) -> Iterator[None]:
        """Announce the end of the motion that the body carries out, however it ends.

        Raises:
            GuardError: a guard is required and there is none, or it stops the robot.
        """
        end = time.monotonic() + self._limits.start_timeout
        while self._absence() and time.monotonic() < end:
            time.sleep(STATUS_PERIOD)
        if problem := self._absence():
            raise GuardError(problem)
        if self._watches() and self._status.stopping:
            raise GuardError(f"the guard is stopping the robot: {self._status.reason}")
        self._stops, self._beaten = self._status.stops, None
        self._mover = threading.get_ident()
        try:
            self.beat()
            yield
            self._check()  # a motion that the guard has stopped may seem to have ended well
        finally:
            self._mover = None
            self._publish(moving=False)
            self._ended = time.monotonic()

    def beat(self) -> None:
        """Send a heartbeat; call it in each round of the loop that supervises a motion.

        Raises:
            GuardError: the motion must not go on: the guard is gone or has stopped the robot, or
                this loop stood still for so long that it must have.
        """
        self._check()
        self._beaten = time.monotonic()
        self._publish(moving=True)

    def keep_alive(self) -> None:
        """Send a heartbeat while the thread that moves the robot stops it, guarded or not.

        In other threads, and without a motion, nothing is sent.
        """
        if self._mover == threading.get_ident():
            self._beaten = time.monotonic()
            self._publish(moving=True)

    def close(self) -> None:
        """Let the guard take the end of a motion before the node ends."""
        time.sleep(max(0.0, self._ended + LINGER_TIME - time.monotonic()))

    def _publish(self, moving: bool) -> None:
        heartbeat = MotionHeartbeat(node=self._name, process=own_process(), moving=moving)
        self._publisher.publish(heartbeat)

    def _check(self) -> None:
        pause = time.monotonic() - self._beaten if self._beaten else 0.0
        self._excused += max(0.0, pause - STATUS_PERIOD)
        visible = process_state(self._status.process) is ProcessState.RUNNING
        limit = self._limits.hang_timeout if visible else self._limits.heartbeat_timeout
        if self._watches() and pause > limit:
            raise GuardError(f"this node stood still for {pause:.2f} s: the motion is stopped")
        if problem := self._absence():
            raise GuardError(problem)
        if self._watches() and self._status.stops != self._stops:
            raise GuardError(f"the guard stopped the robot: {self._status.reason}")

    def _receive(self, status: GuardStatus) -> None:
        self._status, self._received, self._excused = status, time.monotonic(), 0.0

    def _problem(self) -> str | None:
        """Return why no guard watches; None if one does."""
        if self._received is None:
            return "there is none"
        state = process_state(self._status.process)
        if not self._status.watching or state is ProcessState.ENDED:
            return "it has ended"
        if state is ProcessState.SUSPENDED:
            return f"its process {state.value}"
        silence = time.monotonic() - self._received - self._excused
        if silence > self._limits.hang_timeout:
            return f"it was last heard {silence:.1f} s ago"
        return None if self._publisher.get_subscription_count() else "it receives no heartbeats"

    def _watches(self) -> bool:
        return self._problem() is None

    def _absence(self) -> str | None:
        """Return in one sentence why no guard watches; None if one does or none is required."""
        problem = self._problem() if self._limits.require_guard else None
        return problem and f"no guard on {self._topic} ({problem}): {REMEDY}"
