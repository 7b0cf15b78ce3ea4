"""Steering a planar base to a pose: one control law for the simulated and the real robot."""

from __future__ import annotations

import numpy as np

from m3_ros.geometry import inverse
from m3_ros.types import Array

GAIN = 1.5  # of the way left, 1/s
TOLERANCE = (0.006, 0.006)  # m, rad


def pose_error(T_map_base: Array, T_map_goal: Array) -> tuple[float, float, float]:
    """x, y in m and yaw in rad of the goal pose `[4, 4]` in the base's own frame."""
    T = inverse(T_map_base) @ T_map_goal
    return float(T[0, 3]), float(T[1, 3]), float(np.arctan2(T[1, 0], T[0, 0]))


def arrived(left: tuple[float, float, float]) -> bool:
    """Whether the way left is within `TOLERANCE`."""
    x, y, yaw = left
    return float(np.hypot(x, y)) < TOLERANCE[0] and abs(yaw) < TOLERANCE[1]


def steer(
    left: tuple[float, float, float], max_speed: float, max_yaw_rate: float
) -> tuple[float, float, float]:
    """Velocity vx, vy in m/s and yaw rate in rad/s towards the goal, proportional, limited."""
    x, y, yaw = left
    pace = min(GAIN, max_speed / max(float(np.hypot(x, y)), 1e-9))
    return pace * x, pace * y, float(np.clip(GAIN * yaw, -max_yaw_rate, max_yaw_rate))
