"""What a click hits."""

import numpy as np

from m3_ros.query.shape import OrientedBox
from m3_ros.view.page.probe import along, gap, hit


def test_a_ray_from_above_meets_the_table(toy_memory):
    point = hit(toy_memory, along(np.array([0.15, -0.15, 1.0]), np.array([0.0, 0.0, -2.0])))
    np.testing.assert_allclose(point, [0.15, -0.15, 0.5], atol=0.02)


def test_a_ray_to_the_sky_meets_nothing(toy_memory):
    assert hit(toy_memory, along(np.array([0.0, 0.0, 1.0]), np.array([0.3, 0.1, 1.0]))) is None


def test_the_gap_to_a_box_is_zero_inside_and_the_distance_outside():
    box = OrientedBox(np.array([1.0, 0.0, 0.0]), np.eye(3), np.array([0.2, 0.2, 0.2]))
    assert gap(box, np.array([1.05, 0.0, 0.0])) == 0.0
    assert np.isclose(gap(box, np.array([1.4, 0.5, 0.0])), 0.5)
