"""The noisy sensor shows each effect of a low-cost RGB-D camera, and only where it occurs."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.config import SimulationConfig
from m3_ros.sim.sensor_artifacts import (
    DARK_SHARE,
    EXPOSURE_TARGET,
    GLOSSY_SHARE,
    REGISTRATION_OFFSET,
    expose,
    flying_pixels,
    lost_pixels,
    misregister,
)
from m3_ros.sim.sensor_noise import NOISE_FACTOR, depth_sigma, measured_color, measured_depth

NOISY = SimulationConfig(sensor="noisy")
SHAPE = (120, 160)


def grey(level):
    return np.full((*SHAPE, 3), level, np.uint8)


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("z", [0.4, 0.8, 1.6])
def test_error_of_the_noisy_sensor_grows_with_the_square_of_distance(z):
    depth = measured_depth(np.full(SHAPE, z, np.float32), grey(128), NOISY, rng())
    errors = depth[depth > 0] - np.float32(z)
    sigma = NOISE_FACTOR * depth_sigma(np.float32(z), NOISY.focal_length)
    assert errors.std() == pytest.approx(sigma, rel=0.1)


def test_pixels_fly_between_both_sides_of_an_edge_and_nowhere_else():
    depth = np.full(SHAPE, 1.0, np.float32)
    depth[:, :80] = 0.5
    edges = np.zeros(SHAPE, bool)
    edges[:, 79:81] = True
    result = flying_pixels(depth, edges, rng())
    between = (result > 0.51) & (result < 0.99)
    assert 0.3 < between[edges].mean() < 0.6
    assert not between[~edges].any()


@pytest.mark.parametrize(
    ("level", "share"), [(0, DARK_SHARE), (20, DARK_SHARE / 2), (128, 0.0), (255, GLOSSY_SHARE)]
)
def test_dark_and_glossy_pixels_lose_their_depth_in_patches(level, share):
    lost = lost_pixels(np.full((480, 640, 3), level, np.uint8), rng())
    assert lost.mean() == pytest.approx(share, abs=0.06)  # of about 700 patches
    beside = (lost[:, 1:] == lost[:, :-1]).mean()
    assert beside > 0.9  # of independent pixels: 1 - 2 share (1 - share), 0.52 to 0.68


def test_depth_lies_beside_its_colour():
    depth = np.full(SHAPE, 1.0, np.float32)
    depth[40:80, 60:100] = 0.5
    shifted = misregister(depth)
    assert (np.flatnonzero(shifted[60] == 0.5) == np.arange(60, 100) + REGISTRATION_OFFSET).all()
    assert not shifted[:, :REGISTRATION_OFFSET].any()


def test_exposure_follows_the_mean_of_the_image_within_its_gains():
    assert expose(grey(100)).mean() == pytest.approx(EXPOSURE_TARGET, abs=1.0)
    assert 10 < expose(grey(10)).mean() < 14
    assert 180 < expose(grey(250)).mean() < 200


def test_the_default_sensor_has_none_of_these_and_a_perfect_one_no_error():
    black, depth = grey(0), np.full(SHAPE, 0.4, np.float32)
    d405 = SimulationConfig()
    assert (measured_depth(depth, black, d405, rng()) > 0).mean() > 0.99
    assert measured_color(grey(50), d405, rng()).mean() == pytest.approx(50, abs=0.5)
    perfect = replace(NOISY, depth_noise=0.0)
    np.testing.assert_allclose(measured_depth(depth, black, perfect, rng()), depth, atol=6e-4)
