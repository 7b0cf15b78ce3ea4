"""Point clouds of objects and what they stand on; z points up, lengths in m."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from m3_ros.types import Array

AROUND = 0.3  # the support is looked for this near to the object, m
LAYER = 0.006  # thickness of a level, m
FOOT = 0.008  # what is lower than this above the support may be the support, m
SOLID = 0.5  # opacity from which a Gaussian is part of a surface
LONE = (0.015, 4)  # fewer others than this within m: a floater
GAP = 0.01  # points of one thing are nearer to each other than this, m


def thin(points: Array, voxel: float, limit: int) -> Array:
    """The mean `[K, 3]` of the points in each voxel, evenly thinned to at most `limit`."""
    if len(points) == 0:
        return points
    keys = np.floor(points / voxel).astype(np.int64)
    _, index, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    sums = np.zeros((len(counts), 3))
    np.add.at(sums, index.ravel(), points)
    means = sums / counts[:, None]
    return means[np.linspace(0, len(means) - 1, min(limit, len(means))).astype(int)]


def normals(points: Array, neighbours: int = 12) -> Array:
    """Unit normals `[N, 3]` of unknown sign: least-variance direction of the neighbours."""
    if len(points) < neighbours:
        return np.zeros_like(points)
    _, index = cKDTree(points).query(points, neighbours)
    around = points[index] - points[index].mean(1, keepdims=True)
    return np.linalg.svd(around, full_matrices=False)[2][:, -1]


def near(points: Array, others: Array, radius: float) -> NDArray[np.bool_]:
    """Which of points `[N, 3]` lie within `radius` m of one of `others [M, 3]`."""
    if len(points) == 0 or len(others) == 0:
        return np.zeros(len(points), bool)
    distance, _ = cKDTree(others).query(points, distance_upper_bound=radius)
    return np.isfinite(distance)


def solid(means: Array, opacities: Array) -> Array:
    """Those of Gaussians' means `[N, 3]` that are surface, not haze or lone floaters.

    Args:
        means: in m.
        opacities: `[N]` in [0, 1].
    """
    dense = means[opacities >= SOLID]
    if len(dense) == 0:
        return dense
    radius, others = LONE
    distance, _ = cKDTree(dense).query(dense, [others + 1], distance_upper_bound=radius)
    return dense[np.isfinite(distance[:, 0])]


def support_height(object_points: Array, scene_points: Array) -> float:
    """Height in m of the plane that carries an object: the most crowded level at its foot.

    Args:
        object_points: `[M, 3]`, M >= 1.
        scene_points: `[S, 3]`; without any around, the object's own lowest point is the answer.
    """
    low, middle = np.percentile(object_points[:, 2], [1, 50])
    center = object_points[:, :2].mean(0)
    around = scene_points[np.linalg.norm(scene_points[:, :2] - center, axis=1) < AROUND]
    levels = around[(around[:, 2] > low - 0.05) & (around[:, 2] <= middle), 2]
    if len(levels) < 20:
        return float(object_points[:, 2].min())
    counts, edges = np.histogram(levels, np.arange(levels.min(), levels.max() + 2 * LAYER, LAYER))
    top = edges[counts.argmax()]
    return float(np.median(levels[np.abs(levels - top - LAYER / 2) < LAYER]))


def object_at(points: Array, center: Array, radius: float = 0.08) -> Array:
    """Points `[M, 3]` of the thing that stands nearest to `center [3]`, of all points `[N, 3]`.

    What rises from its support counts, connected as seen from above (one view leaves gaps in
    height), within `radius` m horizontally, and what is hidden below it: taken as filled down to
    the support. Empty when nothing rises.
    """
    apart = np.linalg.norm(points[:, :2] - center[:2], axis=1)
    table_z = support_height(center[None], points)
    raised = points[(apart < radius) & (points[:, 2] > table_z + FOOT)]
    if len(raised) == 0:
        return raised
    tree = cKDTree(raised[:, :2])
    _, label = connected_components(tree.sparse_distance_matrix(tree, GAP), directed=False)
    seen = raised[label == label[np.linalg.norm(raised - center, axis=1).argmin()]]
    levels = np.arange(table_z + FOOT, seen[:, 2].max(), LAYER)
    columns = np.repeat(seen[None], len(levels), axis=0)
    columns[..., 2] = levels[:, None]
    below = columns[columns[..., 2] < seen[:, 2] - LAYER]
    return np.concatenate([seen, thin(below, LAYER, len(below))])
