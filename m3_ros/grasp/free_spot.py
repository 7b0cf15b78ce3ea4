"""Free spots on a level surface, from points of the scene; z points up, lengths in m."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from m3_ros.grasp.points import LAYER, MIN_RISE, MIN_SUPPORT_POINTS
from m3_ros.types import Array

CELL = 0.01
"""Side of a cell of the height map, m: the largest spacing of `depth_points`, 9 mm, leaves no cell
of a surface that is seen empty."""
SPACING = 4
"""Cells between two spots that are tried: less than half of `free_radius`."""


def surface_level(points: Array) -> float | None:
    """Return the height of the fullest level of points `[N, 3]`; None with too few points."""
    if len(points) < MIN_SUPPORT_POINTS:
        return None
    z = points[:, 2]
    counts, edges = np.histogram(z, np.arange(z.min(), z.max() + 2 * LAYER, LAYER))
    middle = edges[counts.argmax()] + LAYER / 2
    return float(np.median(z[np.abs(z - middle) < LAYER]))


def is_clear(points: Array, spot: Array, radius: float) -> bool:
    """Return whether no point `[N, 3]` stands above `spot [3]` within `radius` of it."""
    above = points[points[:, 2] > spot[2] + MIN_RISE]
    return not (np.linalg.norm(above[:, :2] - spot[:2], axis=1) < radius).any()


def free_spots(points: Array, level: float, radius: float, near: Array) -> Array:
    """Return spots `[K, 3]` on a level surface, nearest to `near [2]` first.

    Within `radius` of a spot the surface is seen everywhere and nothing stands on it.

    Args:
        points: `[N, 3]` of the surface and of all that stands on it.
        level: height of the surface.
        radius: that is free.
        near: preferred place, horizontally.
    """
    surface = points[np.abs(points[:, 2] - level) < MIN_RISE]
    if len(surface) == 0:
        return np.zeros((0, 3))
    low = surface[:, :2].min(0) - CELL
    shape = tuple(np.ceil((surface[:, :2].max(0) + CELL - low) / CELL).astype(int) + 1)
    seen = ndimage.binary_closing(_cells(surface, low, shape), np.ones((3, 3)))
    free = seen & ~_cells(points[points[:, 2] > level + MIN_RISE], low, shape)
    room = ndimage.distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1] * CELL
    cells = np.argwhere(room > radius)
    cells = cells[(cells % SPACING == 0).all(1)]
    spots = low + (cells + 0.5) * CELL
    order = np.linalg.norm(spots - near, axis=1).argsort()
    return np.column_stack([spots[order], np.full(len(spots), level)])


def _cells(points: Array, low: Array, shape: tuple[int, ...]) -> np.ndarray:
    """Return which cells `[X, Y]` of a grid from `low [2]` hold one of points `[N, 3]`."""
    grid = np.zeros(shape, bool)
    index = np.floor((points[:, :2] - low) / CELL).astype(int)
    index = index[((index >= 0) & (index < shape)).all(1)]
    grid[tuple(index.T)] = True
    return grid
