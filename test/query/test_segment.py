"""Segments: enough surface, however many Gaussians they consist of; lids and stems."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import QueryConfig
from m3_ros.query.segment import Segments, larger_axes


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
        ((0.015, 0.0, 0.105), (0.06, 0.06, 0.12), True),  # a lid 7.5 mm off the axis
        ((0.0, 0.036, 0.105), (0.06, 0.06, 0.12), False),  # 18 mm off the axis
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


def segments_of(memory, *clouds, spacing=0.005, config=None):
    """The segments of a memory of the points of some clouds."""
    return Segments(*remember(memory, np.concatenate(clouds), spacing), config or QueryConfig())


def slab(low, high, step=0.005):
    """Points `[n, 3]` that fill a box."""
    axes = [np.arange(a, b + step / 2, step) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def table(width=0.4, height=0.0, slope=0.0):
    """Points of a table about the origin that rises along x."""
    points = slab((-width / 2, -width / 2, height), (width / 2, width / 2, height), 0.01)
    points[:, 2] += slope * points[:, 0]
    return points


CUBE = box((0.0, 0.0, 0.05), (0.05, 0.05, 0.1))


def test_a_gap_of_two_spacings_is_bridged(toy_memory):
    """A standard deviation is 0.7 spacings, and three of them are bridged."""
    for gap, count in ((0.010, 1), (0.011, 2)):
        found = segments_of(toy_memory, CUBE, CUBE + [0.05 + gap, 0, 0])
        assert len(found) == count
        assert found.spacing == pytest.approx(0.005, rel=1e-3)


@pytest.mark.parametrize(("spacing", "near", "far"), [(0.001, 0.007, 0.009), (0.02, 0.041, 0.043)])
def test_bounds_of_the_gap(toy_memory, spacing, near, far):
    for gap, count in ((near, 1), (far, 2)):
        found = segments_of(
            toy_memory, CUBE, CUBE + [0.05 + gap, 0, 0], spacing=spacing,
            config=QueryConfig(min_segment_area=0.0),
        )  # fmt: skip
        assert len(found) == count


def test_what_is_transparent_or_unreliable_belongs_to_no_segment(toy_memory):
    memory, model = remember(toy_memory, np.concatenate([CUBE, CUBE + [0.2, 0, 0]]))
    first = torch.arange(2 * len(CUBE)) < len(CUBE)
    for opacity, reliability, kept in ((0.52, 0.21, 2), (0.48, 1.0, 1), (0.9, 0.19, 1)):
        opacities = torch.where(first, opacity, 0.9).logit()
        gaussians = replace(memory.gaussians, opacities=opacities)
        doubted = replace(model, reliability=torch.where(first, reliability, 1.0))
        found = Segments(replace(memory, gaussians=gaussians), doubted, QueryConfig())
        assert len(found) == kept


def test_segments_are_numbered_largest_first_and_leave_the_table_out(toy_memory):
    small, large = CUBE + [0.1, 0.1, 0.0], box((-0.1, -0.1, 0.02), (-0.02, -0.02, 0.1))
    found = segments_of(toy_memory, table(), small, large)
    assert [segment.id for segment in found] == [0, 1] and found[1].id == 1
    assert [len(segment.members) for segment in found] == [len(large), len(small)]
    np.testing.assert_array_equal(
        np.sort(found.index[found.all_members()]),
        np.arange(len(table()), len(table()) + len(small) + len(large)),
    )
    (plane,) = found.planes
    assert abs(plane.normal[2]) > 0.999


def test_fewer_than_nine_points_are_no_segment(toy_memory):
    config = QueryConfig(min_segment_area=0.0)
    for count, kept in ((8, 0), (9, 1)):
        square = slab((0.0, 0.0, 0.1), (0.01, 0.01, 0.1))[:count]
        assert len(segments_of(toy_memory, square, config=config)) == kept


def test_the_surface_reaches_a_standard_deviation_beyond_the_centres(toy_memory):
    found = segments_of(toy_memory, CUBE)
    surface = found.surface(found[0].members)
    assert len(surface) == 5 * len(CUBE)
    # round Gaussians: the larger axes are any two
    sizes = np.sort(np.ptp(surface, axis=0))
    np.testing.assert_allclose(sizes, [0.05, 0.057, 0.057], atol=1e-4)
    assert found.area(found[0].members) == pytest.approx(len(CUBE) * 0.005**2, rel=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("slope", [0.0, 0.2, -0.2])
def test_an_object_stands_on_the_plane_below_it(toy_memory, slope, axis):
    turn = np.eye(3)[[0, 1, 2] if axis == 0 else [1, 0, 2]]
    found = segments_of(toy_memory, table(slope=slope) @ turn)
    for x in (-0.15, 0.0, 0.15):
        for gap, stands in (
            (0.028, True), (0.0, True), (-0.008, True), (0.032, False), (-0.012, False),
        ):  # fmt: skip
            low = slope * x + gap
            points = np.array([[x - 0.01, 0.0, low], [x + 0.01, 0.0, low + 0.05]]) @ turn
            height = found.support_height(points)
            assert (height is not None) == stands
            if stands:
                assert height == pytest.approx(slope * x, abs=1e-3)
                assert found.box(points).size[2] == pytest.approx(0.05 + max(gap, 0), abs=2e-3)


def test_nothing_stands_on_a_steep_plane(toy_memory):
    found = segments_of(toy_memory, table(slope=0.5))
    assert len(found.planes) == 1
    assert found.support_height(np.array([[0.0, 0.0, 0.01], [0.0, 0.0, 0.05]])) is None


def test_the_nearest_members(toy_memory):
    found = segments_of(toy_memory, CUBE)
    corner = np.flatnonzero(np.isclose(found.points, [0.0, 0.0, 0.1], atol=1e-6).all(1))
    near = np.array([[-0.004, -0.004, 0.104], [-0.003, -0.004, 0.104]])
    np.testing.assert_array_equal(found.nearest(near, 0.01), corner)
    assert len(found.nearest(near, 0.005)) == 0
    assert len(Segments(*remember(toy_memory, table()), QueryConfig()).nearest(near, 1.0)) == 0


def test_values_of_components_become_those_of_gaussians(toy_memory, toy):
    model = toy_memory.models["color"]
    found = Segments(toy_memory, model, QueryConfig())
    red = toy.model.encode_text(["red"])[0]
    values = found.of_gaussians((found.components @ red).astype(np.float32))
    expected = toy_memory.similarity("color", torch.from_numpy(red)[None])[:, 0]
    np.testing.assert_allclose(values, expected, atol=1e-4)


def test_a_feature_is_that_of_what_lies_well_above_the_plane(toy_memory, toy):
    """The lower half of a cube has the table's colour, as in pixels that show both."""
    gaussians, model = toy_memory.gaussians, toy_memory.models["color"]
    means = gaussians.means.numpy()
    colors = gaussians.sh0[:, 0].numpy()
    red = np.flatnonzero(np.abs(means[:, :2] - toy.places["red"]).max(1) < 0.032)
    red = red[colors[red].argmax(1) == 0]
    low = red[means[red, 2] < toy.table_z + 0.011]
    grey = int(np.flatnonzero(np.abs(means[:, :2]).max(1) < 0.01)[0])
    queries = model.queries.clone()
    queries[torch.from_numpy(low)] = model.queries[grey]
    mixed = replace(model, queries=queries)
    memory = replace(toy_memory, models={"color": mixed})
    config = QueryConfig()
    wanted = toy.model.encode_text(["red"])[0]

    def similarity(mixed_height):
        found = Segments(memory, mixed, replace(config, mixed_height=mixed_height))
        return max(float(found.feature(segment.members) @ wanted) for segment in found)

    assert similarity(0.012) > similarity(0.0) + 0.001


