"""What a grasp needs of a robot: the `Robot` protocol, joint states and joint trajectories.

The simulation and the ROS 2 node implement the protocol; planning and the executor only know it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.errors import M3Error
from m3_ros.types import Array


class RobotError(M3Error, RuntimeError):
    """The robot could not do what it was asked; the message says what and why."""


class MotionCancelled(RobotError):
    """`cancelled()` became true: the robot has stopped where it was."""


class TrackingError(RobotError):
    """The arm does not follow its trajectory: something is in the way."""


class JointStatesLost(RobotError):
    """Joint states are missing or too old: nobody knows where the arm is."""


def never() -> bool:
    """`cancelled` of a motion that nobody cancels."""
    return False


@dataclass(frozen=True, eq=False)
class JointState:
    """Measured joints: the arm's in the order of the robot's file, then the gripper's.

    Attributes:
        positions: `[A + 1]` rad; a sliding gripper's in m.
        velocities: `[A + 1]` rad/s; m/s.
        efforts: `[A + 1]` N m; N.
        stamp: time of the measurement in s.
    """

    positions: Array
    velocities: Array
    efforts: Array
    stamp: float

    def __post_init__(self) -> None:
        expected = (max(np.size(self.positions), 2),)
        for name in ("positions", "velocities", "efforts"):
            shape = np.shape(getattr(self, name))
            if shape != expected:
                raise ValueError(f"joint_state.{name} has shape {shape}; it must be {expected}")

    @property
    def arm(self) -> Array:
        """Positions `[A]` of the arm's joints in rad."""
        return self.positions[:-1]

    @property
    def arm_efforts(self) -> Array:
        """Efforts `[A]` of the arm's joints in N m."""
        return self.efforts[:-1]

    @property
    def gripper(self) -> float:
        """Position of the gripper's joint in rad or m."""
        return float(self.positions[-1])

    @property
    def gripper_velocity(self) -> float:
        """Velocity of the gripper's joint in rad/s or m/s."""
        return float(self.velocities[-1])


@dataclass(frozen=True, eq=False)
class JointTrajectory:
    """Timed joint positions of the arm; between points a cubic Hermite curve.

    Attributes:
        positions: `[T, A]` rad, columns in the order of the robot's file.
        velocities: `[T, A]` rad/s.
        times: `[T]` s from the start, the first 0, increasing.

    Raises:
        ValueError: shapes disagree, a number is not finite, or times do not increase from 0.
    """

    positions: Array
    velocities: Array
    times: Array

    def __post_init__(self) -> None:
        shape = (len(self.times), self.positions.shape[-1])
        for name in ("positions", "velocities"):
            value = getattr(self, name)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(
                    f"trajectory.{name} has shape {value.shape}; it must be finite {shape}"
                )
        if len(self.times) < 2 or self.times[0] != 0.0 or not (np.diff(self.times) > 0).all():
            raise ValueError(f"trajectory.times = {self.times}; they must increase from 0")

    @property
    def duration(self) -> float:
        """Time of the last point in s."""
        return float(self.times[-1])

    def sample(self, time: float) -> tuple[Array, Array]:
        """Return positions `[A]` and velocities `[A]` at `time` in s, clamped to the ends."""
        time = float(np.clip(time, 0.0, self.duration))
        i = int(np.clip(np.searchsorted(self.times, time, "right") - 1, 0, len(self.times) - 2))
        h = self.times[i + 1] - self.times[i]
        s = (time - self.times[i]) / h
        p0, p1 = self.positions[i], self.positions[i + 1]
        m0, m1 = h * self.velocities[i], h * self.velocities[i + 1]
        position = (
            (2 * s**3 - 3 * s**2 + 1) * p0
            + (s**3 - 2 * s**2 + s) * m0
            + (3 * s**2 - 2 * s**3) * p1
            + (s**3 - s**2) * m1
        )
        slope = (
            (6 * s**2 - 6 * s) * (p0 - p1) + (3 * s**2 - 4 * s + 1) * m0 + (3 * s**2 - 2 * s) * m1
        )
        return position, slope / h

    def reversed(self) -> JointTrajectory:
        """The same motion from its end to its start."""
        return JointTrajectory(
            self.positions[::-1].copy(),
            -self.velocities[::-1],
            self.duration - self.times[::-1],
        )


class Robot(Protocol):
    """An arm with a gripper on a base, real or simulated. Every motion blocks until it ends.

    Motions call `cancelled()` at 20 Hz or more and stop the robot at once when it is true. They
    raise `MotionCancelled`, `TrackingError`, `JointStatesLost` or another `RobotError`.
    """

    def joint_state(self) -> JointState:
        """Newest measured joints."""
        ...

    def base_pose(self) -> Array:
        """`T_map_base_link [4, 4]` of the LiDAR odometry."""
        ...

    def capture_frame(self) -> RgbdFrame:
        """Newest frame of the wrist camera, taken after the call; `camtoworld` in map."""
        ...

    def execute_trajectory(
        self, trajectory: JointTrajectory, cancelled: Callable[[], bool] = never
    ) -> None:
        """Follow a trajectory of the arm that starts at the present joint positions."""
        ...

    def move_gripper(
        self,
        position: float,
        max_effort: float,
        max_speed: float,
        cancelled: Callable[[], bool] = never,
    ) -> float:
        """Move the gripper's joint until it rests. Cancelled, the jaws stop where they are.

        Args:
            position: goal in rad; m where the jaws slide.
            max_effort: N m or N.
            max_speed: rad/s or m/s.
            cancelled: ends the motion when true.

        Returns:
            The position reached: another one where an object is between the jaws.
        """
        ...

    def move_base(
        self,
        T_map_base: Array,
        max_speed: float,
        max_yaw_rate: float,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        """Drive the planar base to a pose in map, at these speeds at most (m/s, rad/s)."""
        ...

    def hold(self) -> None:
        """Stop the arm and the base where they are; the gripper keeps its command."""
        ...
