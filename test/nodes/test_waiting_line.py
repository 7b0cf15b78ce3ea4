"""A line of requests: in order, bounded in length and time."""

import threading

import pytest

from m3_ros.nodes.waiting_line import Busy, WaitingLine


@pytest.fixture
def caller():
    """Start a caller in a thread; its turn lasts until the returned event is set."""
    threads = []

    def make(line, name, served):
        end = threading.Event()

        def call():
            with line.turn():
                served.append(name)
                end.wait(60.0)

        threads.append((threading.Thread(target=call), end))
        threads[-1][0].start()
        return end

    yield make
    for thread, end in threads:
        end.set()
        thread.join()


def test_callers_are_served_one_at_a_time_in_their_order(caller, until):
    line, served = WaitingLine(length=2, timeout=60.0), []
    ends = []
    for name in range(3):
        ends.append(caller(line, name, served))
        until(lambda count=name + 1: len(line._line) == count)
    assert served == [0]
    for name, end in enumerate(ends):
        until(lambda name=name: served == list(range(name + 1)))
        end.set()


def test_a_caller_too_many_is_refused_at_once(caller, until):
    line, served = WaitingLine(length=0, timeout=60.0), []
    end = caller(line, "first", served)
    until(lambda: served)
    with pytest.raises(Busy, match="wait already"), line.turn():
        served.append("second")
    end.set()
    until(lambda: not line._line)
    with line.turn():
        served.append("third")
    assert served == ["first", "third"]


def test_a_turn_that_does_not_come_in_time_is_refused(caller, until):
    line, served = WaitingLine(length=1, timeout=0.05), []
    caller(line, "first", served)
    until(lambda: served)
    with pytest.raises(Busy, match="took more than 0.05 s"), line.turn():
        served.append("second")
    assert served == ["first"]