def test_smoothing_takes_two_rings_of_neighbours(toy_memory):
    config = QueryConfig(min_segment_area=0.0)
    line = np.stack([np.arange(7) * 0.008, np.zeros(7), np.full(7, 0.1)], 1)
    found = segments_of(toy_memory, line, config=config)
    values = found.smoothed(np.eye(7, dtype=np.float32)[3])
    order = np.argsort(found.points[:, 0])
    np.testing.assert_allclose(values[order], [0, 1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9, 0], atol=1e-5)


def test_the_larger_axes_turn_with_the_gaussian(toy_memory):
    """Here 30 degrees about x; the smallest axis is the second."""
    gaussians = toy_memory.gaussians.select(torch.zeros(1, dtype=torch.int64))
    half = np.deg2rad(15.0)
    turned = replace(
        gaussians,
        quats=torch.tensor([[np.cos(half), np.sin(half), 0.0, 0.0]]).float(),
        scales=torch.log(torch.tensor([[0.003, 0.001, 0.02]])),
    )
    ((first, second),) = larger_axes(turned, np.array([0]), 0.01)
    np.testing.assert_allclose(first, [0.003, 0.0, 0.0], atol=1e-8)
    expected = 0.01 * np.array([0.0, -np.sin(2 * half), np.cos(2 * half)])  # at most 1 cm
    np.testing.assert_allclose(second, expected, atol=1e-8)


@pytest.mark.parametrize("sigma", [0.001, 0.006])
def test_objects_on_a_noisy_floor_are_as_many_as_they_are(toy_memory, sigma):
    """The floor's noise makes no segments, and does not cut objects into pieces."""
    rng = np.random.default_rng(3)
    floor = slab((-1.0, -1.0, 0.0), (1.0, 1.0, 0.0), 0.016)
    cubes = [box((x, 0.0, 0.01), (x + 0.1, 0.1, 0.15), 0.012) for x in (-0.6, -0.3, 0.2, 0.5)]
    points = np.concatenate([floor, *cubes])
    points = points + rng.normal(0, sigma, points.shape)
    found = segments_of(toy_memory, points, spacing=0.016)
    assert len(found) == len(cubes)
    assert len(found.planes) == 1
    share = len(found.all_members()) / sum(len(cube) for cube in cubes)
    assert 0.75 < share <= 1.0  # the foot of each is within the floor's noise


def test_a_head_whose_neck_was_not_seen_is_no_object_of_its_own(toy_memory):
    body, head = box((0, 0, 0.0), (0.06, 0.05, 0.045)), box((0, 0, 0.058), (0.04, 0.04, 0.098))
    assert len(segments_of(toy_memory, table(), body, head)) == 1
    beside = box((0, 0.063, 0.0), (0.04, 0.1, 0.04))
    assert len(segments_of(toy_memory, table(), body, beside)) == 2
