"""Parts that float belong to what is below them."""

import numpy as np
import pytest

from m3_ros.query.floating import join_floating

AXIS = np.arange(0.0, 0.0501, 0.005)
CUBE = np.stack(np.meshgrid(AXIS, AXIS, AXIS, indexing="ij"), -1).reshape(-1, 3)
TOUCH = 0.02


def join(*lows, standing=0.0):
    """How many cubes each object consists of; a cube at height `standing` does not float."""
    points = np.concatenate([CUBE + low for low in lows])
    parts = np.split(np.arange(len(points)), len(lows))
    found = join_floating(parts, points, lambda part: points[part, 2].min() > standing, TOUCH)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(len(points)))
    return [len(part) // len(CUBE) for part in found]


@pytest.mark.parametrize(("gap", "objects"), [(0.018, [2]), (0.022, [1, 1])])
def test_a_part_in_the_air_goes_with_what_it_touches(gap, objects):
    assert join((0, 0, 0), (0, 0, 0.05 + gap)) == objects


def test_things_that_stand_stay_apart_however_near():
    assert join((0, 0, 0), (0.055, 0, 0)) == [1, 1]


def test_a_pile_of_parts_is_one_object():
    assert join((0, 0, 0), (0, 0, 0.06), (0, 0, 0.12)) == [3]
    assert join((0, 0, 0.12), (0, 0, 0), (0, 0, 0.06)) == [3]


def test_the_nearest_below_is_chosen():
    assert join((0, 0, 0), (0.2, 0, 0), (0.03, 0, 0.065)) == [2, 1]


def test_what_hangs_beside_something_is_not_joined_to_what_hangs_higher():
    assert join((0, 0, 0.2), (0.055, 0, 0.21)) == [2]  # the higher goes with the lower
    assert join((0, 0, 0.2), (0.055, 0, 0.2)) == [1, 1]


def test_nothing_is_nothing():
    assert join_floating([], np.zeros((0, 3)), lambda part: True, TOUCH) == []
