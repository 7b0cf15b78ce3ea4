"""Working distance: by depth, by sparse points, or by where the cameras look."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.geometry import look_at
from m3_ros.splat.scale import scaled, working_distance


@pytest.fixture
def blind(table_frames):
    return [replace(frame, depth=np.zeros_like(frame.depth)) for frame in table_frames]


def test_it_is_a_quantile_of_the_depths(table_frames):
    depth = np.full(table_frames[0].depth.shape, 2.0, np.float32)
    depth[:, : depth.shape[1] // 3] = 0.5
    depth[:8] = 0.0
    assert working_distance([replace(table_frames[0], depth=depth)], None, 0.25) == 0.5


def test_without_depth_it_is_that_of_sparse_points(blind):
    points = np.zeros((5, 3))
    expected = [np.linalg.norm(frame.camtoworld[:3, 3]) for frame in blind]
    assert min(expected) * 0.9 < working_distance(blind, points) < max(expected)


def test_without_points_it_is_that_of_what_all_look_at(blind):
    distances = [np.linalg.norm(frame.camtoworld[:3, 3] - [0, 0, 0.02]) for frame in blind]
    assert working_distance(blind) == pytest.approx(np.median(distances), rel=0.01)


def test_cameras_that_look_outwards_have_the_spread_of_their_places(blind):
    eyes = [[x, y, 0.0] for x in (-1.0, 1.0) for y in (-1.0, 1.0)]
    outwards = [
        replace(frame, camtoworld=look_at(eye, 3 * np.array(eye)))
        for frame, eye in zip(blind, eyes, strict=False)
    ]
    assert working_distance(outwards) == pytest.approx(2**0.5)
    assert working_distance(outwards[:1]) > 0


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_it_follows_the_scale(table_frames, blind, factor):
    for frames in (table_frames, blind):
        larger = [scaled(frame, factor) for frame in frames]
        assert working_distance(larger) == pytest.approx(factor * working_distance(frames))
