import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import look_at
from m3_ros.grasp.sensing import (
    PIXEL_STRIDE,
    depth_agreement,
    depth_points,
    displacement,
    unobserved,
)

MAX_SHIFT = 0.015
K = np.array([[200.0, 0, 80], [0, 200, 60], [0, 0, 1]])


def frame(depth):
    """A camera 0.5 m above the origin that looks straight down."""
    pose = look_at([0.0, 0.0, 0.5], [0.0, 0.0, 0.0], up=[1.0, 0.0, 0.0])
    return RgbdFrame(np.zeros((120, 160, 3), np.uint8), depth.astype(np.float32), K, pose)


def test_points_of_a_flat_view_lie_on_the_plane():
    points = depth_points(frame(np.full((120, 160), 0.4)))
    assert len(points) > 1000
    assert np.allclose(points[:, 2], 0.1, atol=1e-6)
    assert np.allclose(points.mean(0)[:2], 0.0, atol=0.01)


def test_no_points_without_depth_far_away_or_at_silhouettes():
    depth = np.full((120, 160), 0.4)
    depth[:, 80:] = 0.3
    depth[:20] = 0.0
    depth[100:] = 3.0
    points = depth_points(frame(depth))
    assert set(np.round(points[:, 2], 3)) == {0.1, 0.2}
    with_silhouettes = len(range(20, 100, PIXEL_STRIDE)) * len(range(0, 160, PIXEL_STRIDE))
    assert 0.9 * with_silhouettes < len(points) < with_silhouettes


@pytest.mark.parametrize(("near", "far"), [(0.30, 0.32), (0.70, 0.75)])
def test_a_silhouette_is_a_step_relative_to_its_own_depth(near, far):
    """Whatever the rest of the image shows: a wall, or nothing at all."""
    for background in (0.0, 3.0):
        depth = np.full((120, 160), near)
        depth[:, 80:] = far
        depth[60:] = background
        points = depth_points(frame(depth))
        beside = np.abs(points[:, 1] / (0.5 - points[:, 2]) * 200) < 1.5  # pixels off the step
        assert len(points) > 400 and not beside.any()


def test_an_inclined_surface_is_no_silhouette():
    """At 60 degrees to the image plane, small in an image that is empty otherwise."""
    rows = np.arange(120) + 0.5 - 60
    slope = np.tan(np.radians(60.0))
    depth = np.repeat((0.8 / (1.0 - slope * rows / 200))[:, None], 160, axis=1)
    depth[(depth < 0.0) | (depth > 0.9)] = 0.0
    depth[:, 20:] = 0.0
    points = depth_points(frame(depth))
    rows_with_depth = np.flatnonzero(depth[::PIXEL_STRIDE, 0] > 0.0)
    assert len(points) >= (len(rows_with_depth) - 2) * (20 // PIXEL_STRIDE - 1)


def test_agreement_tells_present_gone_and_hidden():
    plane = frame(np.full((120, 160), 0.4))
    x, y = np.meshgrid(np.linspace(-0.05, 0.05, 20), np.linspace(-0.05, 0.05, 20))
    there = np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.1)], axis=-1)
    assert depth_agreement(plane, there, 0.02) == 1.0
    assert depth_agreement(plane, there + [0.0, 0.0, 0.1], 0.02) == 0.0
    assert np.isnan(depth_agreement(plane, there - [0.0, 0.0, 0.08], 0.02))
    assert np.isnan(depth_agreement(plane, there + [5.0, 0.0, 0.0], 0.02))
    mixed = np.concatenate([there, there + [0.0, 0.0, 0.1]])
    assert depth_agreement(plane, mixed, 0.02) == pytest.approx(0.5)


def test_only_what_is_out_of_view_or_far_behind_is_unseen():
    plane = frame(np.full((120, 160), 0.4))
    points = np.array([[0, 0, 0.3], [0, 0, 0.1], [0, 0, 0.09], [0, 0, 0.0], [5.0, 0, 0.1]])
    assert unobserved(plane, points, 0.015).tolist() == [False, False, False, True, True]
    assert unobserved(frame(np.zeros((120, 160))), points, 0.015).all()


def ridge(width, height):
    """Depth of a ridge of 6 cm on a table 0.5 m below the camera, and the table around it."""
    depth = np.full((120, 160), 0.5)
    rows, columns = np.mgrid[:120, :160]
    x, y = -(rows + 0.5 - 60), -(columns + 0.5 - 80)  # the image's up is +x
    scale = (0.5 - height) / 200
    depth[(np.abs(x * scale) < 0.03) & (np.abs(y * scale) < width / 2)] = 0.5 - height
    table = np.stack(np.meshgrid(np.linspace(-0.07, 0.07, 29), np.linspace(-0.06, 0.06, 25)), -1)
    table = np.concatenate([table.reshape(-1, 2), np.zeros((29 * 25, 1))], axis=1)
    beside = (np.abs(table[:, 0]) > 0.03) | (np.abs(table[:, 1]) > width / 2)
    return depth, table[beside]


@pytest.mark.parametrize("off", [(0.0, 0.0, 0.0), (0.01, -0.006, 0.0), (-0.005, 0.008, 0.006)])
def test_a_thing_is_found_where_it_is_shown(off):
    """A block of 6 x 4 cm, 4 cm high, on a table; remembered `off` from where it stands."""
    depth, table = ridge(0.04, 0.04)
    grid = np.meshgrid(np.linspace(-0.03, 0.03, 25), np.linspace(-0.02, 0.02, 17))
    top = np.stack([*(axis.ravel() for axis in grid), np.full(425, 0.04)], axis=-1)
    for around in (table - off, np.zeros((0, 3))):
        shift = displacement(frame(depth), top - off, around, MAX_SHIFT)
        assert shift == pytest.approx(np.array(off), abs=0.0045)


def test_a_thin_thing_is_not_sunk_into_the_table():
    """A rod of 1 cm, its sides remembered, too: all of it would fit the flat table better."""
    depth, table = ridge(0.01, 0.012)
    levels = np.linspace(0.0, 0.012, 7)
    grid = np.meshgrid(np.linspace(-0.03, 0.03, 25), [-0.006, -0.003, 0.003, 0.006], levels)
    rod = np.stack([axis.ravel() for axis in grid], axis=-1)
    alone = displacement(frame(depth), rod, np.zeros((0, 3)), MAX_SHIFT)
    assert np.abs(alone).max() > 0.005
    assert np.abs(displacement(frame(depth), rod, table, MAX_SHIFT)).max() < 0.0045


def test_nothing_is_shifted_on_no_evidence():
    points = np.zeros((50, 3))
    assert (displacement(frame(np.zeros((120, 160))), points, points, MAX_SHIFT) == 0.0).all()
