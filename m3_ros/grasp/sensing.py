"""What the wrist camera sees, as points for planning."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import Frame
from m3_ros.geometry import backproject, inverse, transform
from m3_ros.grasp.collision import CollisionModel
from m3_ros.grasp.robot import Robot

Array = NDArray[np.float64]

STEP = 4  # pixels between points
MAX_DEPTH = 0.9  # farther points do not matter to the arm, m
EDGE = 0.02  # relative change of depth to a neighbour that marks a silhouette
ROBOT_MARGIN = 0.02  # points nearer to a link than this are the robot itself, m


def visible_points(frame: Frame, robot: Robot, collision: CollisionModel) -> Array:
    """Points `[N, 3]` in `base_link` of what a frame shows, without the robot itself.

    Pixels at silhouettes are left out: a depth camera invents points there.
    """
    points = frame_points(frame)
    points = transform(inverse(robot.base_pose()), points)
    return points[collision.off_robot(robot.joint_state().positions, points, ROBOT_MARGIN)]


def frame_points(frame: Frame) -> Array:
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


def agreement(frame: Frame, points: Array, tolerance: float) -> float:
    """Share of points `[N, 3]` (world) that the frame's depth confirms, of those it can judge.

    Points hidden behind something nearer do not count; NaN when none can be judged.
    """
    local = transform(inverse(frame.camtoworld), points)
    z = local[:, 2]
    front = z > 0.02
    uv = local[front, :2] / z[front, None] * frame.K[[0, 1], [0, 1]] + frame.K[:2, 2]
    column, row = np.floor(uv).astype(int).T
    inside = (column >= 0) & (column < frame.width) & (row >= 0) & (row < frame.height)
    measured = frame.depth[row[inside], column[inside]]
    expected = z[front][inside]
    judged = (measured > 0.0) & (measured > expected - tolerance)
    if not judged.any():
        return float("nan")
    return float((measured[judged] < expected[judged] + tolerance).mean())
