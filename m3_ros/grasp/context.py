"""What the steps of one grasp share: robot, planner, and motions that may meet something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from m3_ros.grasp.outcome import RetryableGraspFailure, Target
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.robot import JointTrajectory, MotionCancelled, Robot
from m3_ros.types import Array


@dataclass
class GraspContext:
    """What all steps of one grasp share.

    Attributes:
        robot: to move.
        planner: for its arm.
        localize: asks where the object is, seen from where the camera is now.
        feedback: told the stage, the share of the whole that is done, and the retries.
        cancelled: the robot stops where it is when true.
        retries: grasps tried after the first.
    """

    robot: Robot
    planner: Planner
    localize: Callable[[], Target]
    feedback: Callable[[str, float, int], None]
    cancelled: Callable[[], bool]
    retries: int = 0

    def tell(self, stage: str, progress: float) -> None:
        """Report a stage; the place where a cancel between motions is noticed."""
        self.feedback(stage, progress, self.retries)
        if self.cancelled():
            raise MotionCancelled("cancelled: the robot holds still")

    def gripper_pose(self) -> Array:
        """`T_base_stator [4, 4]` now."""
        return self.planner.arm.fk(self.robot.joint_state().arm)


class ContactGuard:
    """Notices that the arm touches something: its torques leave what they are now."""

    def __init__(self, robot: Robot, limit: float) -> None:
        self._robot, self._limit = robot, limit
        self._rest = robot.joint_state().efforts[:6]
        self.touched = False

    def __call__(self) -> bool:
        """Whether a joint's torque has changed by more than `limit` N m, ever."""
        self.touched |= bool(np.abs(self.change()).max() > self._limit)
        return self.touched

    def change(self) -> Array:
        """How the torques `[6]` of the arm differ now from what they were, N m."""
        return self._robot.joint_state().efforts[:6] - self._rest


def follow_until_contact(context: GraspContext, trajectory: JointTrajectory) -> bool:
    """Whether the arm has met something on its way, and stopped there."""
    guard = ContactGuard(context.robot, context.planner.config.contact_effort)
    return interrupted(context, partial(context.robot.execute_trajectory, trajectory), guard)


def interrupted(
    context: GraspContext, motion: Callable[[Callable[[], bool]], object], stop: Callable[[], bool]
) -> bool:
    """Whether `stop` has ended the motion; a cancel goes on as one."""
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


def move(context: GraspContext, offset: ArrayLike, speed: float) -> None:
    """Straight by `offset [3]` m in `base_link`, at `speed` m/s at most."""
    way = onward(context.planner.line, context.robot.joint_state().arm, np.asarray(offset), speed)
    context.robot.execute_trajectory(way, context.cancelled)


def onward(plan: Callable[..., JointTrajectory], *arguments: object) -> JointTrajectory:
    """What a planning function returns; when it finds no way, another grasp may."""
    try:
        return plan(*arguments)
    except PlanError as error:
        raise RetryableGraspFailure(f"no way on from here: {error}") from error
