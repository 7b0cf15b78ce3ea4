"""Boxes hold their points, stand upright and reach down to what they stand on."""

import numpy as np
import pytest

from m3_ros.geometry import rpy_to_matrix
from m3_ros.query.shape import OrientedBox, position_stddev, upright_box


@pytest.mark.parametrize("yaw", [0.0, 0.4, 1.2, -0.7])
def test_a_turned_box_is_recovered(yaw):
    rotation = rpy_to_matrix([0, 0, yaw])
    local = np.random.default_rng(0).uniform(-0.5, 0.5, (4000, 3)) * [0.2, 0.1, 0.06]
    center = np.array([1.0, -2.0, 0.6])
    box = upright_box(local @ rotation.T + center)
    np.testing.assert_allclose(box.center, center, atol=0.003)
    np.testing.assert_allclose(sorted(box.size), [0.06, 0.1, 0.2], atol=0.005)
    inside = np.abs((local @ rotation.T + center - box.center) @ box.rotation)
    assert (inside <= box.size / 2 + 1e-6).all()
    np.testing.assert_allclose(box.rotation @ box.rotation.T, np.eye(3), atol=1e-9)
    assert box.corners().shape == (8, 3)


def test_it_reaches_down_to_the_floor():
    points = np.random.default_rng(0).uniform(0, 0.1, (50, 3)) + [0, 0, 0.52]
    box = upright_box(points, support=0.5)
    assert box.corners()[:, 2].min() == pytest.approx(0.5)
    assert box.corners()[:, 2].max() == pytest.approx(points[:, 2].max())


def test_a_support_above_the_points_changes_nothing():
    points = np.random.default_rng(0).uniform(0, 0.1, (50, 3))
    np.testing.assert_array_equal(upright_box(points, 0.05).size, upright_box(points).size)


def test_corners_lie_half_an_edge_from_the_centre():
    box = OrientedBox(np.array([1.0, 2.0, 3.0]), np.eye(3), np.array([0.2, 0.4, 0.6]))
    np.testing.assert_allclose(
        np.abs(box.corners() - box.center), np.tile([0.1, 0.2, 0.3], (8, 1))
    )
    assert len(np.unique(box.corners(), axis=0)) == 8


def test_the_centre_of_two_faces_known_to_a_spacing():
    """By sampling: each face is the outermost of points whose grid may lie anywhere."""
    rng, spacing = np.random.default_rng(0), 0.004
    faces = rng.uniform(0.0, spacing, (20_000, 2)) * [1, -1]
    centers = faces.mean(1)
    assert position_stddev(spacing) == pytest.approx(centers.std(), rel=0.02)
    assert position_stddev(spacing, -0.003) == pytest.approx(
        np.hypot(centers.std(), 0.003), rel=0.02
    )
