"""Segments: enough surface, however many Gaussians they consist of; lids and stems."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import QueryConfig
from m3_ros.query.segment import Segments


@pytest.fixture(scope="module")
def finer(toy_memory):
    """The same surfaces of four times as many Gaussians, half as wide."""
    model, four = toy_memory.models["color"], torch.arange(len(toy_memory.gaussians))
    four = four.repeat_interleave(4)
    gaussians = toy_memory.gaussians.select(four)
    gaussians = replace(gaussians, scales=gaussians.scales - np.log(2.0))
    kept = replace(model, queries=model.queries[four], reliability=model.reliability[four])
    return replace(toy_memory, gaussians=gaussians, models={"color": kept})


def segments(memory, min_area):
    config = QueryConfig(min_segment_area=float(min_area))
    return list(Segments(memory, memory.models["color"], config))


def test_a_speck_is_no_segment(toy, toy_memory):
    assert len(segments(toy_memory, 0.0015)) == len(toy.places)
    assert segments(toy_memory, 10.0) == []


def test_finer_gaussians_have_the_same_surface(toy_memory, finer):
    for min_area in np.geomspace(1e-3, 1e-1, 9):
        assert len(segments(finer, min_area)) == len(segments(toy_memory, min_area))
    coarse, fine = (len(segments(memory, 0.0015)[0].members) for memory in (toy_memory, finer))
    assert fine == 4 * coarse


def test_appearance_differs_by_angles_of_the_bank(toy_memory):
    model = toy_memory.models["color"]
    found = Segments(toy_memory, model, QueryConfig())
    angle = np.arccos(model.bank.threshold)

    def turned(angles):
        return np.array([np.cos(angles * angle), np.sin(angles * angle)])

    first, near, far = turned(0.0), turned(1.9), turned(2.1)
    assert list(found.same_appearance(np.stack([near, far]), first)) == [True, False]
    assert found.same_appearance(far, first, 2.5)
    assert not found.same_appearance(turned(2.6), first, 2.5)


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
def test_a_lid_goes_with_what_it_is_on(toy_memory, low, high, goes_with_it):
    body, other = box((0.0, 0.0, 0.0), (0.06, 0.06, 0.1)), box(low, high)
    segments = Segments(*remember(toy_memory, np.concatenate([body, other])), QueryConfig())
    (segment,) = segments
    part = segment.members[segments.index[segment.members] < len(body)]
    expected = segment.members if goes_with_it else part
    np.testing.assert_array_equal(np.sort(segments.with_attached(segment, part)), expected)


def remember(memory, points, spacing=0.005):
    """A memory of round Gaussians at points, all of one appearance, and its model."""
    index = torch.zeros(len(points), dtype=torch.int64)
    gaussians = memory.gaussians.select(index)
    scales = torch.full_like(gaussians.scales, float(np.log(0.7 * spacing)))
    gaussians = replace(gaussians, means=torch.from_numpy(points).float(), scales=scales)
    model = memory.models["color"]
    model = replace(model, queries=model.queries[index], reliability=torch.ones(len(points)))
    return replace(memory, gaussians=gaussians, models={"color": model}), model
