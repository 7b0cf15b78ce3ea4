"""Voxels: one point each, fine ones near the camera, as many as there may be."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.splat.initialization import concatenate, surface_points
from m3_ros.splat.voxels import Voxels, voxel_keys


@pytest.fixture(scope="module")
def points(table_frames):
    return concatenate([surface_points(frame, 36_000) for frame in table_frames])


def test_edges_grow_with_the_square_of_the_distance():
    edges = Voxels(0.01, reference=0.5).edges(np.array([0.2, 0.5, 1.0, 2.0]))
    np.testing.assert_allclose(edges, [0.01, 0.01, 0.04, 0.16])


def test_one_point_a_voxel_and_coarser_ones_only_where_nothing_finer_is(points):
    sparse = Voxels(0.01, 0.45).downsample(points)
    near = sparse.select(sparse.distances < 0.45)
    assert len(near) > 100
    keys = voxel_keys(near.positions, 0.01)
    assert len(np.unique(keys)) > 0.99 * len(keys)
    far = replace(near, distances=np.full(len(near), 2.0))
    assert len(Voxels(0.01, 0.45).downsample(concatenate([near, far]))) == len(near)


def test_they_grow_until_points_are_few_enough(points):
    voxels = Voxels(0.01, 0.45)
    few, larger = voxels.at_most(points, 300)
    assert 100 < len(few) <= 300
    assert larger.size > voxels.size
    assert larger.reference == voxels.reference
    assert voxels.at_most(points, 1_000_000)[1] == voxels
