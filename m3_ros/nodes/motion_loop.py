"""What every motion of the real robot does while it waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.task import Future

from m3_ros.grasp.robot import JointState, MotionCancelled

TICK = 0.05  # s between two checks of `cancelled` and of the joints, as `Robot` asks for


class MotionLoop:
    """Checks `cancelled` and the joint states, in the thread that runs the motion.

    Args:
        joint_state: returns the newest joints; raises `JointStatesLost`.
        beat: called in every tick: the guard's heartbeat; raises where the motion must not go on.
    """

    def __init__(self, joint_state: Callable[[], JointState], beat: Callable[[], None]) -> None:
        self.joint_state, self._beat = joint_state, beat
        self._ended = threading.Event()

    def end(self) -> None:
        """End the motion under way and every later one, as if cancelled."""
        self._ended.set()

    def check(self, cancelled: Callable[[], bool]) -> None:
        """Raise `MotionCancelled` where the motion is to end."""
        if cancelled() or self._ended.is_set():
            raise MotionCancelled("cancelled: the robot has stopped")

    def tick(
        self, cancelled: Callable[[], bool], done: threading.Event | None = None
    ) -> JointState:
        """Wait one tick, or until `done`, and return the joints.

        Raises:
            MotionCancelled: the motion is to end.
            JointStatesLost: nobody knows where the arm is.
            GuardError: no guard watches the motion, or it has stopped the robot.
        """
        self.check(cancelled)
        self._beat()
        if done is None:
            time.sleep(TICK)
        else:
            done.wait(TICK)
        return self.joint_state()

    def result(
        self,
        future: Future,
        cancelled: Callable[[], bool],
        watch: Callable[[JointState], None] = lambda _: None,
    ) -> object:
        """Return a future's result; `watch` looks at the joints in every tick and may raise."""
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not done.is_set():
            joints = self.tick(cancelled, done)
            if not done.is_set():
                watch(joints)
        return future.result()
