"""Closing the jaws on an object that stands on something, so that it is not pressed on it."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from m3_ros.grasp.context import (
    ContactGuard,
    GraspContext,
    follow_until_contact,
    interrupted,
    move,
    onward,
)
from m3_ros.grasp.outcome import Missed, RetryableGraspFailure
from m3_ros.grasp.scoring import RISE

CLOSED = -0.03  # jointGripper above this after closing: nothing is between the jaws, rad
GENTLE = 0.5  # share of the closing torque until the jaws have settled on the object
SETTLE = (RISE, 0.009)  # up, and towards the moving jaw, before the jaws close again, m
PUSHED = 2.0  # times `contact_effort` on the arm while the jaws close: they push it off the table
GAVE_WAY = "the object gave way to the closing jaws"
SLID = 0.02  # further than this once they have met it, the jaws do not hold the object, rad


def close(context: GraspContext) -> None:
    """Close gently, bring the fixed jaw to the object, settle again, and only then squeeze.

    A jaw that meets the object before the other one does presses it on the table, where friction
    may hold it: the harder it closes, the harder it presses. What both hold moves along, and
    leaves the table; the jaws do not squeeze what still pushes them up. Nor do they run on after
    what gives way, slides out or is pushed along the table: they would strike it. They stop, and
    once the fixed jaw, which may stand off what the other one pushes, comes nearer.
    """
    robot, config, arm = context.robot, context.planner.config, context.planner.arm
    guard = ContactGuard(robot, PUSHED * config.contact_effort)
    gentle = GENTLE * config.gripper_effort
    _close_with(context, gentle, guard)
    up, across = SETTLE
    move(context, _toward_moving_jaw(context, across, up), config.touch_speed)
    if not _close_with(context, gentle, guard, SLID):
        here, nearer = robot.joint_state().arm, _toward_moving_jaw(context, across, 0.0)
        follow_until_contact(
            context, onward(context.planner.line, here, nearer, config.touch_speed)
        )
        if not _close_with(context, gentle, guard, SLID):
            raise RetryableGraspFailure(GAVE_WAY)
    if arm.force(robot.joint_state().arm, guard.change())[2] > config.wedge_force:
        raise RetryableGraspFailure("the jaws press the object on what it stands on")
    if not _close_with(context, config.gripper_effort, guard, SLID):
        raise RetryableGraspFailure(GAVE_WAY)


def _toward_moving_jaw(context: GraspContext, across: float, up: float) -> NDArray[np.float64]:
    """A way `[3]` in `base_link`: `across` m towards the moving jaw, but `up` m in z."""
    x, y, _ = across * context.gripper_pose()[:3, 2]
    return np.array([x, y, up])


def _close_with(
    context: GraspContext, effort: float, guard: ContactGuard, most: float = np.inf
) -> bool:
    """Close the jaws with `effort` N m until they rest; false after `most` rad more."""
    config, robot = context.planner.config, context.robot
    start = robot.joint_state().gripper

    def slid() -> bool:
        return robot.joint_state().gripper - start > most

    closing = partial(robot.move_gripper, 0.0, effort, config.gripper_speed)
    stopped = interrupted(context, closing, lambda: guard() or slid())
    if guard.touched:
        raise RetryableGraspFailure("the closing jaws pushed the arm away")
    if robot.joint_state().gripper > CLOSED:
        raise Missed("the jaws closed on nothing")
    return not stopped
