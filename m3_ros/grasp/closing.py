"""Closing the jaws on an object that stands on something, so that it is not pressed on it."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from m3_ros.grasp.job import ContactGuard, Job, follow_until_contact, interrupted, move, onward
from m3_ros.grasp.outcome import Missed, Slipped
from m3_ros.grasp.scoring import RISE

CLOSED = -0.03  # jointGripper above this after closing: nothing is between the jaws, rad
GENTLE = 0.5  # share of the closing torque until the jaws have settled on the object
SETTLE = (RISE, 0.009)  # up, and towards the moving jaw, before the jaws close again, m
PUSHED = 2.0  # times `contact_effort` on the arm while the jaws close: they push it off the table
GAVE_WAY = "the object gave way to the closing jaws"
SLID = 0.02  # further than this once they have met it, the jaws do not hold the object, rad


def close(job: Job) -> None:
    """Close gently, bring the fixed jaw to the object, settle again, and only then squeeze.

    A jaw that meets the object before the other one does presses it on the table, where friction
    may hold it: the harder it closes, the harder it presses. What both hold moves along, and
    leaves the table; the jaws do not squeeze what still pushes them up. Nor do they run on after
    what gives way, slides out or is pushed along the table: they would strike it. They stop, and
    once the fixed jaw, which may stand off what the other one pushes, comes nearer.
    """
    robot, config, arm = job.robot, job.planner.config, job.planner.arm
    guard = ContactGuard(robot, PUSHED * config.contact_effort)
    gentle = GENTLE * config.gripper_effort
    _close_with(job, gentle, guard)
    up, across = SETTLE
    move(job, _toward_moving_jaw(job, across, up), config.touch_speed)
    if not _close_with(job, gentle, guard, SLID):
        here, nearer = robot.joint_state().arm, _toward_moving_jaw(job, across, 0.0)
        follow_until_contact(job, onward(job.planner.line, here, nearer, config.touch_speed))
        if not _close_with(job, gentle, guard, SLID):
            raise Slipped(GAVE_WAY)
    if arm.force(robot.joint_state().arm, guard.change())[2] > config.wedge_force:
        raise Slipped("the jaws press the object on what it stands on")
    if not _close_with(job, config.gripper_effort, guard, SLID):
        raise Slipped(GAVE_WAY)


def _toward_moving_jaw(job: Job, across: float, up: float) -> NDArray[np.float64]:
    """A way `[3]` in `base_link`: `across` m towards the moving jaw, but `up` m in z."""
    x, y, _ = across * job.gripper_pose()[:3, 2]
    return np.array([x, y, up])


def _close_with(job: Job, effort: float, guard: ContactGuard, most: float = np.inf) -> bool:
    """Close the jaws with `effort` N m until they rest; false after `most` rad more."""
    config, robot = job.planner.config, job.robot
    start = robot.joint_state().gripper

    def slid() -> bool:
        return robot.joint_state().gripper - start > most

    closing = partial(robot.move_gripper, 0.0, effort, config.gripper_speed)
    stopped = interrupted(job, closing, lambda: guard() or slid())
    if guard.touched:
        raise Slipped("the closing jaws pushed the arm away")
    if robot.joint_state().gripper > CLOSED:
        raise Missed("the jaws closed on nothing")
    return not stopped
