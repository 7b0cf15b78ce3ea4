"""The age of data: in the time of /clock, whatever that does."""

from types import SimpleNamespace

import pytest

from m3_ros.nodes.elapsed_time import CLOCK_TIMEOUT, Deadline, ElapsedTime


class Times:
    """A clock and a wall time that a test sets."""

    def __init__(self, simulated, clock=0.0):
        self.clock, self.wall, self.ros_time_is_active = clock, 7000.0, simulated

    def now(self):
        return SimpleNamespace(nanoseconds=round(self.clock * 1e9))

    def elapsed(self):
        return ElapsedTime(self, lambda: self.wall)


def test_a_slow_clock_makes_data_slowly_old():
    times = Times(True, clock=100.0)
    elapsed = times.elapsed()
    deadline = Deadline(elapsed, 1.0)
    for _ in range(10):
        times.wall += 0.4
        times.clock += 0.08
    assert elapsed() == pytest.approx(0.8)
    assert deadline.remaining() == pytest.approx(0.2)


def test_a_clock_that_stands_makes_nothing_old_but_ends_waits():
    times = Times(True, clock=100.0)
    elapsed = times.elapsed()
    deadline = Deadline(elapsed, 1.0)
    times.wall += CLOCK_TIMEOUT - 0.1
    assert deadline.remaining() == 1.0 and not elapsed.stands()
    times.wall += 0.2
    assert elapsed() == 0.0 and elapsed.stands() and deadline.remaining() == 0.0
    times.clock += 0.1
    assert not elapsed.stands()


def test_a_clock_that_comes_late_is_waited_for():
    times = Times(True)
    elapsed = times.elapsed()
    times.wall += 1.0
    deadline = Deadline(elapsed, 30.0)
    times.wall += 20.0
    assert elapsed.stands() and deadline.remaining() == 10.0
    times.clock = 500.0
    assert deadline.remaining() == 30.0
    times.clock += 29.0
    times.wall += 1.0
    assert deadline.remaining() == pytest.approx(1.0)


def test_a_clock_that_goes_back_goes_on():
    times = Times(True, clock=100.0)
    elapsed = times.elapsed()
    for times.clock in (103.0, 20.0, 22.0):
        elapsed()
    assert elapsed() == 5.0


def test_the_first_message_of_a_clock_makes_nothing_old():
    times = Times(True, clock=0.0)
    elapsed = times.elapsed()
    times.clock = 1000.0
    assert elapsed() == 0.0


def test_without_simulated_time_a_change_of_the_systems_clock_changes_nothing():
    times = Times(False, clock=100.0)
    elapsed = times.elapsed()
    times.clock += 3600.0
    times.wall += 2.0
    assert elapsed() == 2.0 and not elapsed.stands()
    times.wall += 10.0
    assert Deadline(elapsed, 1.0).remaining() == 1.0
