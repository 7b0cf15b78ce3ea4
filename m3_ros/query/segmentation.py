"""Things in the memory: what stands out of the large planes, in connected pieces."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

PLANE_DISTANCE = 0.005
"""Gaussians this near (m) belong to a plane."""
PLANE_AREA = 0.06
"""Smallest area (m^2), in one piece, of a plane that things stand on; faces are smaller."""
CELL, SQUARE = 0.025, 3
"""Points of a plane in neighbouring cells of this edge (m) hang together. Half of the smallest
area must be squares of so many cells, all filled: a level that cuts through things fills few."""
MAX_PLANES, MAX_TRIES = 12, 20
HYPOTHESES = 400


@dataclass(frozen=True, eq=False)
class Plane:
    """A large plane: points x with `normal . x = offset` (unit normal `[3]`, m), either way up."""

    normal: NDArray[np.float64]
    offset: float

    def height(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance `[N]` (m) of points `[N, 3]`, positive along the normal."""
        return points @ self.normal - self.offset


def find_planes(
    points: NDArray[np.float64], seed: int = 0
) -> tuple[list[Plane], NDArray[np.bool_]]:
    """Large planes among points `[N, 3]` (RANSAC, most points first), and which points they hold.

    A plane holds its largest piece only: what lies in its level elsewhere stays free.
    """
    random = np.random.default_rng(seed)
    free, on_plane = np.ones(len(points), bool), np.zeros(len(points), bool)
    planes: list[Plane] = []
    for _ in range(MAX_TRIES):
        rest = np.flatnonzero(free)
        plane = _best_plane(points[rest], random) if len(rest) >= 50 else None
        if plane is None or len(planes) == MAX_PLANES:
            break
        level = rest[np.abs(plane.height(points[rest])) < PLANE_DISTANCE]
        free[level] = False
        patch, area, filled = _largest_patch(points[level], plane.normal)
        if area >= PLANE_AREA and filled >= PLANE_AREA / 2:
            planes.append(plane)
            on_plane[level[patch]] = True
            free[level[~patch]] = True
    return planes, on_plane


def _best_plane(points: NDArray[np.float64], random: np.random.Generator) -> Plane | None:
    """The plane through most points: random triples, then least squares on its inliers."""
    sample = points[random.permutation(len(points))[:4000]]
    triples = sample[random.integers(len(sample), size=(HYPOTHESES, 3))]
    normals = np.cross(triples[:, 1] - triples[:, 0], triples[:, 2] - triples[:, 0])
    length = np.linalg.norm(normals, axis=1)
    good = length > 1e-6
    if not good.any():
        return None
    normals = normals[good] / length[good, None]
    offsets = np.einsum("ij,ij->i", normals, triples[good, 0])
    near = np.abs(sample @ normals.T - offsets) < PLANE_DISTANCE
    best = near.sum(0).argmax()
    inliers = points[np.abs(points @ normals[best] - offsets[best]) < PLANE_DISTANCE]
    mean = inliers.mean(0)
    normal = np.linalg.svd(inliers - mean, full_matrices=False)[2][2]
    return Plane(normal, float(normal @ mean))


def _largest_patch(
    points: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], float, float]:
    """Which points `[M]` on a plane belong to its largest piece, that piece's area, and how much
    of it lies in filled squares (m^2)."""
    axis = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(normal, axis)
    u /= np.linalg.norm(u)
    cells = np.floor(points @ np.stack([u, np.cross(normal, u)], 1) / CELL).astype(int)
    cells -= cells.min(0)
    image = np.zeros(cells.max(0) + 1, np.uint8)
    image[tuple(cells.T)] = 1
    _, labels, stats, _ = cv2.connectedComponentsWithStats(image, connectivity=8)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    square = np.ones((SQUARE, SQUARE), np.uint8)
    filled = cv2.morphologyEx(image, cv2.MORPH_OPEN, square, borderValue=0)
    area, whole = (float(mask[labels == largest].sum()) * CELL**2 for mask in (image, filled))
    return labels[tuple(cells.T)] == largest, area, whole


def neighbour_graph(points: NDArray[np.float64], radius: float) -> csr_matrix:
    """Symmetric graph `[N, N]` that joins points `[N, 3]` at most `radius` (m) apart."""
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    values = np.ones(len(pairs), np.float32)
    shape = (len(points), len(points))
    graph = coo_matrix((values, (pairs[:, 0], pairs[:, 1])), shape).tocsr()
    return graph + graph.T


def smooth(
    graph: csr_matrix, values: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Weighted mean `[N]` of every point's and its neighbours' values."""
    total = graph @ weights + weights
    return (graph @ (weights * values) + weights * values) / np.maximum(total, 1e-9)


def pieces(graph: csr_matrix, mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Index sets of the connected pieces of the masked points, largest first."""
    index = np.flatnonzero(mask)
    if not len(index):
        return []
    count, label = connected_components(graph[index][:, index], directed=False)
    order = np.argsort(label, kind="stable")
    bounds = np.cumsum(np.bincount(label, minlength=count))[:-1]
    return sorted((index[part] for part in np.split(order, bounds)), key=len, reverse=True)
