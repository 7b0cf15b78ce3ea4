"""Things in the live frame: whole where they are seen steeply, apart where they stand apart."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import QueryConfig
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.planes import Plane

SIZE, K = (160, 120), np.array([[130.0, 0.0, 80.0], [0.0, 130.0, 60.0], [0.0, 0.0, 1.0]])
FLOOR = 0.35  # m below a camera that looks straight down
TABLE = Plane(np.array([0.0, 0.0, -1.0]), -FLOOR, 0.005)


def looking_down_at(*boxes):
    """A frame of boxes `(low [3], high [3])` in the camera's frame; its world is that frame."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    rays = np.stack([(columns - 80) / 130, (rows - 60) / 130, np.ones_like(rows)], -1)
    depth = np.full(rows.shape, FLOOR)
    for low, high in boxes:
        ends = np.sort(np.stack([np.array(low) / rays, np.array(high) / rays]), axis=0)
        near, far = ends[0].max(-1), ends[1].min(-1)
        depth = np.where((near <= far) & (near < depth), near, depth)
    rgb = np.full((*rows.shape, 3), 200, np.uint8)
    return RgbdFrame(rgb, depth.astype(np.float32), K, np.eye(4), 0.0)


def segments(toy, frame):
    observed = ObservedFrame(frame, toy.model, QueryConfig())
    return observed.segments(observed.off_planes([TABLE]))


def test_a_tall_thing_is_one_though_its_side_is_seen_steeply(toy):
    frame = looking_down_at(([0.10, -0.015, 0.22], [0.13, 0.015, FLOOR]))
    (thing,) = segments(toy, frame)
    np.testing.assert_allclose(np.ptp(thing.points[:, 2]), 0.12, atol=0.012)


def test_things_side_by_side_are_two(toy):
    left, right = (
        ([-0.05, -0.02, 0.3], [-0.005, 0.02, FLOOR]),
        ([0.005, -0.02, 0.3], [0.05, 0.02, FLOOR]),
    )
    assert len(segments(toy, looking_down_at(left, right))) == 2


def test_what_stands_before_something_far_behind_is_apart_from_it(toy):
    before, behind = (
        ([-0.02, -0.02, 0.15], [0.0, 0.02, 0.16]),
        ([-0.05, -0.05, 0.3], [0.05, 0.05, FLOOR]),
    )
    found = segments(toy, looking_down_at(before, behind))
    assert sorted(round(float(thing.points[:, 2].min()), 2) for thing in found) == [0.15, 0.3]


def observed(toy, frame, **settings):
    return ObservedFrame(frame, toy.model, QueryConfig(**settings))


def test_the_interior_leaves_a_share_of_width_and_height_out(toy):
    inside = observed(toy, looking_down_at(), border_share=0.1).interior()
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (12, 107, 16, 143)
    assert inside.sum() == len(rows) * len(columns)


@pytest.mark.parametrize(("height", "stands_out"), [(0.0075, True), (0.006, False)])
def test_what_stands_out_of_a_plane(toy, height, stands_out):
    frame = looking_down_at(([-0.02, -0.02, FLOOR - height], [0.02, 0.02, FLOOR]))
    assert observed(toy, frame).off_planes([TABLE]).any() == stands_out


def test_pixels_without_depth_stand_out_of_nothing(toy):
    frame = looking_down_at(([-0.02, -0.02, 0.3], [0.02, 0.02, FLOOR]))
    frame.depth[:, :80] = 0.0
    mask = observed(toy, frame).off_planes([TABLE])
    assert mask[:, 80:].any() and not mask[:, :80].any()
    assert not observed(toy, frame).off_planes([TABLE, Plane(TABLE.normal, -0.3, 0.005)]).any()


def test_points_are_where_the_camera_is(toy):
    pose = np.eye(4)
    pose[:3, 3] = [1.0, 2.0, 3.0]
    frame = replace(looking_down_at(), camtoworld=pose)
    seen = observed(toy, frame)
    points = seen.points_of(seen.depth > 0)
    np.testing.assert_allclose(points[:, 2], 3.0 + FLOOR, atol=1e-6)
    np.testing.assert_allclose(points.mean(0)[:2], [1.0, 2.0], atol=1e-6)


