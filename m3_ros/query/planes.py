"""Large planes (tables, floors, walls) by RANSAC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.types import Array

CELL = 0.025
"""Edge (m) of the cells in which the area of a plane is counted: at least twice the spacing of
Gaussians (3 mm voxels; about 1 cm where their number is limited). A point with a larger
spacing fills all cells that are within it."""
FILLED_CELLS, FILLED_SHARE = 3, 0.5
"""Half of the least area must consist of filled squares of 3 x 3 cells: a plane through the rims
of many cups fills few of them."""
MAX_PLANES, MAX_TRIES = 12, 20
"""Bounds on the time; a table, a floor and the walls of a room are six."""
HYPOTHESES, SAMPLE = 400, 4000
"""Random triples, and points that vote on them: a plane that holds 20 % of the points is hit with
96 % (1 - (1 - 0.2^3)^400) in one try."""

LAYER = 2.0
"""Tolerances: a plane whose points are nearer than this to another one is an outer layer of it, as
errors of poses make it; what is on the table in between is too flat to be told from it."""
HORIZONTAL = np.cos(np.deg2rad(18.0))
"""Planes with at least this vertical part of their normal can carry an object."""
REFINEMENTS = 3
"""Steps of weighted least squares; each takes a plane through three noisy points nearer."""


@dataclass(frozen=True, eq=False)
class Plane:
    """A large plane: points x with `normal . x = offset` (unit normal `[3]`, m), either way up.

    Points within `tolerance` (m) cannot be told from it: the median of its own points' tolerances.
    """

    normal: Array
    offset: float
    tolerance: float

    def height(self, points: Array) -> Array:
        """Return the signed distance `[N]` (m) of points `[N, 3]`, positive along the normal."""
        return points @ self.normal - self.offset

    @property
    def level(self) -> bool:
        """Return whether it can carry an object."""
        return bool(abs(self.normal[2]) >= HORIZONTAL)

    def z_at(self, place: Array) -> float:
        """Return the height (m) of a level plane at a place `[2]`."""
        return float((self.offset - self.normal[:2] @ place) / self.normal[2])


def is_edge(points: Array, planes: Sequence[Plane], solid: Array, touch: float) -> bool:
    """Return whether points are the edge of a level plane: they reach up to it and adjoin it.

    Args:
        points: `[K, 3]`, m, that stand on no plane.
        planes: of the memory.
        solid: `[S, 3]`, m, those of the planes included.
        touch: distance by which two things that touch may seem apart, m.
    """
    top, place = points[:, 2].max(), points[:, :2].mean(0)
    for plane in planes:
        if plane.level and abs(top - plane.z_at(place)) < touch:
            on = solid[np.abs(plane.height(solid)) < plane.tolerance]
            if cKDTree(on).query(points)[0].min() < touch:
                return True
    return False


def find_planes(
    points: Array,
    tolerance: float | Array = 0.005,
    min_area: float = 0.06,
    spacing: float | Array = 0.0,
    seed: int = 0,
) -> tuple[list[Plane], NDArray[np.bool_]]:
    """Find large planes among points `[N, 3]` (RANSAC, most points first).

    Args:
        points: m.
        tolerance: of a plane's points from it, at most, m; one or `[N]`.
        min_area: of a plane's largest connected patch, m^2.
        spacing: of neighbouring points, m; one or `[N]`.
        seed: of the random hypotheses.

    Returns:
        The planes, and which points `[N]` lie in the largest patch of one; points at the level of
        a plane elsewhere do not.
    """
    random = np.random.default_rng(seed)
    tolerance = np.broadcast_to(tolerance, len(points))
    spacing = np.broadcast_to(spacing, len(points))
    free, on_plane = np.ones(len(points), bool), np.zeros(len(points), bool)
    planes: list[Plane] = []
    fewest = min_area / CELL**2  # one point a cell
    for _ in range(MAX_TRIES):
        rest = np.flatnonzero(free)
        plane = _best_plane(points[rest], tolerance[rest], random) if len(rest) >= fewest else None
        if plane is None or len(planes) == MAX_PLANES:
            break
        level = rest[np.abs(plane.height(points[rest])) < tolerance[rest]]
        free[level] = False
        patch, area, filled = _largest_patch(points[level], plane.normal, spacing[level])
        large = area >= min_area and filled >= FILLED_SHARE * min_area
        if large and patch.sum() >= FILLED_SHARE * fewest:
            found, reach = points[level[patch]], tolerance[level[patch]]
            if not any(_is_layer(other, found, reach) for other in planes):
                planes.append(replace(plane, tolerance=float(np.median(reach))))
            on_plane[level[patch]] = True
            free[level[~patch]] = True
    return planes, on_plane


def _is_layer(plane: Plane, points: Array, tolerance: Array) -> bool:
    """Return whether points `[M, 3]` are an outer layer of a plane: most are just beyond it."""
    return bool(np.median(np.abs(plane.height(points)) / tolerance) < LAYER)


def _best_plane(points: Array, tolerance: Array, random: np.random.Generator) -> Plane | None:
    """Return the plane through most points: random triples (MSAC, Torr and Zisserman 2000), then
    least squares with the same weights, 1 - (height / tolerance)^2."""
    rows = random.permutation(len(points))[:SAMPLE]
    sample = points[rows]
    triples = sample[random.integers(len(sample), size=(HYPOTHESES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    length = np.linalg.norm(normals, axis=1)
    good = length > tolerance.min() ** 2  # flatter triangles have no reliable normal
    if not good.any():
        return None
    normals = normals[good] / length[good, None]
    offsets = np.einsum("ij,ij->i", normals, triples[good, 0])
    residuals = np.square((sample @ normals.T - offsets) / tolerance[rows, None])
    best = np.maximum(1.0 - residuals, 0.0).sum(0).argmax()
    plane = Plane(normals[best], float(offsets[best]), float(np.median(tolerance)))
    for _ in range(REFINEMENTS):
        weights = np.maximum(1.0 - np.square(plane.height(points) / tolerance), 0.0)
        mean = weights @ points / weights.sum()
        centered = points - mean
        normal = np.linalg.eigh((weights[:, None] * centered).T @ centered)[1][:, 0]
        plane = replace(plane, normal=normal, offset=float(normal @ mean))
    return plane


def _largest_patch(
    points: Array, normal: Array, spacing: Array
) -> tuple[NDArray[np.bool_], float, float]:
    """Return which points `[M]` of a plane lie in its largest patch of connected cells (that of
    most points), the area of that patch (m^2), and the area of its filled squares (m^2)."""
    axis = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(normal, axis)
    u /= np.linalg.norm(u)
    cells = np.floor(points @ np.stack([u, np.cross(normal, u)], 1) / CELL).astype(int)
    reach = np.ceil(np.log2(np.maximum(spacing / CELL, 0.5))).astype(int)  # octaves of cells
    reach = np.where(reach < 0, 0, 2 ** reach.clip(0))
    cells -= cells.min(0) - reach.max()
    image = np.zeros(cells.max(0) + 1 + reach.max(), np.uint8)
    for cover in np.unique(reach):
        part = np.zeros_like(image)
        part[tuple(cells[reach == cover].T)] = 1
        image |= cv2.dilate(part, np.ones((2 * cover + 1, 2 * cover + 1), np.uint8))
    _, labels = cv2.connectedComponents(image, connectivity=8)
    patch = labels[tuple(cells.T)]
    largest = int(np.bincount(patch).argmax())
    square = np.ones((FILLED_CELLS, FILLED_CELLS), np.uint8)
    filled = cv2.morphologyEx(image, cv2.MORPH_OPEN, square, borderValue=0)
    area, squares = (float(mask[labels == largest].sum()) * CELL**2 for mask in (image, filled))
    return patch == largest, area, squares
