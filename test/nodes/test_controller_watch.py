"""A robot rests, without a result, only when it really does."""

import numpy as np
import pytest

from m3_ros.nodes.controller_watch import REST, Rest
from m3_ros.nodes.motion_loop import TICK


def rested(times, positions, duration=1.0):
    """Seconds of rest after ticks at some times, of one joint at some positions."""
    now = [0.0]
    rest = Rest(lambda: now[0], duration)
    for now[0], position in zip(times, positions, strict=True):
        rest.update(np.array([position]))
    return rest.seconds


TICKS = TICK * np.arange(1, 101)


@pytest.mark.parametrize(
    ("times", "positions", "seconds"),
    [
        (TICKS, np.zeros(100), 4.0),
        (0.1 * TICKS, np.zeros(100), 0.0),
        (TICKS, 0.2 * REST * np.arange(100), 0.2),
        ([TICK, 600.0], [0.0, 0.0], 2 * TICK),
        ([*TICKS, 5.01], np.append(np.zeros(100), 1.0), 0.0),
    ],
    ids=["rests", "not due yet, or /clock is slow", "slow", "this process paused", "moves again"],
)
def test_rest(times, positions, seconds):
    assert rested(times, positions) == pytest.approx(seconds, abs=0.2)
