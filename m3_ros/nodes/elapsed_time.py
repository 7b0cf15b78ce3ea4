"""Time in which the age of data is counted and data are waited for.

With `use_sim_time` it is that of /clock, so that a recording played slowly, or a simulation that
pauses, makes nothing old. What guards processes counts wall time instead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.clock import Clock

CLOCK_TIMEOUT = 5.0
"""Time (s) for which /clock may stand still before a wait for data is given up: fifty periods of a
clock of 10 Hz, the slowest usual one."""


class ElapsedTime:
    """Count the seconds of a node's clock; thread-safe.

    It never goes back: where /clock does, it goes on from what it was. Without `use_sim_time` it
    is a wall time that no adjustment of the system's clock changes.

    Args:
        clock: of the node.
        wall: returns wall time, s; an attribute, too.
    """

    def __init__(self, clock: Clock, wall: Callable[[], float] = time.monotonic) -> None:
        self._clock, self.wall = clock, wall
        self._lock = threading.Lock()
        self._last, self._elapsed = self._now(), 0.0
        self._changed = wall()

    def __call__(self) -> float:
        """Return the time since the construction, s."""
        with self._lock:
            now = self._now()
            if now != self._last:
                self._changed = self.wall()
            if self._last > 0.0:  # a simulated clock is at 0 until its first message
                self._elapsed += max(0.0, now - self._last)
            self._last = now
            return self._elapsed

    def stands(self) -> bool:
        """Return whether /clock has stood still for `CLOCK_TIMEOUT` s of wall time."""
        self()
        with self._lock:
            return self.wall() - self._changed > CLOCK_TIMEOUT

    def _now(self) -> float:
        if self._clock.ros_time_is_active:
            return self._clock.now().nanoseconds * 1e-9
        return self.wall()


class Deadline:
    """The end of a wait for data: after some time, or when /clock stands still.

    A node that has just begun may find /clock late, so where that stands the wait ends after the
    same time by the wall.

    Args:
        elapsed: counts the time.
        timeout: s.
    """

    def __init__(self, elapsed: ElapsedTime, timeout: float) -> None:
        self._elapsed, self._end = elapsed, elapsed() + timeout
        self._wall_end = elapsed.wall() + timeout

    def remaining(self) -> float:
        """Return the seconds that are left, of the wall where /clock stands still."""
        if self._elapsed.stands():
            return max(0.0, self._wall_end - self._elapsed.wall())
        return max(0.0, self._end - self._elapsed())
