"""Graphs of neighbouring points: connected components and smoothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph, csr_matrix
from scipy.spatial import cKDTree

from m3_ros.types import Array


def neighbour_graph(points: Array, radius: float) -> csr_matrix:
    """Return the symmetric graph `[N, N]` that joins points `[N, d]` at most `radius` apart."""
    pairs = cKDTree(points).query_pairs(radius, output_type="ndarray")
    values = np.ones(len(pairs), np.float32)
    shape = (len(points), len(points))
    graph = coo_matrix((values, (pairs[:, 0], pairs[:, 1])), shape).tocsr()
    return graph + graph.T


def smooth(
    graph: csr_matrix, values: NDArray[np.float32], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the weighted mean `[N]` of the values `[N]` of every point and its neighbours."""
    total = graph @ weights + weights
    return (graph @ (weights * values) + weights * values) / np.maximum(total, 1e-9)


def connected_components(graph: csr_matrix, mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the indices of each connected component of the masked points, largest first."""
    index = np.flatnonzero(mask)
    if not len(index):
        return []
    count, label = csgraph.connected_components(graph[index][:, index], directed=False)
    order = np.argsort(label, kind="stable")
    bounds = np.cumsum(np.bincount(label, minlength=count))[:-1]
    return sorted((index[part] for part in np.split(order, bounds)), key=len, reverse=True)
