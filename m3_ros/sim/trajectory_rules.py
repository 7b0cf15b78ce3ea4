"""What ros2_control's joint_trajectory_controller accepts, without ROS.

Equals ros2_controllers 4.42.1 (jazzy): the order and the conditions of acceptance are those of
`JointTrajectoryController::validate_trajectory_msg`, tolerances those of `get_segment_tolerances`.
Only the position command interface is modelled: with it, the original checks no velocity against
`stopped_velocity_tolerance`. Joint limits and the start position are not checked: the original
checks neither. One rule is added: numbers are finite, which the original leaves to the hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from m3_ros.grasp.robot import RobotError
from m3_ros.types import Array

EPSILON = float(np.finfo(np.float32).eps)
"""Largest velocity (rad/s) of the last point that counts as zero, as in the original."""


class ResultCode(IntEnum):
    """Result of a goal; equal to the constants of control_msgs/action/FollowJointTrajectory."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


class TrajectoryRejected(RobotError):
    """The controller does not accept a trajectory; the message says which rule it breaks."""


@dataclass(frozen=True)
class Point:
    """One point of a trajectory: a value for each named joint, empty where not given.

    Attributes:
        positions: rad. velocities: rad/s. accelerations: rad/s^2. effort: N m.
        time_from_start: s.
    """

    positions: Sequence[float] = ()
    velocities: Sequence[float] = ()
    accelerations: Sequence[float] = ()
    effort: Sequence[float] = ()
    time_from_start: float = 0.0


@dataclass(frozen=True)
class Trajectory:
    """trajectory_msgs/JointTrajectory; `stamp` (s) is zero to start at once."""

    joint_names: Sequence[str] = ()
    points: Sequence[Point] = ()
    stamp: float = 0.0


@dataclass(frozen=True)
class Parameters:
    """Parameters of the controller, by their names there; a tolerance of 0 is not checked.

    Attributes:
        trajectory, goal: `constraints.<joint>.trajectory` and `.goal` of every joint, rad.
        goal_time: s that the goal may be late; 0 waits without end.
    """

    joints: tuple[str, ...]
    allow_partial_joints_goal: bool = False
    allow_nonzero_velocity_at_trajectory_end: bool = False
    goal_time: float = 0.0
    trajectory: dict[str, float] = field(default_factory=dict)
    goal: dict[str, float] = field(default_factory=dict)

    @property
    def tolerances(self) -> Tolerances:
        """Tolerances of goals that name none of their own."""
        return Tolerances(
            np.array([self.trajectory.get(name, 0.0) for name in self.joints]),
            np.array([self.goal.get(name, 0.0) for name in self.joints]),
            self.goal_time,
        )


@dataclass(frozen=True, eq=False)
class Tolerances:
    """Tolerances of one goal; 0 is not checked.

    Attributes:
        path, goal: `[n]` rad, on the way and at the end.
        goal_time: s that the goal may be late; 0 waits without end.
    """

    path: Array
    goal: Array
    goal_time: float


@dataclass(frozen=True)
class JointTolerance:
    """control_msgs/JointTolerance; 0 keeps the parameter's value, -1 checks nothing.

    Attributes:
        position: rad. velocity, acceleration: only their signs count, see `goal_tolerances`.
    """

    name: str
    position: float = 0.0
    velocity: float = 0.0
    acceleration: float = 0.0


def goal_tolerances(
    parameters: Parameters,
    path: Sequence[JointTolerance] = (),
    goal: Sequence[JointTolerance] = (),
    goal_time: float = 0.0,
) -> Tolerances:
    """Return the tolerances of a goal that names its own: `get_segment_tolerances`.

    An unknown joint or a negative value other than -1, also of a velocity or an acceleration,
    makes all of them the parameters', as there.
    """
    default = parameters.tolerances
    on_path, at_goal = default.path.copy(), default.goal.copy()
    try:
        for limits, given in ((on_path, path), (at_goal, goal)):
            for item in given:
                i = parameters.joints.index(item.name)
                limits[i] = _resolve(limits[i], item.position)
                _resolve(0.0, item.velocity)
                _resolve(0.0, item.acceleration)
        return Tolerances(on_path, at_goal, _resolve(default.goal_time, goal_time))
    except ValueError:
        return default


def _resolve(default: float, given: float) -> float:
    if abs(given + 1.0) < EPSILON:
        return 0.0
    if given < 0.0:
        raise ValueError("illegal tolerance")
    return given or default


def check_trajectory(trajectory: Trajectory, parameters: Parameters, now: float) -> None:
    """Refuse what the controller refuses; `now` is the controller's clock, s.

    Raises:
        TrajectoryRejected: a rule is broken.
    """
    names, points = trajectory.joint_names, trajectory.points
    if not parameters.allow_partial_joints_goal and len(names) != len(parameters.joints):
        raise TrajectoryRejected(
            f"joint_names are {list(names)}; they must be all of {list(parameters.joints)}"
        )
    if not names:
        raise TrajectoryRejected("joint_names is empty")
    if not points:
        raise TrajectoryRejected("points is empty; to stop, cancel the goal or send one point")
    for name in names:
        if name not in parameters.joints:
            raise TrajectoryRejected(f"joint {name} is none of {list(parameters.joints)}")
    if not parameters.allow_nonzero_velocity_at_trajectory_end and any(
        abs(velocity) > EPSILON for velocity in points[-1].velocities
    ):
        raise TrajectoryRejected("the velocity of the last point is not zero")
    end = trajectory.stamp + points[-1].time_from_start
    if trajectory.stamp != 0.0 and end < now:
        raise TrajectoryRejected(f"it ends at {end:.3f} s, in the past (now {now:.3f} s)")
    for index, point in enumerate(points):
        if index and point.time_from_start <= points[index - 1].time_from_start:
            raise TrajectoryRejected(f"time_from_start of point {index} does not increase")
        for column in ("positions", "velocities", "accelerations"):
            count = len(getattr(point, column))
            if count != len(names) and (count or column == "positions"):
                raise TrajectoryRejected(
                    f"point {index} has {count} {column}; it must have {len(names)}"
                )
            if not np.isfinite(getattr(point, column)).all():
                values = list(getattr(point, column))
                raise TrajectoryRejected(
                    f"point {index} has {column} {values}; they must be finite"
                )
        if len(point.effort):
            raise TrajectoryRejected(
                f"point {index} has effort; the controller has no effort command interface"
            )
