"""First Gaussians from depth: one for each occupied voxel, flat along the measured surface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import Frame
from m3_ros.geometry import backproject, scale_intrinsics, transform
from m3_ros.splat.gaussians import SH_C0, Gaussians

INITIAL_OPACITY = 0.7
FLATNESS = 0.25  # standard deviation along the normal, relative to that within the surface
EDGE_RATIO = 0.05  # neighbouring depths that differ by more (relative) lie on different surfaces


@dataclass(frozen=True, eq=False)
class Points:
    """A coloured, oriented point cloud: positions `[M, 3]` m, unit normals `[M, 3]` (towards the
    camera), colours `[M, 3]` 0..1, all in the world frame."""

    positions: NDArray[np.float64]
    normals: NDArray[np.float64]
    colors: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.positions)


def frame_points(frame: Frame, stride: int = 2) -> Points:
    """Points of every `stride`-th pixel that has depth and lies on no depth edge."""
    depth = frame.depth[::stride, ::stride].astype(np.float64)
    rgb = frame.rgb[::stride, ::stride]
    K = scale_intrinsics(frame.K, 1 / stride, 1 / stride)
    K[:2, 2] += 0.5 - 0.5 / stride  # the first pixel kept is the first one, not the block's mean
    camera = backproject(depth, K)
    across = camera[1:-1, 2:] - camera[1:-1, :-2]
    down = camera[2:, 1:-1] - camera[:-2, 1:-1]
    normals = np.cross(down, across)
    centre = depth[1:-1, 1:-1]
    around = np.stack([depth[1:-1, 2:], depth[1:-1, :-2], depth[2:, 1:-1], depth[:-2, 1:-1]])
    smooth = (np.abs(around - centre) < EDGE_RATIO * centre).all(0) & (around > 0).all(0)
    smooth &= (centre > 0) & (np.linalg.norm(normals, axis=-1) > 0)
    positions, normals = camera[1:-1, 1:-1][smooth], normals[smooth]
    normals *= -np.sign((normals * positions).sum(-1, keepdims=True))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return Points(
        transform(frame.camtoworld, positions),
        normals @ frame.camtoworld[:3, :3].T,
        rgb[1:-1, 1:-1][smooth] / 255.0,
    )


def voxel_keys(positions: NDArray[np.float64], voxel_size: float) -> NDArray[np.int64]:
    """One integer a voxel, for points `[M, 3]` within 2^20 voxels of the origin."""
    cells = np.floor(positions / voxel_size).astype(np.int64) + (1 << 20)
    return (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]


def downsample(points: Points, voxel_size: float, min_count: int = 1) -> Points:
    """The mean point of every voxel of edge `voxel_size` m that holds at least `min_count`."""
    _, index, counts = np.unique(
        voxel_keys(points.positions, voxel_size), return_inverse=True, return_counts=True
    )

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [np.bincount(index, values[:, c], len(counts)) for c in range(3)]
        return (np.stack(columns, 1) / counts[:, None])[counts >= min_count]

    normals = mean(points.normals)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(1e-9)
    return Points(mean(points.positions), normals, mean(points.colors))


def concatenate(clouds: Sequence[Points]) -> Points:
    """All points of several clouds."""
    return Points(
        np.concatenate([c.positions for c in clouds]),
        np.concatenate([c.normals for c in clouds]),
        np.concatenate([c.colors for c in clouds]),
    )


def gaussians_from_points(points: Points, voxel_size: float, sh_degree: int) -> Gaussians:
    """Flat Gaussians on the points, as wide as the distance to their neighbours."""
    n = len(points)
    distances, _ = cKDTree(points.positions).query(points.positions, k=min(4, n), workers=-1)
    spacing = distances[:, 1:].mean(1) if n > 1 else np.full(n, voxel_size)
    spacing = spacing.clip(0.3 * voxel_size, 3 * voxel_size)
    scales = np.log(spacing[:, None] * 0.7 * np.array([1.0, 1.0, FLATNESS]))

    def tensor(values: NDArray[np.float64]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    return Gaussians(
        means=tensor(points.positions),
        quats=tensor(_quats_with_z_along(points.normals)),
        scales=tensor(scales),
        opacities=torch.full((n,), INITIAL_OPACITY).logit(),
        sh0=tensor((points.colors[:, None] - 0.5) / SH_C0),
        shN=torch.zeros(n, (sh_degree + 1) ** 2 - 1, 3),
    )


def _quats_with_z_along(normals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit quaternions `[M, 4]` wxyz that turn +z onto (or against) the unit normals `[M, 3]`."""
    n = normals * np.where(normals[:, 2:] < 0, -1.0, 1.0)
    quats = np.stack([1 + n[:, 2], -n[:, 1], n[:, 0], np.zeros(len(n))], 1)
    return quats / np.linalg.norm(quats, axis=1, keepdims=True)
