"""Seeding: Gaussians where the frames measure depth, and in holes where none of them does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SplatConfig
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.initialization import (
    Points,
    concatenate,
    gaussians_from_points,
    hole_points,
    surface_points,
)
from m3_ros.splat.voxels import Voxels

HOLE_EDGE = 2.0
"""Edge of the voxels in holes, relative to those on measured surfaces: an extrapolated surface
has no detail, so a quarter of the Gaussians covers it."""


def seed_gaussians(
    frames: Sequence[RgbdFrame], voxels: Voxels, present: NDArray[np.float32], config: SplatConfig
) -> Gaussians:
    """Return new Gaussians for frames, where there are none yet.

    Args:
        frames: At least one.
        voxels: One Gaussian in each; enlarged where they would be too many.
        present: Centres `[K, 3]` m of the Gaussians that exist.
        config: Limits of their number, and whether holes are filled.
    """
    count = config.points_per_frame
    clouds = [voxels.downsample(surface_points(frame, count)) for frame in frames]
    limit = config.max_gaussians * (1 - config.hole_share * config.fill_holes)
    sparse, voxels = voxels.at_most(concatenate([Points.empty(), *clouds]), limit)
    fresh = sparse.away_from(present, voxels.edges(sparse.distances))
    added = gaussians_from_points(fresh, voxels.edges(fresh.distances), config)
    if config.fill_holes:
        stride, voxels = -(-len(frames) // config.hole_frames), voxels.enlarged(HOLE_EDGE)
        holes = concatenate([hole_points(frame, frames[::stride], count) for frame in frames])
        near = np.concatenate([present, fresh.positions])
        holes = voxels.downsample(holes).away_from(near, voxels.size)
        edges = voxels.edges(holes.distances)
        added = added.join(gaussians_from_points(holes, edges, config, config.hole_opacity))
    return added.select(torch.arange(len(added)) < config.max_gaussians - len(present))
