"""ros2_control's parallel_gripper_action_controller, without ROS: one joint, one goal at a time.

Equals ros2_controllers 4.42.1 (jazzy), `GripperActionController`: acceptance, also while inactive,
success within the goal tolerance, stall after `stall_timeout` without motion, cancel = hold. One
rule is added: numbers are finite, which the original leaves to the hardware. The older
position_controllers/GripperActionController (control_msgs/action/GripperCommand) has the same
rules, its goal always has an effort limit and never a speed limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import isfinite

from m3_ros.grasp.robot import RobotError


class GripperRejected(RobotError):
    """A command does not have one position, or a number in it is not finite."""


class GoalState(Enum):
    """How the goal that ended last came out."""

    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELED = "canceled"  # by its client, or replaced by another goal


@dataclass(frozen=True)
class Parameters:
    """Parameters of the controller, by their names there; rad and N m, or m and N.

    Attributes:
        has_max_velocity_interface, has_max_effort_interface: whether the hardware takes limits;
            without, those of a goal are ignored.
    """

    joint: str
    goal_tolerance: float = 0.01
    allow_stalling: bool = False
    stall_velocity_threshold: float = 0.001
    stall_timeout: float = 1.0
    max_effort: float = 10.0
    max_velocity: float = 0.1
    has_max_velocity_interface: bool = False
    has_max_effort_interface: bool = False


@dataclass(frozen=True)
class GripperCommand:
    """What the joint is commanded: position, and limits of speed and effort."""

    position: float
    max_velocity: float
    max_effort: float


class GripperController:
    """Commands of one gripper joint.

    Args:
        parameters: of the controller.
        position: to hold.

    Attributes:
        active: an inactive controller accepts goals, moves nothing and ends none of them.
        command: what the joint is commanded now.
        state: how the last goal ended; None while one is under way.
        stalled, reached_goal: of the last goal.
    """

    def __init__(self, parameters: Parameters, position: float) -> None:
        self.parameters = parameters
        self.active = True
        self.state: GoalState | None = GoalState.SUCCEEDED
        self.stalled = self.reached_goal = False
        self.hold(position)

    def check(
        self,
        position: Sequence[float],
        velocity: Sequence[float] = (),
        effort: Sequence[float] = (),
    ) -> None:
        """Refuse what the controller refuses.

        Raises:
            GripperRejected: not one position is given, or a number is not finite.
        """
        if len(position) != 1:
            raise GripperRejected(f"the command has {len(position)} positions; it must have one")
        if not all(map(isfinite, numbers := [*position, *velocity, *effort])):
            raise GripperRejected(f"the command has {numbers}; they must be finite")

    def start(
        self,
        position: Sequence[float],
        now: float,
        velocity: Sequence[float] = (),
        effort: Sequence[float] = (),
    ) -> None:
        """Accept a goal; it replaces the one under way, which counts as canceled.

        Args:
            position: exactly one number.
            now: controller's clock, s.
            velocity, effort: limits; empty: the parameters' defaults.

        Raises:
            GripperRejected: not one position is given, or a number is not finite.
        """
        self.check(position, velocity, effort)
        self.state, self.stalled, self.reached_goal = None, False, False
        self._last_movement = now
        if not self.active:
            return
        parameters = self.parameters
        speed, force = parameters.max_velocity, parameters.max_effort
        if parameters.has_max_velocity_interface and len(velocity):
            speed = velocity[0]
        if parameters.has_max_effort_interface and len(effort):
            force = effort[0]
        self.command = GripperCommand(position[0], speed, force)

    def hold(self, position: float) -> None:
        """Hold a position with the parameters' default limits."""
        self.command = GripperCommand(
            position, self.parameters.max_velocity, self.parameters.max_effort
        )

    def cancel(self, position: float) -> None:
        """End the goal under way by its client's wish; the joint is held at `position`."""
        if self.state is None:
            self.state = GoalState.CANCELED
            self.hold(position)

    def update(self, position: float, velocity: float, now: float) -> None:
        """Compare the measured joint with the command; end the goal when due."""
        if self.state is not None or not self.active:
            return
        if abs(self.command.position - position) < self.parameters.goal_tolerance:
            self.state, self.reached_goal = GoalState.SUCCEEDED, True
        elif abs(velocity) > self.parameters.stall_velocity_threshold:
            self._last_movement = now
        elif now - self._last_movement > self.parameters.stall_timeout:
            allowed = self.parameters.allow_stalling
            self.state, self.stalled = (
                (GoalState.SUCCEEDED if allowed else GoalState.ABORTED),
                True,
            )
