"""Voxels that downsample a point cloud: fine near the cameras of a scan, coarse far from them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.splat.initialization import Points, concatenate
from m3_ros.types import Array

MERGED = 60
"""Clouds that are kept apart until they are merged: those of a scan of the default size. Points
of more frames would take 2 MB a frame."""


@dataclass(frozen=True)
class Voxels:
    """Voxel edges that grow with the square of the distance from the camera.

    A stereo camera's depth noise grows in the same way (z^2 s / (f B)), and most pixels of a scan
    show the background.

    Attributes:
        size: Least edge, m.
        reference: Distance up to which edges are least, m; infinite: all edges are equal.
    """

    size: float
    reference: float = math.inf

    def edges(self, distances: Array) -> Array:
        """Return edges `[M]` m at `distances [M]` m."""
        return self.size * (distances / self.reference).clip(1) ** 2

    def enlarged(self, factor: float) -> Voxels:
        """Return voxels with all edges times `factor`."""
        return replace(self, size=factor * self.size)

    def downsample(self, points: Points) -> Points:
        """Return the mean point of every occupied voxel.

        Edges are rounded to the least edge times a power of two. Where points of finer voxels are
        in a coarse voxel, its own points are left out.
        """
        levels = np.log2(self.edges(points.distances) / self.size).round().astype(int)
        kept: list[Points] = []
        for level in range(levels.max(initial=0) + 1):
            size = self.size * 2**level
            cloud = points.select(levels == level)
            if kept and len(cloud):
                filled = np.concatenate([voxel_keys(finer.positions, size) for finer in kept])
                cloud = cloud.select(~np.isin(voxel_keys(cloud.positions, size), filled))
            if len(cloud):
                kept.append(_voxel_means(cloud, size))
        return concatenate(kept) if kept else points

    def merge(self, clouds: Iterable[Points]) -> Points:
        """Return all points of several clouds; of many clouds one in a voxel."""
        merged, waiting = Points.empty(), []
        for cloud in clouds:
            waiting.append(cloud)
            if len(waiting) == MERGED:
                merged, waiting = self.downsample(concatenate([merged, *waiting])), []
        return concatenate([merged, *waiting])

    def at_most(self, points: Points, limit: float) -> tuple[Points, Voxels]:
        """Downsample to no more than `limit` points; return them and the voxels, enlarged for it.

        The number of voxels on a surface falls with the square of their edge.
        """
        voxels = self
        while len(sparse := voxels.downsample(points)) > limit:
            voxels = voxels.enlarged(max(1.05, (len(sparse) / limit) ** 0.5))
        return sparse, voxels


def voxel_keys(positions: Array, voxel_size: float) -> NDArray[np.int64]:
    """Return the voxel of each point `[M, 3]` as one integer; valid within 2^20 voxels of 0."""
    cells = np.floor(positions / voxel_size).astype(np.int64) + (1 << 20)
    return (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]


def _voxel_means(points: Points, voxel_size: float) -> Points:
    _, index, counts = np.unique(
        voxel_keys(points.positions, voxel_size), return_inverse=True, return_counts=True
    )

    def mean(values: Array) -> Array:
        return np.bincount(index, values, len(counts)) / counts

    def means(rows: Array) -> Array:
        return np.stack([mean(rows[:, c]) for c in range(3)], 1)

    normals = means(points.normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    return Points(means(points.positions), normals, means(points.colors), mean(points.distances))
