"""Depth of one camera in the pixels of another, against scenes that both see exactly."""

import numpy as np
import pytest

from m3_ros.capture.depth_registration import register_depth
from m3_ros.geometry import inverse, pixel_centers, rpy_to_matrix, se3

K_DEPTH = np.array([[50.0, 0.0, 40.0], [0.0, 50.0, 30.0], [0.0, 0.0, 1.0]])
K_COLOR = np.array([[110.0, 0.0, 82.0], [0.0, 112.0, 58.0], [0.0, 0.0, 1.0]])
DEPTH_SHAPE, COLOR_SHAPE = (60, 80), (120, 160)
T_COLOR_DEPTH = se3(rpy_to_matrix([0.02, -0.03, 0.05]), [0.015, -0.004, 0.01])
WALL = np.array([0.2, -0.3, 1.0, -0.8])
"""Plane n x = d of the colour camera's frame: n [3] and -d."""


def depth_of(plane, K, shape):
    """Exact depth of a plane."""
    rays = (pixel_centers(*shape[::-1]) - K[:2, 2]) / [K[0, 0], K[1, 1]]
    return (-plane[3] / (rays @ plane[:2] + plane[2])).astype(np.float32)


def in_depth_camera(plane):
    return plane @ T_COLOR_DEPTH


def test_a_plane_has_the_depth_that_the_colour_camera_would_measure():
    measured = depth_of(in_depth_camera(WALL), K_DEPTH, DEPTH_SHAPE)
    found = register_depth(measured, K_DEPTH, T_COLOR_DEPTH, K_COLOR, COLOR_SHAPE)
    expected = depth_of(WALL, K_COLOR, COLOR_SHAPE)
    inner = (slice(15, -15), slice(15, -15))  # what both cameras see
    assert found.dtype == np.float32 and (found[inner] > 0).all(), "no holes, though it upsamples"
    # Half a pixel of depth sideways, 0.5 / 50 of 1 m, on a slope of 0.36.
    assert np.abs(found - expected)[inner].max() < 0.012


def test_the_nearer_surface_hides_the_farther_one():
    """A step: seen from the colour camera beside it, its edge hides part of the wall."""
    T = se3(np.eye(3), [0.2, 0.0, 0.0])  # points lie 20 cm more to the right
    measured = np.where(pixel_centers(80, 60)[..., 0] < 40, 1.0, 2.0).astype(np.float32)
    found = register_depth(measured, K_DEPTH, T, K_DEPTH, DEPTH_SHAPE)
    # At 1 m it moves by 10 px, at 2 m by 5: the wall's first five columns are hidden.
    columns = found[30]
    assert not columns[:10].any()
    assert (columns[10:50] == 1.0).all() and (columns[51:] == 2.0).all()


def test_holes_and_points_behind_the_colour_camera_give_nothing():
    measured = np.full(DEPTH_SHAPE, 0.5, np.float32)
    measured[:30] = 0.0
    ahead = se3(np.eye(3), [0.0, 0.0, -0.6])
    assert not register_depth(measured, K_DEPTH, ahead, K_COLOR, COLOR_SHAPE).any()
    found = register_depth(measured, K_DEPTH, np.eye(4), K_DEPTH, DEPTH_SHAPE)
    assert not found[:29].any() and (found[31:] == 0.5).all()


def test_a_point_at_the_lens_does_not_cover_the_image():
    measured = np.full(DEPTH_SHAPE, 0.5, np.float32)
    near = se3(np.eye(3), [0.0, 0.0, -0.4999])
    assert not register_depth(measured, K_DEPTH, near, K_COLOR, COLOR_SHAPE).any()


def test_there_and_back_is_the_same_place():
    measured = depth_of(in_depth_camera(WALL), K_DEPTH, DEPTH_SHAPE)
    there = register_depth(measured, K_DEPTH, T_COLOR_DEPTH, K_COLOR, COLOR_SHAPE)
    back = register_depth(there, K_COLOR, inverse(T_COLOR_DEPTH), K_DEPTH, DEPTH_SHAPE)
    inner = (slice(10, -10), slice(10, -10))
    assert np.abs(back - measured)[inner].max() < 0.02


def test_intrinsics_that_cannot_belong_together_are_refused():
    with pytest.raises(ValueError, match="colour has 20.0 times the focal length of depth"):
        register_depth(
            np.ones(DEPTH_SHAPE, np.float32), K_DEPTH, np.eye(4), K_DEPTH * [[20], [20], [1]],
            COLOR_SHAPE,
        )  # fmt: skip
