"""The number of Gaussians follows a scene's surface, within memory, unless it is set."""

import numpy as np
import pytest

from m3_ros.config import SplatConfig
from m3_ros.splat import limits
from m3_ros.splat.initialization import Points
from m3_ros.splat.limits import most_gaussians
from m3_ros.splat.voxels import Voxels

NONE, VOXELS = np.zeros((0, 3), np.float32), Voxels(0.01)
CONFIG = SplatConfig(fill_holes=False)


def floor(length):
    """Points of a floor 1 m wide, 5 mm apart."""
    x, y = np.meshgrid(np.arange(0, length, 0.005), np.arange(0, 1, 0.005))
    positions = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], 1)
    ones = np.ones_like(positions)
    return Points(positions, ones * [0, 0, 1], ones, ones[:, 0])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(limits, "LEAST", 1000)


def test_a_small_scene_gets_the_least_and_a_larger_one_as_many_as_its_surface_takes():
    assert most_gaussians(floor(0.3), VOXELS, NONE, CONFIG) == 1000
    assert most_gaussians(floor(0.3), VOXELS, NONE, CONFIG, unmeasured=5) == 7500
    one, two = (most_gaussians(floor(x), VOXELS, NONE, CONFIG) for x in (1.0, 2.0))
    assert one == pytest.approx(1 / 0.025**2, rel=0.1)
    assert two == pytest.approx(2 * one, rel=0.1)


def test_what_is_covered_does_not_count_again():
    present = floor(1.0).positions.astype(np.float32)
    most = most_gaussians(floor(2.0), VOXELS, present, CONFIG)
    assert most - len(present) == pytest.approx(1 / 0.025**2, rel=0.1)


def test_memory_and_the_setting_bound_it(monkeypatch):
    assert most_gaussians(floor(2.0), VOXELS, NONE, SplatConfig(max_gaussians=70)) == 70
    monkeypatch.setattr(limits, "memory_of", lambda _: 4_000_000)
    assert most_gaussians(floor(2.0), VOXELS, NONE, CONFIG) == 500
