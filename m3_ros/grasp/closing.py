"""Close the jaws on an object that stands on a support, without pressing it onto the support."""

from __future__ import annotations

from functools import partial

import numpy as np

from m3_ros.grasp.context import (
    ContactGuard,
    GraspContext,
    execute_until,
    follow_until_contact,
    move_linear,
    plan_linear,
)
from m3_ros.grasp.outcome import EmptyGrasp, RetryableGraspFailure
from m3_ros.grasp.scoring import RISE
from m3_ros.types import Array

SLIPPED = "the object slipped from the closing jaws"


def close_jaws(context: GraspContext) -> None:
    """Close with low torque, move the fixed jaw to the object, settle again, then squeeze.

    A jaw that meets the object first presses it onto the support, where friction may block it; the
    force grows with the closing torque. What both jaws hold moves with them and leaves the
    support. Jaws that are still pushed up then (`wedge_force`) do not squeeze. Jaws stop where the
    object gives way, slips or is pushed along the support: running on, the moving jaw would strike
    it. The fixed jaw, which may not touch the object that the moving one pushes, is moved to it
    once.

    Raises:
        RetryableGraspFailure: the jaws do not hold the object.
        RobotError: a motion failed.
    """
    robot, config, planner = context.robot, context.planner.config, context.planner
    gripper = planner.robot_model.gripper
    effort, max_slip = gripper.closing_effort, gripper.max_slip
    guard = ContactGuard(robot, config.closing_contact_effort, config.contact_timeout)
    low = config.settle_effort_share * effort
    _close_until_rest(context, low, guard)
    move_linear(context, _toward_moving_jaw(context, RISE), config.touch_speed)
    if not _close_until_rest(context, low, guard, max_slip):
        toward = _toward_moving_jaw(context, 0.0)
        follow_until_contact(context, plan_linear(context, toward, config.touch_speed))
        if not _close_until_rest(context, low, guard, max_slip):
            raise RetryableGraspFailure(SLIPPED)
    force = planner.arm.force(robot.joint_state().arm, guard.change(), planner.gripper.tips)
    if force[2] > config.wedge_force:
        raise RetryableGraspFailure("the jaws press the object onto its support")
    if not _close_until_rest(context, effort, guard, max_slip):
        raise RetryableGraspFailure(SLIPPED)


def _toward_moving_jaw(context: GraspContext, up: float) -> Array:
    """Return an offset `[3]`: `settle_distance` toward the moving jaw, but `up` m in z."""
    planner = context.planner
    distance = planner.gripper.touch_distance(planner.config.settle_distance)
    x, y, _ = distance * context.gripper_pose()[:3, 2]
    return np.array([x, y, up])


def _close_until_rest(
    context: GraspContext, effort: float, guard: ContactGuard, max_travel: float = np.inf
) -> bool:
    """Close the jaws with `effort` until they rest; return false after `max_travel` of opening."""
    gripper, start = context.planner.robot_model.gripper, context.opening()

    def slipped() -> bool:
        return start - context.opening() > max_travel

    goal = gripper.position(0.0)
    closing = partial(context.robot.move_gripper, goal, effort, gripper.closing_speed)
    stopped = execute_until(context, closing, lambda: guard() or slipped())
    if guard.touched:
        raise RetryableGraspFailure("the closing jaws pushed the arm away")
    if context.opening() < gripper.empty_opening:
        raise EmptyGrasp("the jaws closed on nothing")
    return not stopped
