"""Drive a planar base to a pose: one control law for the simulated and the real robot."""

from __future__ import annotations

import numpy as np

from m3_ros.geometry import inverse
from m3_ros.types import Array

GAIN = 1.5
"""Proportional gain, 1/s. Odometry of 10 Hz delays the loop by about 0.1 s; a first-order loop
does not overshoot while gain times delay stays below 1 / e = 0.37, here 0.15."""
TOLERANCE = (0.006, 0.006)
"""Position (m) and yaw (rad) error at which the goal counts as reached: six standard deviations
of the odometry (1 mm); 6 mrad move the gripper, 0.7 m ahead, by 4 mm."""


def pose_error(T_map_base: Array, T_map_goal: Array) -> tuple[float, float, float]:
    """Return x, y in m and yaw in rad of the goal pose `[4, 4]` in the base's own frame."""
    T = inverse(T_map_base) @ T_map_goal
    return float(T[0, 3]), float(T[1, 3]), float(np.arctan2(T[1, 0], T[0, 0]))


def goal_reached(error: tuple[float, float, float]) -> bool:
    """Return whether a pose error is within `TOLERANCE`."""
    x, y, yaw = error
    return float(np.hypot(x, y)) < TOLERANCE[0] and abs(yaw) < TOLERANCE[1]


def velocity_command(
    error: tuple[float, float, float], max_speed: float, max_yaw_rate: float
) -> tuple[float, float, float]:
    """Return velocity vx, vy in m/s and yaw rate in rad/s: proportional to the error, limited."""
    x, y, yaw = error
    gain = min(GAIN, max_speed / max(float(np.hypot(x, y)), 1e-9))
    return gain * x, gain * y, float(np.clip(GAIN * yaw, -max_yaw_rate, max_yaw_rate))
