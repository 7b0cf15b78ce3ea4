"""Seeding: where there are no Gaussians yet, up to the limit, and in holes."""

from dataclasses import replace

import numpy as np

from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse, project, transform
from m3_ros.splat.seeding import seed_gaussians
from m3_ros.splat.voxels import Voxels

NONE = np.zeros((0, 3), np.float32)


def seed(*arguments):
    """The new Gaussians alone."""
    return seed_gaussians(*arguments)[0]


def test_only_where_there_are_none_yet(table_frames):
    config, voxels = SplatConfig(), Voxels(0.02)
    first = seed(table_frames[:1], voxels, NONE, config)
    again = seed(table_frames[:1], voxels, first.means.numpy(), config)
    other = seed(table_frames[1:4], voxels, first.means.numpy(), config)
    assert len(first) > 100
    assert len(again) == 0
    assert 0 < len(other) < len(seed(table_frames[1:4], voxels, NONE, config))


def test_no_more_than_there_may_be(table_frames):
    config = SplatConfig(max_gaussians=200)
    first = seed(table_frames, Voxels(0.005), NONE, config)
    assert 100 < len(first) <= 200
    others = np.full((150, 3), 9.0, np.float32)
    assert len(seed(table_frames, Voxels(0.005), others, config)) <= 50


def test_sparse_points_become_gaussians(table_frames):
    blind = [replace(f, depth=np.zeros_like(f.depth)) for f in table_frames[:2]]
    points = np.array([[0.0, 0.0, 0.0], [0.1, 0.0, 0.02]]), np.array([[255, 0, 0], [0, 255, 0]])
    seeded = seed(blind, Voxels(0.01), NONE, SplatConfig(), points)
    np.testing.assert_allclose(seeded.means.numpy(), points[0], atol=1e-6)


def test_without_any_depth_points_are_drawn_within_the_views(table_frames):
    blind = [replace(f, depth=np.zeros_like(f.depth)) for f in table_frames[:2]]
    seeded = seed(blind, Voxels(0.01), NONE, SplatConfig())
    assert len(seeded) > 1000
    inside = np.zeros(len(seeded), bool)
    for frame in blind:
        uv, z = project(transform(inverse(frame.camtoworld), seeded.means.numpy()), frame.K)
        inside |= (z > 0) & (uv >= -1).all(1) & (uv <= [frame.width + 1, frame.height + 1]).all(1)
    assert inside.all()


def test_holes_are_filled_if_wanted(table_frames):
    depth = table_frames[0].depth.copy()
    depth[30:60, 40:80] = 0
    holed = [replace(table_frames[0], depth=depth)]
    filled = seed(holed, Voxels(0.02), NONE, SplatConfig())
    open_ = seed(holed, Voxels(0.02), NONE, SplatConfig(fill_holes=False))
    in_holes = np.isclose(filled.opacities.sigmoid().numpy(), SplatConfig().hole_opacity)
    assert 0 < in_holes.sum() == len(filled) - len(open_)
