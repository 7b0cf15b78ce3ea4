"""Things in the memory: what stands out of the large planes, in connected pieces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

PLANE_DISTANCE = 0.007
"""Gaussians this near (m) belong to a plane."""
PLANE_AREA = 0.06
"""Smallest area (m^2) of a plane that things stand on; the faces of things are smaller."""
CELL = 0.02
MAX_PLANES = 12
HYPOTHESES = 400


@dataclass(frozen=True, eq=False)
class Plane:
    """A large plane: points x with `normal . x = offset` (unit normal `[3]`, m)."""

    normal: NDArray[np.float64]
    offset: float

    def height(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance `[N]` (m) of points `[N, 3]`, positive along the normal."""
        return points @ self.normal - self.offset


def find_planes(
    points: NDArray[np.float64], seed: int = 0
) -> tuple[list[Plane], NDArray[np.bool_]]:
    """Large planes among points `[N, 3]` (RANSAC, largest first), and which points lie on them.

    A plane's normal has the larger share of the remaining points on its positive side.
    """
    random = np.random.default_rng(seed)
    free = np.ones(len(points), bool)
    planes: list[Plane] = []
    while len(planes) < MAX_PLANES and free.sum() >= 50:
        rest = points[free]
        plane = _best_plane(rest, random)
        if plane is None:
            break
        inside = np.abs(plane.height(rest)) < PLANE_DISTANCE
        if _area(rest[inside], plane.normal) < PLANE_AREA:
            break
        heights = plane.height(rest)[~inside]
        if (heights > 0).sum() < (heights < 0).sum():
            plane = Plane(-plane.normal, -plane.offset)
        planes.append(plane)
        free[np.flatnonzero(free)[inside]] = False
    return planes, ~free


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


def _area(points: NDArray[np.float64], normal: NDArray[np.float64]) -> float:
    """Area (m^2) of the cells that points on a plane occupy."""
    axis = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(normal, axis)
    u /= np.linalg.norm(u)
    cells = np.floor(points @ np.stack([u, np.cross(normal, u)], 1) / CELL)
    return len(np.unique(cells, axis=0)) * CELL**2


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
