"""What every motion of the real robot does while it waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from rclpy.task import Future

from m3_ros.grasp.robot import JointState, JointStatesLost, MotionCancelled
from m3_ros.nodes.diagnostics import WARN, Report
from m3_ros.nodes.guard_client import GuardClient

TICK = 0.05  # s between two checks of `cancelled` and of the joints, as `Robot` asks for
LOST_TICKS = 3
"""Ticks in a row without joint states after which they are lost: after a pause of this process
those that wait for it come within a tick or two."""
RECENT = 1200  # ticks that the diagnostics tell of: a minute of motion


class MotionLoop:
    """Checks `cancelled` and the joint states, in the thread that runs the motion.

    Args:
        joint_state: returns the newest joints; raises `JointStatesLost`.
        guard: gets a heartbeat in every tick; raises where the motion must not go on.
        deadline: tick that the diagnostics warn of, s.
    """

    def __init__(
        self, joint_state: Callable[[], JointState], guard: GuardClient, deadline: float
    ) -> None:
        self.joint_state, self._guard, self._deadline = joint_state, guard, deadline
        self._ended = threading.Event()
        self._ticks: deque[float] = deque(maxlen=RECENT)

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
        for lost in range(1, LOST_TICKS + 1):
            begun = time.monotonic()
            self.check(cancelled)
            self._guard.beat()
            if done is None:
                time.sleep(TICK)
            else:
                done.wait(TICK)
            try:
                return self.joint_state()
            except JointStatesLost:
                if lost == LOST_TICKS:
                    raise
            finally:
                self._ticks.append(time.monotonic() - begun)
        raise AssertionError("the last tick returns or raises")

    def result(
        self,
        future: Future,
        cancelled: Callable[[], bool],
        watch: Callable[[JointState], None] = lambda _: None,
    ) -> object:
        """Return a future's result; `watch` looks at the joints in every tick and may raise."""
        done = event_of(future)
        while not done.is_set():
            joints = self.tick(cancelled, done)
            if not done.is_set():
                watch(joints)
        return future.result()

    def ending(self, arrived: Callable[[float], bool], timeout: float) -> bool:
        """Wait for an answer that ends a motion, cancelled or not; return whether it came.

        Args:
            arrived: waits so many s at most, and returns whether the answer has come.
            timeout: s.
        """
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self._guard.keep_alive()
            if arrived(TICK):
                return True
        return False

    def report(self) -> Report:
        """Return the diagnostics of the ticks: late ones are a machine that is too busy."""
        ticks = list(self._ticks)
        if not ticks:
            return Report(message="no motion so far")
        late, longest = np.percentile(ticks, 99), max(ticks)
        values = {
            "deadline [s]": f"{self._deadline:.2f}",
            "p99 [s]": f"{late:.3f}",
            "longest [s]": f"{longest:.3f}",
        }
        if longest < 0.5 * self._deadline:
            return Report(values=values)
        text = f"a round of the motion loop took {longest:.2f} s, the deadline is"
        return Report(WARN, f"{text} {self._deadline:.2f} s: too many processes", values)


def event_of(future: Future) -> threading.Event:
    """Return an event that is set when the future is done."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    return done
