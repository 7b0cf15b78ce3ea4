"""Depth of the wrist camera: points for planning, and checks of points against depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, inverse, transform
from m3_ros.grasp.collision import CollisionModel
from m3_ros.grasp.robot import Robot
from m3_ros.types import Array, Depth

PIXEL_STRIDE = 4
"""Pixels between points: 2.9 mm at `look_distance` (0.28 m, focal length 382 px), about the
spacing of the memory's Gaussians (`splat.voxel_size`, 3 mm)."""
MAX_RANGE = 0.9
"""Depth beyond which points are dropped, m: a D405's standard deviation, z^2 0.08 px / (f 18
mm), is 9 mm there, more than a voxel of the collision scene."""
SILHOUETTE_STEP = 0.02
"""Step in depth between neighbouring pixels, relative to the nearer one, that marks a
silhouette: with a focal length of 382 px a surface that steep is inclined by 82 degrees to the
image plane."""
SURFACE_TOLERANCE = 0.004
"""Depth this near to a point shows its surface, m: four standard deviations at
`look_distance`."""
UNCERTAINTY = 0.005
"""What is farther behind the measured depth than this, and than the memory may be off, is
hidden, m: five standard deviations at `look_distance`."""
MIN_RANGE = 0.02
"""Points nearer to the camera than this are not projected, m; a D405 measures from 0.07 m."""
MAX_SHIFT_SAMPLES = 300
"""Points of an object compared with depth; a share of so many is known to 3 % (standard
error)."""
SHIFT_PENALTY = 2.0
"""Share of the points by which a shift must fit better, per m: 3 %, that standard error, for 15
mm."""


def visible_points(
    frame: RgbdFrame, robot: Robot, collision: CollisionModel, padding: float
) -> Array:
    """Return points `[N, 3]` in `base_link` of the surfaces in a frame, without the robot itself.

    Args:
        frame: of the wrist camera; pixels at silhouettes are dropped, where depth is unreliable.
        robot: at the posture of the frame.
        collision: shapes of the robot.
        padding: points this near to a link belong to it, m.
    """
    points = transform(inverse(robot.base_pose()), depth_points(frame))
    return points[collision.off_robot(robot.joint_state().positions, points, padding)]


def depth_points(frame: RgbdFrame) -> Array:
    """Return points `[N, 3]` in the frame's world, one per `PIXEL_STRIDE` pixels each way, m."""
    depth = frame.depth
    reliable = (depth > 0.0) & (depth < MAX_RANGE) & ~_silhouettes(depth)
    picked = np.s_[::PIXEL_STRIDE, ::PIXEL_STRIDE]
    points = backproject(depth, frame.K)[picked][reliable[picked]]
    return transform(frame.camtoworld, points)


def _silhouettes(depth: Depth) -> NDArray[np.bool_]:
    """Return the pixels `[H, W]` on both sides of a step in depth; no depth is nearest."""
    steep = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        first, second = (np.delete(depth, at, axis) for at in (-1, 0))
        step = np.abs(second - first) > SILHOUETTE_STEP * np.minimum(first, second)
        for pad in ((0, 1), (1, 0)):
            steep |= np.pad(step, [pad if a == axis else (0, 0) for a in (0, 1)])
    return steep


def depth_agreement(frame: RgbdFrame, points: Array, tolerance: float) -> float:
    """Return the share of points `[N, 3]` (world) that depth confirms, of those it can judge.

    Points hidden behind something nearer do not count; NaN when none can be judged.
    """
    beyond = _depth_beyond(frame, points)
    judged = beyond > -tolerance
    if not judged.any():
        return float("nan")
    return float((beyond[judged] < tolerance).mean())


def unobserved(frame: RgbdFrame, points: Array, max_error: float) -> NDArray[np.bool_]:
    """Return which of points `[N, 3]` (world) a frame does not observe: out of view, or hidden.

    The others are measured by the frame, or shown to be gone.

    Args:
        frame: with the depth that counts.
        points: in the frame's world, m.
        max_error: of the points' positions, m.
    """
    return ~(_depth_beyond(frame, points) > -max_error - UNCERTAINTY)


def displacement(frame: RgbdFrame, points: Array, context: Array, max_shift: float) -> Array:
    """Return the shift `[3]` in m that best moves remembered points onto the depth of a frame.

    Zero where depth does not decide.

    Args:
        frame: with the depth that counts.
        points: `[M, 3]` on one object, in the frame's world, m.
        context: `[S, 3]` on its support and surroundings, with half the weight: the points of a
            flat object also fit the support beside it, but then the support's own do not.
        max_shift: along each axis, m.
    """
    points = np.concatenate(
        [_thinned(points, MAX_SHIFT_SAMPLES), _thinned(context, MAX_SHIFT_SAMPLES // 2)]
    )
    shift = np.zeros(3)
    coarse = max_shift / 3.0  # grids of 7 steps; the fine one reaches to the coarse neighbours
    for step in (coarse, 0.3 * coarse):
        grid = step * np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3)
        shifts = shift + grid[np.abs(shift + grid).max(1) <= max_shift + 1e-9]
        shift = max(
            shifts, key=lambda d: _fit(frame, points + d) - SHIFT_PENALTY * np.linalg.norm(d)
        )
    return shift


def _thinned(points: Array, limit: int) -> Array:
    """Return every k-th of points `[N, 3]`, at most `limit`."""
    return points[:: -(-len(points) // limit) or 1]


def _fit(frame: RgbdFrame, points: Array) -> float:
    """Return the share of points on the measured surface less the share in front of it."""
    beyond = _depth_beyond(frame, points)
    on_surface = np.abs(beyond) < SURFACE_TOLERANCE
    return float(on_surface.sum() - (beyond >= SURFACE_TOLERANCE).sum()) / max(len(points), 1)


def _depth_beyond(frame: RgbdFrame, points: Array) -> Array:
    """Return measured depth less the depth of points `[N, 3]` (world), m; NaN if unmeasured."""
    local = transform(inverse(frame.camtoworld), points)
    beyond = np.full(len(points), np.nan)
    front = np.flatnonzero(local[:, 2] > MIN_RANGE)
    x, y, z = local[front].T
    column = np.floor(x / z * frame.K[0, 0] + frame.K[0, 2]).astype(int)
    row = np.floor(y / z * frame.K[1, 1] + frame.K[1, 2]).astype(int)
    inside = (column >= 0) & (column < frame.width) & (row >= 0) & (row < frame.height)
    measured = frame.depth[row[inside], column[inside]]
    beyond[front[inside]] = np.where(measured > 0.0, measured - z[inside], np.nan)
    return beyond
