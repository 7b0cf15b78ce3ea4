"""Rooms differ by seed, repeat by seed, and their surfaces are bright enough to see by."""

import mujoco
import numpy as np
import pytest

from m3_ros.resources import resource
from m3_ros.sim.environment import (
    CLOTHS,
    FLOORS,
    PLAINS,
    WOODS,
    cloth,
    furnish,
    plain,
    tiles,
    wood,
)


def furnished(seed):
    spec = mujoco.MjSpec.from_file(str(resource("mjcf/scene.xml")))
    furnish(spec, seed)
    model = spec.compile()
    return model.tex_data.copy(), model.light_dir.copy()


def test_a_seed_always_makes_the_same_room_and_another_seed_another():
    (first, light), (again, same), (other, turned) = (furnished(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(light, same)
    assert first.shape != other.shape or (first != other).mean() > 0.1
    assert np.abs(light - turned).max() > 0.01


@pytest.mark.parametrize(
    ("make", "colors"), [(wood, WOODS), (plain, PLAINS), (cloth, CLOTHS), (tiles, FLOORS)]
)
def test_surfaces_keep_their_color_and_have_texture(make, colors):
    for color in colors:
        image = make(np.random.default_rng(0), color)
        mean = image.mean((0, 1))
        np.testing.assert_allclose(mean / mean.sum(), np.array(color) / sum(color), atol=0.01)
        assert 0.75 < mean.sum() / sum(color) < 1.1
        assert image.std(axis=(0, 1)).min() > 0.002


def test_the_key_light_shines_down_on_the_table():
    for seed in range(10):
        _, directions = furnished(seed)
        assert directions[0][2] < -0.7
