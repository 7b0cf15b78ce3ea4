from itertools import pairwise

import numpy as np

from m3_ros.grasp.rrt_connect import rrt_connect

LIMITS = np.array([-2.0, -2.0]), np.array([2.0, 2.0])
START, GOAL = np.array([-1.0, 0.0]), np.array([1.0, 0.0])


def off_a_wall(gap):
    """A wall at x = 0 with an opening above y = `gap`."""

    def free(a, b):
        points = a + np.linspace(0.0, 1.0, 50)[:, None] * (b - a)
        return bool(((np.abs(points[:, 0]) > 0.1) | (points[:, 1] > gap)).all())

    return free


def test_a_way_leads_around_the_wall():
    free = off_a_wall(1.0)
    assert not free(START, GOAL)
    way = rrt_connect(START, GOAL, LIMITS, free)
    assert np.allclose(way[0], START) and np.allclose(way[-1], GOAL)
    assert all(free(a, b) for a, b in pairwise(way))


def test_needless_corners_are_cut():
    way = rrt_connect(START, GOAL, LIMITS, lambda a, b: True)
    assert len(way) == 2


def test_without_a_path_there_is_none():
    assert rrt_connect(START, GOAL, LIMITS, off_a_wall(5.0), max_iterations=60) is None
