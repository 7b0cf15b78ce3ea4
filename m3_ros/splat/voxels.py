"""Voxels that thin a point cloud: fine where a scan came near, coarse far behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.splat.initialization import Points, concatenate

NEAR_SHARE = 0.25  # of what a scan measures is nearer than its working distance
WORKING_DISTANCE = 0.45  # m, where nothing is measured


@dataclass(frozen=True)
class Voxels:
    """Edges that grow with the square of the distance from the camera.

    A scan comes near what matters and sees the floor behind it in most of its pixels.

    Attributes:
        size: least edge, m.
        reference: distance, m, up to which edges are least.
    """

    size: float
    reference: float = WORKING_DISTANCE

    def edges(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Edges `[M]` m at `distances [M]` m."""
        return self.size * (distances / self.reference).clip(1) ** 2

    def enlarged(self, factor: float) -> Voxels:
        """All edges times `factor`."""
        return replace(self, size=factor * self.size)

    def downsample(self, points: Points) -> Points:
        """The mean point of every occupied voxel.

        Edges are rounded to the least one times a power of two; a coarse voxel that a finer one
        already fills is left out.
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

    def at_most(self, points: Points, limit: float) -> tuple[Points, Voxels]:
        """Points downsampled to no more than `limit`, by voxels enlarged as far as that needs."""
        voxels = self
        while len(sparse := voxels.downsample(points)) > limit:
            voxels = voxels.enlarged(max(1.05, (len(sparse) / limit) ** 0.5))
        return sparse, voxels


def working_distance(frames: Sequence[RgbdFrame]) -> float:
    """Depth, m, that a quarter of what frames measured is nearer than: where the things are."""
    depths = np.concatenate([frame.depth[::8, ::8].ravel() for frame in frames])
    measured = depths[depths > 0]
    return float(np.quantile(measured, NEAR_SHARE)) if len(measured) else WORKING_DISTANCE


def voxel_keys(positions: NDArray[np.float64], voxel_size: float) -> NDArray[np.int64]:
    """One integer a voxel, for points `[M, 3]` within 2^20 voxels of the origin."""
    cells = np.floor(positions / voxel_size).astype(np.int64) + (1 << 20)
    return (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]


def _voxel_means(points: Points, voxel_size: float) -> Points:
    _, index, counts = np.unique(
        voxel_keys(points.positions, voxel_size), return_inverse=True, return_counts=True
    )

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(index, values, len(counts)) / counts

    def means(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([mean(rows[:, c]) for c in range(3)], 1)

    normals = means(points.normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    return Points(means(points.positions), normals, means(points.colors), mean(points.distances))