def test_the_comparison_image_has_its_own_size(toy):
    seen = observed(toy, looking_down_at(), comparison_width=80)
    assert seen.size == (80, 60) and seen.depth.shape == (60, 80)
    np.testing.assert_allclose(seen.K[:2], K[:2] / 2)


@pytest.mark.parametrize(("distance", "away"), [(0.014, False), (0.016, True)])
def test_away_from_points(toy, distance, away):
    seen = observed(toy, looking_down_at())
    mask = np.zeros(seen.depth.shape, bool)
    mask[60, 80] = True
    (point,) = seen.points_of(mask)
    assert seen.away_from(point[None] + [0, 0, distance], mask).any() == away
    np.testing.assert_array_equal(seen.away_from(np.zeros((0, 3)), mask), mask)
    assert not seen.away_from(point[None], np.zeros_like(mask)).any()


@pytest.mark.parametrize(("gap", "count"), [(1, 1), (2, 2)])
def test_one_missing_row_of_pixels_is_bridged(toy, gap, count):
    seen = observed(toy, looking_down_at())
    mask = np.zeros(seen.depth.shape, bool)
    mask[20:30, 20:30] = mask[30 + gap : 40, 20:30] = True
    assert len(seen.components(mask)) == count


@pytest.mark.parametrize(("step", "count"), [(0.0105, 1), (0.0115, 2)])
def test_a_step_in_depth_separates(toy, step, count):
    """Neighbours lie in an ellipsoid of 2.5 px and 12 mm: 11 mm at a distance of one pixel."""
    frame = looking_down_at()
    frame.depth[:, 25:] -= np.float32(step)
    seen = observed(toy, frame)
    mask = np.zeros(seen.depth.shape, bool)
    mask[20:30, 20:30] = True
    assert len(seen.components(mask)) == count


def test_few_pixels_are_no_component(toy):
    seen = observed(toy, looking_down_at())
    mask = np.zeros(seen.depth.shape, bool)
    mask[20, 20:31] = True
    assert seen.components(mask) == []
    mask[20, 31] = True
    (component,) = seen.components(mask)
    np.testing.assert_array_equal(component, mask)


@pytest.mark.parametrize(("step", "smooth"), [(0.023, True), (0.025, False)])
def test_pixels_at_a_silhouette_are_no_surface(toy, step, smooth):
    frame = looking_down_at()
    frame.depth[:, 80:] -= np.float32(step)
    seen = observed(toy, frame)
    surface = seen.smooth_surface(np.ones(seen.depth.shape, bool))
    assert surface[:, [79, 80]].all() == smooth and surface[:, [78, 81]].all()
    assert not seen.smooth_surface(np.zeros_like(surface)).any()


def test_the_feature_of_a_mask_is_that_of_its_pixels(toy):
    rgb = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    rgb[:, :80], rgb[:, 80:] = (230, 25, 25), (25, 25, 230)
    seen = observed(toy, replace(looking_down_at(), rgb=rgb))
    left = np.zeros(seen.depth.shape, bool)
    left[:, :80] = True
    red, blue = toy.model.encode_text(["red", "blue"])
    assert seen.feature(left) @ red > 0.99 and seen.feature(~left) @ blue > 0.99
    assert np.linalg.norm(seen.feature(left)) == pytest.approx(1.0)
    assert not seen.feature(np.zeros_like(left)).any()


def test_the_share_of_points_in_the_image(toy):
    seen = observed(toy, looking_down_at())
    inside, left, behind = [0.0, 0.0, 0.3], [-0.3, 0.0, 0.3], [0.0, 0.0, -0.3]
    right, above, below = [0.3, 0.0, 0.3], [0.0, -0.3, 0.3], [0.0, 0.3, 0.3]
    points = np.array([inside, left, behind, right, above, below])
    assert seen.share_in_image(points) == pytest.approx(1 / 6)
