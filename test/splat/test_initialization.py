"""First Gaussians from depth."""

from dataclasses import replace

import numpy as np
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.geometry import quat_to_matrix
from m3_ros.splat import initialization as init
from m3_ros.splat.voxels import Voxels

COUNT = 36_000


def table_of(points):
    """The points on the bare table, away from the balls and their rims."""
    balls = np.array([[0.1, 0.05], [-0.12, 0.1], [0.0, -0.14]])
    gaps = np.linalg.norm(points.positions[:, None, :2] - balls, axis=-1).min(1)
    return points.select(gaps > 0.09)


def test_points_lie_on_the_surface_with_its_normal_and_color(table_frames):
    table = table_of(init.surface_points(table_frames[0], COUNT))
    assert len(table) > 1000
    assert np.abs(table.positions[:, 2]).max() < 1e-3
    assert (table.normals[:, 2] > 0.99).all()
    assert np.allclose(table.colors[:, 1] / table.colors[:, 0], 0.8, atol=0.05)


def test_sparse_depth_gives_most_points_of_dense_depth(table_frames):
    frame = table_frames[0]
    sparse = np.where(np.random.default_rng(0).random(frame.depth.shape) < 0.6, frame.depth, 0)
    dense = init.surface_points(frame, 3000)
    table = table_of(init.surface_points(replace(frame, depth=sparse.astype(np.float32)), 3000))
    assert len(table) > 0.7 * len(table_of(dense))
    assert np.abs(table.positions[:, 2]).max() < 0.02


def test_gaussians_are_flat_along_the_surface(table_frames):
    table = table_of(Voxels(0.01).downsample(init.surface_points(table_frames[0], COUNT)))
    gaussians = init.gaussians_from_points(table, 0.01, SplatConfig(sh_degree=2))
    thin = quat_to_matrix(gaussians.quats.numpy())[:, :, 2]
    assert (np.abs(thin[:, 2]) > 0.99).all()
    assert torch.allclose(gaussians.scales[:, 2].exp() * 4, gaussians.scales[:, 0].exp())
    assert gaussians.sh_degree == 2
    assert len(init.gaussians_from_points(init.Points.empty(), 0.01, SplatConfig())) == 0


def test_holes_are_filled_but_not_where_another_frame_sees_through(table_frames):
    frame = table_frames[0]
    depth = frame.depth.copy()
    depth[30:60, 40:80] = 0
    holed = replace(frame, depth=depth)
    alone = init.hole_points(holed, [], COUNT)
    checked = init.hole_points(holed, table_frames[1:], COUNT)
    assert 0 < len(checked) < len(alone)
    assert len(init.hole_points(replace(frame, depth=0 * depth), [], COUNT)) == 0


def test_points_away_from_others():
    points = init.Points(np.eye(3), np.eye(3), np.eye(3), np.ones(3))
    assert len(points.away_from(np.array([[1.0, 0, 0.01]]), 0.1)) == 2
    assert len(points.away_from(np.zeros((0, 3)), 0.1)) == 3


def test_isolated_points_are_kept_and_face_the_camera():
    depth = np.zeros((48, 64), np.float32)
    depth[10, 20], depth[30, 40] = 0.5, 0.7
    K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
    frame = RgbdFrame(np.full((48, 64, 3), 128, np.uint8), depth, K, np.eye(4))
    points = init.surface_points(frame, COUNT)
    np.testing.assert_allclose(points.distances, [0.5, 0.7], atol=1e-6)
    assert ((points.normals * points.positions).sum(1) < 0).all()
