"""What the wrist camera sees, as points for planning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import backproject, inverse, transform
from m3_ros.grasp.collision import CollisionModel
from m3_ros.grasp.robot import Robot
from m3_ros.types import Array

STEP = 4  # pixels between points
MAX_DEPTH = 0.9  # farther points do not matter to the arm, m
EDGE = 0.02  # relative change of depth to a neighbour that marks a silhouette
ROBOT_MARGIN = 0.02  # points nearer to a link than this are the robot itself, m
HIDDEN = 0.02  # points farther than this behind what is seen are something else, m
SEARCH = 0.015  # farther the memory and the camera do not disagree about a place, m
SEARCH_STEPS = (0.005, 0.0015)  # coarse to fine, m
SAME_SURFACE = 0.004  # depth within this of a point shows its surface, m
SPEAKERS = 300  # points of an object that tell of its displacement
SHYNESS = 2.0  # share of the points that must speak for each m of a displacement


def visible_points(frame: RgbdFrame, robot: Robot, collision: CollisionModel) -> Array:
    """Points `[N, 3]` in `base_link` of what a frame shows, without the robot itself.

    Pixels at silhouettes are left out: a depth camera invents points there.
    """
    points = frame_points(frame)
    points = transform(inverse(robot.base_pose()), points)
    return points[collision.off_robot(robot.joint_state().positions, points, ROBOT_MARGIN)]


def frame_points(frame: RgbdFrame) -> Array:
    """Points `[N, 3]` in the frame's world of every few pixels with reliable depth."""
    depth = frame.depth
    steep = np.zeros(depth.shape, bool)
    for axis in (0, 1):
        jump = np.abs(np.diff(depth, axis=axis)) > EDGE * np.maximum(depth, 0.1).mean()
        pad = [(0, 0), (0, 0)]
        for pad[axis] in ((0, 1), (1, 0)):
            steep |= np.pad(jump, pad)
    good = (depth > 0.0) & (depth < MAX_DEPTH) & ~steep
    picked = np.s_[::STEP, ::STEP]
    points = backproject(depth, frame.K)[picked][good[picked]]
    return transform(frame.camtoworld, points)


def agreement(frame: RgbdFrame, points: Array, tolerance: float) -> float:
    """Share of points `[N, 3]` (world) that the frame's depth confirms, of those it can judge.

    Points hidden behind something nearer do not count; NaN when none can be judged.
    """
    beyond = _depth_beyond(frame, points)
    judged = beyond > -tolerance
    if not judged.any():
        return float("nan")
    return float((beyond[judged] < tolerance).mean())


def unseen(frame: RgbdFrame, points: Array) -> NDArray[np.bool_]:
    """Which of points `[N, 3]` (world) a frame says nothing about: out of view, or far behind.

    The others it shows better itself, or shows that they are gone.
    """
    return ~(_depth_beyond(frame, points) > -HIDDEN)


def displacement(frame: RgbdFrame, points: Array, around: Array) -> Array:
    """How far `[3]` remembered points (world) must be shifted to lie on what a frame shows, in m.

    At most `SEARCH` each way; zero where the frame does not tell.

    Args:
        frame: with the depth that counts.
        points: `[M, 3]` on one object.
        around: `[S, 3]` on what it stands on and beside, with half the say: a flat thing's points
            fit the table beside it as well, but then the table's own do not.
    """
    points = np.concatenate([_thinned(points, SPEAKERS), _thinned(around, SPEAKERS // 2)])
    shift = np.zeros(3)
    for step in SEARCH_STEPS:
        grid = step * np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3), axis=-1).reshape(-1, 3)
        shifts = shift + grid[np.abs(shift + grid).max(1) <= SEARCH + 1e-9]
        shift = max(shifts, key=lambda d: _fit(frame, points + d) - SHYNESS * np.linalg.norm(d))
    return shift


def _thinned(points: Array, limit: int) -> Array:
    return points[:: -(-len(points) // limit) or 1]


def _fit(frame: RgbdFrame, points: Array) -> float:
    """Share of points on the surface that the frame shows, less that of points before it."""
    beyond = _depth_beyond(frame, points)
    on_surface = np.abs(beyond) < SAME_SURFACE
    return float(on_surface.sum() - (beyond >= SAME_SURFACE).sum()) / max(len(points), 1)


def _depth_beyond(frame: RgbdFrame, points: Array) -> Array:
    """Measured depth less that of points `[N, 3]` (world), in m; NaN where none is measured."""
    local = transform(inverse(frame.camtoworld), points)
    beyond = np.full(len(points), np.nan)
    front = np.flatnonzero(local[:, 2] > 0.02)
    x, y, z = local[front].T
    column = np.floor(x / z * frame.K[0, 0] + frame.K[0, 2]).astype(int)
    row = np.floor(y / z * frame.K[1, 1] + frame.K[1, 2]).astype(int)
    inside = (column >= 0) & (column < frame.width) & (row >= 0) & (row < frame.height)
    measured = frame.depth[row[inside], column[inside]]
    beyond[front[inside]] = np.where(measured > 0.0, measured - z[inside], np.nan)
    return beyond
