"""Seeding: Gaussians where the frames measure depth, and in holes where none of them does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.geometry import transform
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.initialization import (
    Points,
    concatenate,
    gaussians_from_points,
    hole_points,
    surface_points,
)
from m3_ros.splat.limits import most_gaussians
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.splat.voxels import Voxels
from m3_ros.types import Array

HOLE_EDGE = 2.0
"""Edge of the voxels in holes, relative to those on measured surfaces: an extrapolated surface
has no detail, so a quarter of the Gaussians covers it."""


RANDOM_POINTS, RANDOM_DEPTHS = 20_000, (0.5, 5.0)
"""Points in the frusta of a scan of which no depth is known at all, and their range relative to
the working distance: evenly in inverse depth, in which parallax is even."""
SparsePoints = tuple[Array, NDArray[np.uint8]]
"""Positions `[P, 3]`, world frame, and colours `[P, 3]` of a scan's sparse points."""


def seed_gaussians(
    frames: Sequence[RgbdFrame],
    voxels: Voxels,
    present: NDArray[np.float32],
    config: SplatConfig,
    points: SparsePoints | None = None,
    device: str = "cpu",
    unmeasured: int = 0,
) -> tuple[Gaussians, int]:
    """Return new Gaussians for frames, where there are none yet, and how many there may be in all.

    Args:
        frames: At least one.
        voxels: One Gaussian in each; enlarged where they would be too many.
        present: Centres `[K, 3]` m of the Gaussians that exist.
        config: Limits of their number, and whether holes are filled.
        points: Sparse points of the scan.
        device: Of the fit; its memory limits their number.
        unmeasured: Number of all frames if the depth of most is not measured, else 0.
    """
    count = config.points_per_frame
    cloud = voxels.merge(voxels.downsample(surface_points(frame, count)) for frame in frames)
    if points is not None and len(points[0]):
        cloud = concatenate([cloud, voxels.downsample(sparse_points(points, frames))])
    if not len(cloud):
        rng = np.random.default_rng(config.seed)
        share = RANDOM_POINTS // len(frames)
        cloud = concatenate([random_points(frame, share, rng) for frame in frames])
    most = most_gaussians(cloud, voxels, present, config, device, unmeasured)
    limit = most * (1 - config.hole_share * config.fill_holes)
    sparse, voxels = voxels.at_most(cloud, limit)
    fresh = sparse.away_from(present, voxels.edges(sparse.distances))
    added = gaussians_from_points(fresh, voxels.edges(fresh.distances), config)
    if config.fill_holes:
        stride, voxels = -(-len(frames) // config.hole_frames), voxels.enlarged(HOLE_EDGE)
        holes = voxels.merge(hole_points(frame, frames[::stride], count) for frame in frames)
        near = np.concatenate([present, fresh.positions])
        holes = voxels.downsample(holes).away_from(near, voxels.size)
        edges = voxels.edges(holes.distances)
        added = added.join(gaussians_from_points(holes, edges, config, config.hole_opacity))
    return added.select(torch.arange(len(added)) < most - len(present)), most


def sparse_points(points: SparsePoints, frames: Sequence[RgbdFrame]) -> Points:
    """Return the sparse points of a scan, facing the nearest of its cameras."""
    positions, colors = points
    centres = np.stack([frame.camtoworld[:3, 3] for frame in frames])
    distances, nearest = cKDTree(centres).query(positions)
    normals = (centres[nearest] - positions) / distances[:, None].clip(1e-9)
    return Points(positions.astype(np.float64), normals, colors / 255.0, distances)


def random_points(frame: RgbdFrame, count: int, rng: np.random.Generator) -> Points:
    """Return points at random pixels of a frame, at random depths of `RANDOM_DEPTHS`."""
    columns, rows = rng.integers(0, [frame.width, frame.height], (count, 2)).T
    near, far = RANDOM_DEPTHS
    depths = NOMINAL_DISTANCE / rng.uniform(1 / far, 1 / near, count)
    pixels = np.stack([columns + 0.5, rows + 0.5, np.ones(count)], 1)
    camera = pixels @ np.linalg.inv(frame.K).T * depths[:, None]
    normals = -camera / np.linalg.norm(camera, axis=1, keepdims=True)
    return Points(
        transform(frame.camtoworld, camera),
        normals @ frame.camtoworld[:3, :3].T,
        frame.rgb[rows, columns] / 255.0,
        depths,
    )
