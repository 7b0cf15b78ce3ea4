"""How many Gaussians a fit may have: by the settings, or by the scene's surface and the device."""

from __future__ import annotations

import os

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.config import SplatConfig
from m3_ros.splat.initialization import Points
from m3_ros.splat.voxels import Voxels

LEAST = 60_000
"""Of any scene, where memory allows: 60 views of a table had 236 000 voxels of the least spacing,
and their fit takes 28 CPU seconds with so many Gaussians."""
MAX_SPACING = 2.5
"""Spacing relative to the least one beyond which a scene gets more Gaussians than `LEAST`: that of
the table is 2.2. For a room of 20 square metres in 60 views it asks for 52 000; twice as many gave
0.3 dB more in 1.4 times the time of the steps, four times as many no more than that."""
PER_FRAME = 1_500
"""Least number a frame where depth is not measured, for then detail is what places Gaussians: of
60 views twice `LEAST` gave a statue outdoors 2.4 dB and a table nothing, and took 112 and 132 CPU
seconds of a fit; 120 are to suffice, so that half as many are added."""
MEMORY_SHARE = 0.25
"""Of the device's memory; of all, not of what is free, so that builds repeat."""
BYTES = 2_000
"""A Gaussian: 59 numbers of 4 bytes, their gradients and two moments of Adam are 944 bytes; the
rasterizer's arrays and the copy while it is added to are taken for as much again."""


def most_gaussians(
    cloud: Points,
    voxels: Voxels,
    present: NDArray[np.float32],
    config: SplatConfig,
    device: str = "cpu",
    unmeasured: int = 0,
) -> int:
    """Return how many Gaussians there may be after those of a cloud are added.

    Args:
        cloud: surfaces of the new frames.
        voxels: of the least spacing.
        present: centres `[K, 3]` of the Gaussians that exist.
        config: `max_gaussians` is returned if it is not 0.
        device: of the fit.
        unmeasured: number of frames if the depth of most is not measured, else 0.
    """
    if config.max_gaussians:
        return config.max_gaussians
    coarse = voxels.enlarged(MAX_SPACING)
    added = coarse.downsample(cloud)
    added = added.away_from(present, coarse.edges(added.distances))
    needed = len(present) + len(added) / (1 - config.hole_share * config.fill_holes)
    least = max(LEAST, PER_FRAME * unmeasured)
    return min(max(least, int(needed)), int(MEMORY_SHARE * memory_of(device) / BYTES))


def memory_of(device: str) -> int:
    """Return the bytes of memory of a device."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
