"""State shared by the steps of one grasp, and motions that stop at a contact."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from m3_ros.grasp.outcome import RetryableGraspFailure, Target
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.preview import Preview
from m3_ros.grasp.robot import JointStatesLost, JointTrajectory, MotionCancelled, Robot
from m3_ros.types import Array


@dataclass
class GraspContext:
    """State shared by all steps of one grasp.

    Attributes:
        robot: that grasps.
        planner: of its arm.
        localize: returns where the object is, from the current camera view.
        feedback: called with stage, progress in [0, 1] and number of retries.
        cancelled: returns true when the robot must stop.
        planned: called with each plan before it is executed.
        retries: attempts after the first.
    """

    robot: Robot
    planner: Planner
    localize: Callable[[], Target]
    feedback: Callable[[str, float, int], None]
    cancelled: Callable[[], bool]
    planned: Callable[[Preview], None] = lambda preview: None
    retries: int = 0

    def __post_init__(self) -> None:
        self.planner = self.planner.until(self.cancelled)

    def report(self, stage: str, progress: float) -> None:
        """Publish a stage as feedback.

        Raises:
            MotionCancelled: the goal was cancelled; checked here between motions.
        """
        self.feedback(stage, progress, self.retries)
        if self.cancelled():
            raise MotionCancelled("cancelled: the robot holds still")

    def gripper_pose(self) -> Array:
        """Return the current pose `[4, 4]` of the tool in `base_link`."""
        return self.planner.arm.fk(self.robot.joint_state().arm)

    def opening(self) -> float:
        """Return the opening of the jaws now, in the gripper's unit."""
        return self.planner.robot_model.gripper.opening(self.robot.joint_state().gripper)

    def move_jaws(self, opening: float) -> None:
        """Move the jaws to an opening, without load."""
        gripper = self.planner.robot_model.gripper
        goal = gripper.position(opening)
        self.robot.move_gripper(goal, gripper.effort, gripper.speed, self.cancelled)


CHECK_PERIOD = 0.05
"""Greatest time (s) between two checks of a motion, as `Robot` asks for: what is more is a pause
of this process, in which no joint states can have been received."""


class ContactGuard:
    """Detect a contact of the arm by the change of its joint torques since construction.

    Args:
        robot: its joint states.
        limit: change of a torque that is a contact, N m.
        timeout: time without new joint states after which a check raises, s.

    Attributes:
        touched: whether there was a contact.
    """

    def __init__(self, robot: Robot, limit: float, timeout: float) -> None:
        self._robot, self._limit, self._timeout = robot, limit, timeout
        state = robot.joint_state()
        self._initial, self._stamp = state.arm_efforts, state.stamp
        self._silence, self._checked = 0.0, time.monotonic()
        self.touched = False

    def __call__(self) -> bool:
        """Return whether any joint's torque has ever changed by more than `limit`.

        Raises:
            JointStatesLost: a contact would not be noticed.
        """
        state, now = self._robot.joint_state(), time.monotonic()
        self._silence += min(now - self._checked, CHECK_PERIOD)
        if state.stamp != self._stamp:
            self._silence = 0.0
        self._stamp, self._checked = state.stamp, now
        if self._silence > self._timeout:
            raise JointStatesLost(
                f"no new joint states for {self._silence:.2f} s, in which a contact would not be "
                f"noticed; grasp.contact_timeout = {self._timeout} s"
            )
        change = np.abs(state.arm_efforts - self._initial).max()
        self.touched |= bool(change > self._limit)
        return self.touched

    def change(self) -> Array:
        """Return the change `[A]` of the arm's joint torques since construction, N m."""
        return self._robot.joint_state().arm_efforts - self._initial


def follow_until_contact(context: GraspContext, trajectory: JointTrajectory) -> bool:
    """Execute a trajectory until a contact; return whether there was one."""
    config = context.planner.config
    guard = ContactGuard(context.robot, config.contact_effort, config.contact_timeout)
    return execute_until(context, partial(context.robot.execute_trajectory, trajectory), guard)


def execute_until(
    context: GraspContext, motion: Callable[[Callable[[], bool]], object], stop: Callable[[], bool]
) -> bool:
    """Execute a motion until `stop()` is true; return whether that ended it.

    Args:
        context: of the grasp.
        motion: blocking motion of the robot; its argument is the motion's `cancelled`.
        stop: condition, checked while the robot moves.

    Raises:
        MotionCancelled: the goal was cancelled.
    """
    stopped = False

    def ended() -> bool:
        nonlocal stopped
        stopped = stopped or stop()
        return stopped or context.cancelled()

    try:
        motion(ended)
    except MotionCancelled:
        if context.cancelled() or not stopped:
            raise
    return stopped


def plan_linear(context: GraspContext, offset: ArrayLike, speed: float) -> JointTrajectory:
    """Plan a straight motion from the current posture.

    Args:
        context: of the grasp.
        offset: `[3]` of the tool in `base_link`, m.
        speed: peak, m/s.

    Raises:
        RetryableGraspFailure: the line leaves the arm's reach.
    """
    start = context.robot.joint_state().arm
    try:
        return context.planner.plan_linear(start, np.asarray(offset), speed)
    except PlanError as error:
        raise RetryableGraspFailure(f"no motion from here: {error}") from error


def move_linear(context: GraspContext, offset: ArrayLike, speed: float) -> None:
    """Plan a straight motion as `plan_linear` does, and execute it."""
    motion = plan_linear(context, offset, speed)
    context.robot.execute_trajectory(motion, context.cancelled)
