"""LiDAR odometry: where the robot believes to be, with noise at rest and drift on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from m3_ros.config import SimulationConfig
from m3_ros.geometry import planar_pose, pose_distance, rpy_to_matrix, se3
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class Odometry:
    """One estimate of the LiDAR odometry.

    Attributes:
        stamp: simulated time in s.
        T_map_base: `[4, 4]`, with noise and drift.
        T_map_odom: `[4, 4]`, the drift alone.
        velocity: vx, vy in m/s and yaw rate in rad/s `[3]`, in the base frame.
    """

    stamp: float
    T_map_base: Array
    T_map_odom: Array
    velocity: Array


class LidarOdometry:
    """Estimates `T_map_base` from the true pose.

    The error has two parts: white noise of every estimate, and drift that grows with the way
    driven, in a direction drawn by seed. map is the true world at the start: the first error is
    noise alone.

    Args:
        config: `odometry_noise`, `odometry_drift` and `seed`.
        start: true `T_world_base [4, 4]`.
    """

    def __init__(self, config: SimulationConfig, start: Array) -> None:
        self._rng = np.random.default_rng([config.seed, 4])
        self._noise, self._drift = config.odometry_noise, config.odometry_drift
        heading = self._rng.uniform(-np.pi, np.pi)
        self._direction = np.array([np.cos(heading), np.sin(heading), 0.0])
        self._turn = self._rng.choice([-1.0, 1.0])
        self._last = start
        self._shift = np.zeros(3)
        self._yaw = 0.0

    def drift(self, x: float, y: float) -> None:
        """Let the estimates be off by x, y m more from now on, as after a long way."""
        self._shift += [x, y, 0.0]

    @property
    def T_map_odom(self) -> Array:
        """Drift so far `[4, 4]`: what a correction publishes as map -> odom (REP-105)."""
        return planar_pose(self._shift[0], self._shift[1], self._yaw)

    def estimate(self, T_world_base: Array) -> Array:
        """`T_map_base [4, 4]` that the odometry reports at a true pose."""
        way, angle = pose_distance(self._last, T_world_base)
        self._last = T_world_base
        self._shift += self._drift[0] * way * self._direction
        self._yaw += self._drift[1] * angle * self._turn
        x, y = self._rng.normal(0.0, self._noise[0], 2)
        yaw = self._yaw + self._rng.normal(0.0, self._noise[1])
        rotation = rpy_to_matrix([0.0, 0.0, yaw]) @ T_world_base[:3, :3]
        return se3(rotation, T_world_base[:3, 3] + self._shift + [x, y, 0.0])
