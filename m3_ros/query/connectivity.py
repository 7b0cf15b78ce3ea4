"""Graphs of neighbouring points: connected components and smoothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csgraph, csr_matrix
from scipy.spatial import cKDTree

from m3_ros.types import Array


def neighbour_graph(points: Array, radius: float | Array) -> csr_matrix:
    """Return the symmetric graph `[N, N]` that joins neighbouring points `[N, d]`.

    Args:
        points: in any unit.
        radius: distance up to which points are neighbours, one, or one for each point, `[N]`: then
            the smaller of two counts.
    """
    radii = np.broadcast_to(np.asarray(radius, np.float64), len(points))
    octaves = np.floor(np.log2(np.maximum(radii, 1e-12)))
    found = [np.zeros((0, 2), np.intp)]
    for octave in np.unique(octaves):  # coarse points are few, so that wide searches are quick
        index = np.flatnonzero(octaves >= octave)
        widest = radii[octaves == octave].max()
        pairs = index[cKDTree(points[index]).query_pairs(widest, output_type="ndarray")]
        reach = radii[pairs].min(1)
        apart = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
        found.append(pairs[(octaves[pairs].min(1) == octave) & (apart <= reach)])
    first, second = np.concatenate(found).T
    values = np.ones(len(first), np.float32)
    graph = coo_matrix((values, (first, second)), (len(points), len(points))).tocsr()
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
