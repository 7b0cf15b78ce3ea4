"""Where Gaussians begin: on what frames measure, and on guesses where none measures anything."""

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
    frame_points,
    gaussians_from_points,
    hole_points,
)
from m3_ros.splat.voxels import Voxels

CARVING_FRAMES = 20  # that may look through a guessed point
HOLE_OPACITY = 0.3
HOLE_SHARE = 0.15  # of the Gaussians is left for guesses


def place(
    frames: Sequence[RgbdFrame], voxels: Voxels, others: NDArray[np.float32], config: SplatConfig
) -> Gaussians:
    """Gaussians for frames, where there are none yet.

    Args:
        frames: At least one.
        voxels: One Gaussian in each; enlarged where they would be too many.
        others: Centres `[K, 3]` m of the Gaussians that there are.
        config: How many there may be with those, and whether holes are filled.
    """
    clouds = [voxels.downsample(frame_points(frame)) for frame in frames]
    limit = config.max_gaussians * (1 - HOLE_SHARE * config.fill_holes)
    sparse, voxels = voxels.at_most(concatenate([Points.empty(), *clouds]), limit)
    fresh = sparse.away_from(others, voxels.edges(sparse.distances))
    added = gaussians_from_points(fresh, voxels.edges(fresh.distances), config.sh_degree)
    if config.fill_holes:
        step, voxels = -(-len(frames) // CARVING_FRAMES), voxels.enlarged(2)
        holes = concatenate([hole_points(frame, frames[::step]) for frame in frames])
        near = np.concatenate([others, fresh.positions])
        holes = voxels.downsample(holes).away_from(near, voxels.size)
        edges = voxels.edges(holes.distances)
        added = added.join(gaussians_from_points(holes, edges, config.sh_degree, HOLE_OPACITY))
    return added.select(torch.arange(len(added)) < config.max_gaussians - len(others))
