"""What is a thing: enough surface, however many Gaussians it consists of."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.query.segmentation import neighbour_graph
from m3_ros.query.things import Things


@pytest.fixture(scope="module")
def finer(toy_memory):
    """The same surfaces of four times as many Gaussians, half as wide."""
    model, four = toy_memory.models["color"], torch.arange(len(toy_memory.gaussians))
    four = four.repeat_interleave(4)
    gaussians = toy_memory.gaussians.select(four)
    gaussians = replace(gaussians, scales=gaussians.scales - np.log(2.0))
    kept = replace(model, queries=model.queries[four], reliability=model.reliability[four])
    return replace(toy_memory, gaussians=gaussians, models={"color": kept})


def pieces(memory, min_area):
    return Things(memory, memory.models["color"], min_area).pieces


def test_a_speck_is_no_thing(toy, toy_memory):
    assert len(pieces(toy_memory, 0.0015)) == len(toy.places)
    assert pieces(toy_memory, 10.0) == []


def test_as_large_in_finer_gaussians(toy_memory, finer):
    for min_area in np.geomspace(1e-3, 1e-1, 9):
        assert len(pieces(finer, min_area)) == len(pieces(toy_memory, min_area))
    coarse, fine = (len(pieces(memory, 0.0015)[0]) for memory in (toy_memory, finer))
    assert fine == 4 * coarse


def test_alike_is_an_angle_in_those_of_the_bank(toy_memory):
    things = Things(toy_memory, toy_memory.models["color"], 0.0015)
    angle = np.arccos(things.threshold)

    def turned(angles):
        return np.array([np.cos(angles * angle), np.sin(angles * angle)])

    assert things.alike(turned(0.0), turned(1.9)) and not things.alike(turned(0.0), turned(2.1))
    assert things.alike(turned(0.0), turned(2.1), 2.5)
    assert not things.alike(turned(0.0), turned(2.6), 2.5)


def box(low, high, step=0.005):
    """Points `[n, 3]` on the surface of a box."""
    axes = [np.arange(a, b + step / 2, step) for a, b in zip(low, high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return points[(np.isclose(points, low) | np.isclose(points, high)).any(1)]


@pytest.mark.parametrize(
    ("low", "high", "goes_with_it"),
    [
        ((0.0, 0.0, 0.105), (0.06, 0.06, 0.12), True),  # a lid
        ((0.02, 0.02, -0.05), (0.04, 0.04, -0.005), True),  # a stem
        ((0.0, 0.0, 0.105), (0.06, 0.06, 0.2), False),  # another one, stacked
        ((0.01, 0.03, 0.105), (0.03, 0.05, 0.12), False),  # something small that lies on it
        ((0.065, 0.0, 0.0), (0.08, 0.06, 0.1), False),  # something beside it
    ],
)
def test_a_lid_goes_with_what_it_is_on(low, high, goes_with_it):
    body, other = box((0.0, 0.0, 0.0), (0.06, 0.06, 0.1)), box(low, high)
    things = Things.__new__(Things)
    things.points = np.concatenate([body, other])
    things.graph = neighbour_graph(things.points, 0.008)
    things.pieces = [np.arange(len(things.points))]
    things._areas = np.full(len(things.points), 2.5e-5)
    part = np.arange(len(body))
    expected = len(things.points) if goes_with_it else len(body)
    np.testing.assert_array_equal(np.sort(things.whole(part)), np.arange(expected))
