"""Depth of a camera from a cloud of points, such as a LiDAR's, without hidden ones."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import cKDTree

from m3_ros.geometry import project
from m3_ros.types import Array, Depth

SAMPLES = 2000
"""Points whose spacing is measured: its median is then known within 3 %."""
CELL_SPACINGS = 2.0
"""Side of a cell of the z-buffer in spacings of points: four points a cell close a surface."""
MAX_CELL = 32
"""Largest cell, px: beyond, a cell spans several surfaces of any scene."""
TOLERANCE = 0.05
"""A point this much farther than its cell's nearest, relative, is hidden. A surface seen at 70
degrees changes its depth by 4.4 % over a cell of 8 px and a focal length of 500 px."""


def spacing(points: Array) -> float:
    """Return the median distance of points `[N, 3]` to their nearest; 0 of fewer than 2."""
    if len(points) < 2:
        return 0.0
    picked = points[np.linspace(0, len(points) - 1, min(SAMPLES, len(points))).astype(int)]
    distances, _ = cKDTree(points).query(picked, k=2)
    return float(np.median(distances[:, 1]))


def points_depth(points: Array, K: Array, shape: tuple[int, int], spacing: float) -> Depth:
    """Return the depth `[H, W]` of the pixels in which points are seen, else 0.

    Args:
        points: `[N, 3]`, in the camera's frame.
        K: `[3, 3]` intrinsics, px.
        shape: height and width, px.
        spacing: of the points, in their unit; 0: no point hides another.
    """
    height, width = shape
    (u, v), z = np.moveaxis(project(points, K)[0], -1, 0), points[:, 2]
    with np.errstate(invalid="ignore"):
        seen = (z > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    column, row, z = u[seen].astype(int), v[seen].astype(int), z[seen]
    depth = np.full(shape, np.inf)
    np.minimum.at(depth, (row, column), z)
    if len(z) and spacing > 0:
        side = CELL_SPACINGS * K[0, 0] * spacing / float(np.median(z))
        cell = min(max(math.ceil(side), 1), MAX_CELL)
        nearest = np.full((height // cell + 1, width // cell + 1), np.inf)
        np.minimum.at(nearest, (row // cell, column // cell), z)
        limit = nearest.repeat(cell, 0).repeat(cell, 1)[:height, :width] * (1 + TOLERANCE)
        depth[depth > limit] = np.inf
    return np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
