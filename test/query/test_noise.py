"""The noise of a memory and of a frame is measured in them, whatever the sensor."""

import numpy as np
import pytest

from m3_ros.query.noise import (
    DEPTH_ERROR,
    camera_distances,
    depth_error,
    median_by_distance,
    noise_and_sigma,
    surface_noise,
)


def rng():
    return np.random.default_rng(0)


def layer(sigma, count=20_000, size=1.0, height=0.0):
    """Points of a square table, 7 mm apart, with noise along z."""
    points = np.c_[rng().uniform(0, size, (count, 2)), np.full(count, height)]
    points[:, 2] += rng().normal(0, sigma, count)
    return points


@pytest.mark.parametrize("sigma", [0.001, 0.003])
@pytest.mark.parametrize("turned", [False, True])
def test_thickness_of_a_surface_is_its_noise(sigma, turned):
    points = layer(sigma)
    points = points[:, [2, 0, 1]] if turned else points
    rows, thickness = surface_noise(points)
    assert len(rows) == len(thickness) == 4000
    assert np.median(thickness) == pytest.approx(sigma, rel=0.2)


def test_few_points_have_a_noise_and_none_has_none():
    assert surface_noise(np.zeros((0, 3)))[1].shape == (0,)
    assert surface_noise(np.eye(3))[1] == pytest.approx([0, 0, 0], abs=1e-9)


def test_noise_follows_the_distance_from_the_nearest_camera():
    near, far = layer(0.001), layer(0.004) + [0.0, 0.0, 2.0]
    cameras = np.array([[0.5, 0.5, -0.5], [0.5, 0.5, -0.4]])
    sigmas = np.r_[np.full(len(near), 0.003), np.full(len(far), 0.01)]
    noise, sigma = noise_and_sigma(np.concatenate([near, far]), sigmas, cameras)
    assert np.median(noise[: len(near)]) == pytest.approx(0.001, rel=0.3)
    assert np.median(noise[len(near) :]) == pytest.approx(0.004, rel=0.3)
    assert sigma[0] == pytest.approx(0.003) and sigma[-1] == pytest.approx(0.01)


def test_distance_is_to_the_nearest_camera_and_zero_without_one():
    points = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 3.0]])
    cameras = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.5]])
    np.testing.assert_allclose(camera_distances(points, cameras), [1.0, 0.5])
    np.testing.assert_allclose(camera_distances(points, cameras[:0]), [0.0, 0.0])


def test_edges_of_objects_do_not_count():
    distances, values = np.linspace(1, 2, 1000), np.full(1000, 0.002)
    values[::4] = 0.05
    at = np.array([0.5, 1.5, 9.0])
    np.testing.assert_allclose(median_by_distance(distances, values, at), 0.002)
    np.testing.assert_allclose(median_by_distance(distances[:0], values[:0], at), 0.0)


@pytest.mark.parametrize("error", [0.02, 0.05])
def test_error_of_depth_is_measured_on_a_tilted_plane_with_holes(error):
    columns, rows = np.meshgrid(np.arange(160), np.arange(120))
    depth = 1.0 / (1.0 + 0.004 * columns + 0.002 * rows)
    depth += rng().normal(0, 1, depth.shape) * error * np.square(depth)
    depth[rng().random(depth.shape) < 0.2] = 0.0
    assert depth_error(depth.astype(np.float32)) == pytest.approx(error, rel=0.1)


def test_smooth_and_empty_depth_have_the_least_error():
    assert depth_error(np.full((120, 160), 0.5, np.float32)) == DEPTH_ERROR
    assert depth_error(np.zeros((120, 160), np.float32)) == DEPTH_ERROR
