"""Length unit of a scan: every stage up to the memory works at one nominal distance.

Poses by structure from motion have any unit, and a kitchen is larger than a table. A scan is
therefore divided by its working distance before the fit, so that spacings, noise and learning
rates need one value each; the result is multiplied back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import inverse, project, transform
from m3_ros.types import Array

NOMINAL_DISTANCE = 0.4
"""Working distance, m, for which lengths of the fit are written: the first quartile of the depths
of a wrist camera about 0.42 m from the middle of a table (0.39 m in the simulation)."""
NEAR_PLANE = 0.01 / NOMINAL_DISTANCE
"""Nearest depth that is rendered, relative to the working distance: 1 cm on a table."""
MIN_IN_FRONT = 0.7
"""Share of the cameras that must have the point that all look at in front of them."""


def working_distance(
    frames: Sequence[RgbdFrame], points: Array | None = None, quantile: float = 0.25
) -> float:
    """Return the distance at which the cameras see most detail, in the unit of the poses.

    A quantile of the measured depths; without any, of the sparse points' depths in all frames;
    without these, the distance of the point that the optical axes pass nearest to, or as a last
    resort the spread of the cameras.

    Args:
        frames: At least one.
        points: Sparse points `[P, 3]`, world frame.
        quantile: Of the depths.
    """
    depths = np.concatenate([frame.depth[::8, ::8].ravel() for frame in frames])
    if not (depths > 0).any():
        depths = np.concatenate([frame.depth[frame.depth > 0] for frame in frames])
    if not (depths > 0).any() and points is not None and len(points):
        depths = np.concatenate([_depths_in(frame, points) for frame in frames])
    depths = depths[depths > 0]
    if len(depths):
        return float(np.quantile(depths, quantile))
    poses = np.stack([frame.camtoworld for frame in frames])
    centres, axes = poses[:, :3, 3], poses[:, :3, 2]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    focus = np.linalg.lstsq(across.sum(0), (across @ centres[..., None]).sum(0)[:, 0])[0]
    distances = ((focus - centres) * axes).sum(1)
    if (distances > 0).mean() >= MIN_IN_FRONT:
        return float(np.median(distances[distances > 0]))
    spread = float(np.linalg.norm(centres - centres.mean(0), axis=1).max())
    return spread or NOMINAL_DISTANCE


def scaled(frame: RgbdFrame, factor: float) -> RgbdFrame:
    """Return a frame with its position and depth times `factor`."""
    pose = frame.camtoworld.copy()
    pose[:3, 3] *= factor
    return replace(frame, camtoworld=pose, depth=frame.depth * np.float32(factor))


def _depths_in(frame: RgbdFrame, points: Array) -> Array:
    """Return the depths of the points `[P, 3]` that lie in the image."""
    uv, z = project(transform(inverse(frame.camtoworld), points), frame.K)
    return z[(z > 0) & (uv >= 0).all(1) & (uv < [frame.width, frame.height]).all(1)]
