"""Things modelled anew for training pictures: still themselves, only as others might make them."""

import sys
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from compact_remodel import TRUE_TO_SIZE, remodel

from m3_ros.sim.objects import CATEGORIES, add_object, make_object
from m3_ros.sim.objects.model import bounds


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_remodelled_thing_is_about_as_large_and_stands_where_it_stood(category) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        model = make_object(category, "red", seed, split="train")
        other = remodel(model, rng)
        assert (other.category, other.color) == (model.category, model.color)
        assert all(part.shape == "mesh" and len(part.faces) for part in other.parts)
        low, high = bounds(other.parts)
        np.testing.assert_allclose(high - low, other.size)
        assert low[2] == pytest.approx(0.0, abs=1e-9)
        assert 0.3 < np.prod(other.size / model.size) ** (1 / 3) < 2.2
        if category in TRUE_TO_SIZE and len(other.parts) == len(model.parts):
            ratio = other.size / model.size
            assert ratio.max() < 1.12 * ratio.min()  # few faces cut a little off


def test_remodelled_things_differ_and_keep_every_part_that_bears_their_colour() -> None:
    model = make_object("duck", "yellow", 1, split="train")
    sizes, counts = set(), set()
    for seed in range(8):
        other = remodel(model, np.random.default_rng(seed))
        sizes.add(tuple(other.size.round(4)))
        counts.add(len(other.parts))
        main = [part.tint for part in other.parts].count("main")
        assert main == [part.tint for part in model.parts].count("main")
    assert len(sizes) == 8 and len(counts) > 1


def test_a_remodelled_thing_can_be_drawn() -> None:
    spec = mujoco.MjSpec()
    for index, category in enumerate(("mug", "toy car", "bottle")):
        model = make_object(category, "blue", index, split="train")
        other = remodel(model, np.random.default_rng(index))
        add_object(spec, replace(other, name=category), collide=False)
    assert spec.compile().nmesh >= 3
