"""Follows joint trajectories as ros2_control's joint_trajectory_controller does."""

from __future__ import annotations

from enum import Enum

import numpy as np

from m3_ros.grasp.robot import JointTrajectory, RobotError
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

# Chosen for the simulation; a real controller has them in its configuration (`constraints`).
START_TOLERANCE = 0.1  # of a trajectory's first point to the set point, rad
PATH_TOLERANCE = 0.15  # of the joints to the set point while moving, rad
GOAL_TOLERANCE = 0.01  # of the joints to the last point, rad
GOAL_TIME = 1.0  # after the last point within which the goal must be reached, s


class TrajectoryRefused(RobotError):
    """A trajectory cannot be followed; the message names joint, value and limit."""


class ArmStatus(Enum):
    """State of the motion last accepted."""

    HOLDING = "holding"  # none yet, or stopped
    MOVING = "moving"
    REACHED = "reached"
    BLOCKED = "blocked"  # stopped: the joints did not follow


class ArmController:
    """Set points of the arm's joints over simulated time.

    Args:
        robot: names and limits of its joints.
        start: positions `[A]` to hold in rad.
    """

    def __init__(self, robot: RobotModel, start: Array) -> None:
        self._names = robot.arm.joints
        self._lower, self._upper = robot.lower[:-1], robot.upper[:-1]
        self._max_velocity = robot.max_velocity[:-1]
        self._trajectory: JointTrajectory | None = None
        self._began = 0.0
        self._hold = start.copy()
        self.status = ArmStatus.HOLDING

    def set_point(self, now: float) -> tuple[Array, Array]:
        """Return positions `[A]` rad and velocities `[A]` rad/s at simulated time `now` in s."""
        if self._trajectory is None:
            return self._hold, np.zeros_like(self._hold)
        elapsed = now - self._began
        position, velocity = self._trajectory.sample(elapsed)
        return position, velocity if elapsed < self._trajectory.duration else np.zeros_like(
            velocity
        )

    def start(self, trajectory: JointTrajectory, now: float) -> None:
        """Follow a trajectory from simulated time `now`; it replaces the one before.

        Raises:
            TrajectoryRefused: other joints, outside a limit, too fast, or it starts elsewhere.
        """
        self._check(trajectory, self.set_point(now)[0])
        self._trajectory, self._began = trajectory, now
        self.status = ArmStatus.MOVING

    def hold(self, positions: Array, status: ArmStatus = ArmStatus.HOLDING) -> None:
        """Drop the trajectory and hold positions `[A]` in rad."""
        self._trajectory = None
        self._hold = np.clip(positions, self._lower, self._upper)
        self.status = status

    def watch(self, positions: Array, now: float) -> None:
        """Compare measured positions `[A]` with the set point; stop where the arm is blocked."""
        if self._trajectory is None or self.status is not ArmStatus.MOVING:
            return
        late = now - self._began - self._trajectory.duration
        error = np.abs(positions - self.set_point(now)[0]).max()
        if late >= 0.0 and error < GOAL_TOLERANCE:
            self.hold(self._trajectory.positions[-1], ArmStatus.REACHED)
        elif error > PATH_TOLERANCE or late > GOAL_TIME:
            self.hold(positions, ArmStatus.BLOCKED)

    def _check(self, trajectory: JointTrajectory, present: Array) -> None:
        count = trajectory.positions.shape[1]
        if count != len(self._names):
            raise TrajectoryRefused(
                f"trajectory has {count} columns: it must have {len(self._names)}, "
                f"of {', '.join(self._names)}"
            )
        times = np.union1d(trajectory.times, np.linspace(0.0, trajectory.duration, 200))
        samples = [trajectory.sample(time) for time in times]
        positions, velocities = (np.array(values) for values in zip(*samples, strict=True))
        lowest, highest, low, high = positions.min(0), positions.max(0), self._lower, self._upper
        excess = np.maximum(low - lowest, highest - high)
        if excess.max() > 1e-4:
            j = int(excess.argmax())
            raise TrajectoryRefused(
                f"{self._names[j]} would move through {lowest[j]:.3f} .. {highest[j]:.3f} rad; "
                f"its limits are {low[j]:.3f} .. {high[j]:.3f} rad"
            )
        speed = np.abs(velocities).max(0)
        j = int((speed - self._max_velocity).argmax())
        if speed[j] > self._max_velocity[j]:
            raise TrajectoryRefused(
                f"{self._names[j]} would turn at {speed[j]:.2f} rad/s; "
                f"its limit is {self._max_velocity[j]} rad/s"
            )
        jump = np.abs(trajectory.positions[0] - present)
        if jump.max() > START_TOLERANCE:
            raise TrajectoryRefused(
                f"{self._names[jump.argmax()]} would start {jump.max():.3f} rad from where it is; "
                f"the limit is {START_TOLERANCE} rad"
            )
