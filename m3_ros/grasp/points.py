"""Point clouds of objects and their supports; z points up, lengths in m."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from m3_ros.splat.gaussians import SOLID_OPACITY
from m3_ros.types import Array

NEIGHBOURHOOD = 0.3
"""Surroundings of an object that matter, horizontally, m: the gripper from the wrist to its tips
(0.2 m) and `approach_distance` (0.1 m)."""
LAYER = 0.006
"""Thickness of a height level, m: two voxels of the memory (`splat.voxel_size`, 3 mm)."""
MAX_HIDDEN_FOOT = 0.05
"""The support may be this far below the lowest seen point of an object, m."""
MIN_SUPPORT_POINTS = 20
"""Fewer points around an object do not show its support."""
MIN_RISE = 0.008
"""Measured points lower than this above the support may be the support, m: three standard
deviations of a D405's depth, z^2 0.08 px / (f 18 mm), at 0.48 m, the farthest that a scan looks
from."""
FLOATER_RADIUS, FLOATER_NEIGHBOURS = 0.015, 4
"""A Gaussian with fewer others than this within the radius (m) is a floater: on a surface of
voxels of 3 mm there are about 78."""
MAX_GAP = 0.01
"""Points of one object are nearer to each other than this, m: the spacing of `depth_points` at
their greatest depth is 9 mm."""


def thin(points: Array, voxel: float, limit: int) -> Array:
    """Return the mean `[K, 3]` of the points in each voxel, evenly thinned to at most `limit`."""
    if len(points) == 0:
        return points
    keys = np.floor(points / voxel).astype(np.int64)
    _, index, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, index.ravel(), points)
    means = sums / counts[:, None]
    return means[np.linspace(0, len(means) - 1, min(limit, len(means))).astype(int)]


def normals(points: Array, neighbours: int = 12) -> Array:
    """Return unit normals `[N, 3]` of unknown sign: least-variance direction of the neighbours.

    Zero where there are fewer than `neighbours` points.
    """
    if len(points) < neighbours:
        return np.zeros_like(points)
    _, index = cKDTree(points).query(points, neighbours)
    around = points[index] - points[index].mean(1, keepdims=True)
    return np.linalg.svd(around, full_matrices=False)[2][:, -1]


def near(points: Array, others: Array, radius: float) -> NDArray[np.bool_]:
    """Return which of points `[N, 3]` lie within `radius` m of one of `others [M, 3]`."""
    if len(points) == 0 or len(others) == 0:
        return np.zeros(len(points), bool)
    distance, _ = cKDTree(others).query(points, distance_upper_bound=radius)
    return np.isfinite(distance)


def solid(means: Array, opacities: Array) -> Array:
    """Return the means `[N, 3]` of Gaussians on surfaces, without haze and floaters.

    Args:
        means: in m.
        opacities: `[N]` in [0, 1].
    """
    dense = means[opacities >= SOLID_OPACITY]
    if len(dense) == 0:
        return dense
    neighbour = [FLOATER_NEIGHBOURS + 1]  # the first is the point itself
    distance, _ = cKDTree(dense).query(dense, neighbour, distance_upper_bound=FLOATER_RADIUS)
    return dense[np.isfinite(distance[:, 0])]


def support_height(object_points: Array, scene_points: Array) -> float:
    """Return the height in m of the plane that supports an object: the fullest level at its foot.

    Args:
        object_points: `[M, 3]`, M >= 1.
        scene_points: `[S, 3]`; without points around, the height of the object's lowest point.
    """
    low, middle = np.percentile(object_points[:, 2], [1, 50])
    center = object_points[:, :2].mean(0)
    around = scene_points[np.linalg.norm(scene_points[:, :2] - center, axis=1) < NEIGHBOURHOOD]
    levels = around[(around[:, 2] > low - MAX_HIDDEN_FOOT) & (around[:, 2] <= middle), 2]
    if len(levels) < MIN_SUPPORT_POINTS:
        return float(object_points[:, 2].min())
    counts, edges = np.histogram(levels, np.arange(levels.min(), levels.max() + 2 * LAYER, LAYER))
    top = edges[counts.argmax()]
    return float(np.median(levels[np.abs(levels - top - LAYER / 2) < LAYER]))


def object_at(points: Array, center: Array, radius: float = 0.08) -> Array:
    """Return points `[M, 3]` of the object nearest to `center [3]`; empty if nothing stands there.

    The object is the connected component, seen from above, of the points that rise from the
    support. One view leaves gaps in height, so it is filled down to the support below them.

    Args:
        points: `[N, 3]` measured, of the object and its surroundings, m.
        center: `[3]` near the object, m.
        radius: of the object at most, horizontally from `center`, m.
    """
    distance = np.linalg.norm(points[:, :2] - center[:2], axis=1)
    table_z = support_height(center[None], points)
    raised = points[(distance < radius) & (points[:, 2] > table_z + MIN_RISE)]
    if len(raised) == 0:
        return raised
    tree = cKDTree(raised[:, :2])
    _, label = connected_components(tree.sparse_distance_matrix(tree, MAX_GAP), directed=False)
    seen = raised[label == label[np.linalg.norm(raised - center, axis=1).argmin()]]
    levels = np.arange(table_z + MIN_RISE, seen[:, 2].max(), LAYER)
    columns = np.repeat(seen[None], len(levels), axis=0)
    columns[..., 2] = levels[:, None]
    below = columns[columns[..., 2] < seen[:, 2] - LAYER]
    return np.concatenate([seen, thin(below, LAYER, len(below))])
