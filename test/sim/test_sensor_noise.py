"""The depth camera errs as much as its data sheet says, where it says, and repeats by seed."""

import numpy as np
import pytest

from m3_ros.sim.sensor_noise import BASELINE, depth_sigma, noisy_color, noisy_depth

FOCAL = 382.26


def wall(z, shape=(240, 320)):
    return np.full(shape, z, np.float32)


@pytest.mark.parametrize("z", [0.2, 0.3, 0.5, 1.0])
def test_error_grows_with_the_square_of_distance(z):
    measured = noisy_depth(wall(z), FOCAL, np.random.default_rng(0))
    errors = (measured - np.float32(z))[measured > 0.0]
    quantum = 0.001 / np.sqrt(12.0)
    expected = np.hypot(depth_sigma(np.float32(z), FOCAL), quantum)
    assert errors.std() == pytest.approx(expected, rel=0.1)
    assert abs(errors.mean()) < 0.1 * expected + 1e-5


def test_sigma_is_that_of_the_tuning_paper():
    """848 x 480: 0.42 mm at 0.2 m, 2.6 mm at 0.5 m for s = 0.08 and a baseline of 18 mm."""
    assert depth_sigma(np.array(0.2), 424.0) == pytest.approx(0.42e-3, rel=0.02)
    assert depth_sigma(np.array(0.5), 424.0) == pytest.approx(2.6e-3, rel=0.02)


def test_depth_comes_in_millimetres_within_the_range():
    depth = np.linspace(0.02, 2.5, 320, dtype=np.float32)[None].repeat(8, axis=0)
    measured = noisy_depth(depth, FOCAL, np.random.default_rng(0), scale=0.0)
    millimetres = measured * 1000.0
    np.testing.assert_allclose(millimetres, np.rint(millimetres), atol=1e-3)
    inside = (depth > 0.0705) & (depth < 1.9995)
    np.testing.assert_allclose(measured[inside], depth[inside], atol=5.1e-4)
    assert not measured[(depth < 0.0695) | (depth > 2.0005)].any()
    assert measured.dtype == np.float32


def test_shadow_of_a_near_thing_lies_on_its_left():
    """The background beside a near box is hidden from the right imager over f B (1/z - 1/Z) px."""
    depth = wall(1.0)
    depth[80:160, 120:200] = 0.25
    measured = noisy_depth(depth, FOCAL, np.random.default_rng(0))
    width = FOCAL * BASELINE * (1 / 0.25 - 1 / 1.0)
    left = (measured[90:150, : 120 - 2] == 0.0).sum(1)
    right = (measured[90:150, 200 + 2 :] == 0.0).sum(1)
    assert left.mean() == pytest.approx(width, abs=3.0)
    assert right.mean() < 1.0


def test_same_seed_same_errors():
    a, b, c = (noisy_depth(wall(0.4), FOCAL, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_nothing_stays_nothing():
    assert not noisy_depth(wall(0.0), FOCAL, np.random.default_rng(0)).any()


def test_color_noise_has_its_size_and_zero_changes_nothing():
    grey = np.full((100, 100, 3), 128, np.uint8)
    noisy = noisy_color(grey, 4.0, np.random.default_rng(0))
    assert noisy.astype(float).std() == pytest.approx(4.0, rel=0.1)
    np.testing.assert_array_equal(noisy_color(grey, 0.0, np.random.default_rng(0)), grey)
