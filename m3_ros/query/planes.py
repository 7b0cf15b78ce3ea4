"""Large planes (tables, floors, walls) by RANSAC."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.types import Array

CELL = 0.025
"""Edge (m) of the cells in which the area of a plane is counted: at least twice the spacing of
Gaussians (3 mm voxels; about 1 cm where `splat.max_gaussians` limits them)."""
FILLED_CELLS, FILLED_SHARE = 3, 0.5
"""Half of the least area must consist of filled squares of 3 x 3 cells: a plane through the rims
of many cups fills few of them."""
MAX_PLANES, MAX_TRIES = 12, 20
"""Bounds on the time; a table, a floor and the walls of a room are six."""
HYPOTHESES, SAMPLE = 400, 4000
"""Random triples, and points that vote on them: a plane that holds 20 % of the points is hit with
96 % (1 - (1 - 0.2^3)^400) in one try."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A large plane: points x with `normal . x = offset` (unit normal `[3]`, m), either way up."""

    normal: Array
    offset: float

    def height(self, points: Array) -> Array:
        """Return the signed distance `[N]` (m) of points `[N, 3]`, positive along the normal."""
        return points @ self.normal - self.offset


def find_planes(
    points: Array, distance: float = 0.005, min_area: float = 0.06, seed: int = 0
) -> tuple[list[Plane], NDArray[np.bool_]]:
    """Find large planes among points `[N, 3]` (RANSAC, most points first).

    Args:
        points: m.
        distance: of a plane's points from it, at most, m.
        min_area: of a plane's largest connected patch, m^2.
        seed: of the random hypotheses.

    Returns:
        The planes, and which points `[N]` lie in the largest patch of one; points at the level of
        a plane elsewhere do not.
    """
    random = np.random.default_rng(seed)
    free, on_plane = np.ones(len(points), bool), np.zeros(len(points), bool)
    planes: list[Plane] = []
    fewest = min_area / CELL**2  # one point a cell
    for _ in range(MAX_TRIES):
        rest = np.flatnonzero(free)
        plane = _best_plane(points[rest], distance, random) if len(rest) >= fewest else None
        if plane is None or len(planes) == MAX_PLANES:
            break
        level = rest[np.abs(plane.height(points[rest])) < distance]
        free[level] = False
        patch, area, filled = _largest_patch(points[level], plane.normal)
        if area >= min_area and filled >= FILLED_SHARE * min_area:
            planes.append(plane)
            on_plane[level[patch]] = True
            free[level[~patch]] = True
    return planes, on_plane


def _best_plane(points: Array, distance: float, random: np.random.Generator) -> Plane | None:
    """Return the plane through most points: random triples, then least squares on its inliers."""
    sample = points[random.permutation(len(points))[:SAMPLE]]
    triples = sample[random.integers(len(sample), size=(HYPOTHESES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    length = np.linalg.norm(normals, axis=1)
    good = length > distance**2  # flatter triangles have no reliable normal
    if not good.any():
        return None
    normals = normals[good] / length[good, None]
    offsets = np.einsum("ij,ij->i", normals, triples[good, 0])
    near = np.abs(sample @ normals.T - offsets) < distance
    best = near.sum(0).argmax()
    inliers = points[np.abs(points @ normals[best] - offsets[best]) < distance]
    mean = inliers.mean(0)
    normal = np.linalg.svd(inliers - mean, full_matrices=False)[2][2]
    return Plane(normal, float(normal @ mean))


def _largest_patch(points: Array, normal: Array) -> tuple[NDArray[np.bool_], float, float]:
    """Return which points `[M]` of a plane lie in its largest patch of connected cells, the area
    of that patch (m^2), and the area of its filled squares (m^2)."""
    axis = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(normal, axis)
    u /= np.linalg.norm(u)
    cells = np.floor(points @ np.stack([u, np.cross(normal, u)], 1) / CELL).astype(int)
    cells -= cells.min(0)
    image = np.zeros(cells.max(0) + 1, np.uint8)
    image[tuple(cells.T)] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(image, connectivity=8)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    square = np.ones((FILLED_CELLS, FILLED_CELLS), np.uint8)
    filled = cv2.morphologyEx(image, cv2.MORPH_OPEN, square, borderValue=0)
    area, squares = (float(mask[labels == largest].sum()) * CELL**2 for mask in (image, filled))
    return labels[tuple(cells.T)] == largest, area, squares
