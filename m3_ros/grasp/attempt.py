"""One try at a planned grasp: down, close, lift, check. Every way in which it fails has a name."""

from __future__ import annotations

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.closing import CLOSED, close
from m3_ros.grasp.context import GraspContext, follow_until_contact, move, onward
from m3_ros.grasp.outcome import RetryableGraspFailure, Target
from m3_ros.grasp.planning import Plan, PlanError
from m3_ros.grasp.robot import JointTrajectory
from m3_ros.grasp.sensing import agreement
from m3_ros.types import Array

OPENING = (10.0, 1.5)  # effort in N m and speed in rad/s
SAME_PLACE = 0.012  # depth within this of the object's points shows its surface, m
MOVED = 0.015  # the object's middle may differ this much when confirmed, m; if more (a partial
SAME_SURFACE = 0.6  # view), the depth must confirm this share of its points
STILL_THERE = 0.6  # share of its points that the depth confirms where the object was: not lifted
IN_THE_JAWS = 0.2  # least share of them that it confirms where the jaws have carried them
NEAR_THE_END = 0.012  # a contact this near to the end of the approach is the support, m
BACK_OFF = 0.002  # up again from the support, m
STILL = 1.5  # time in the air before it counts as held: what slips does so slowly, s


def attempt(context: GraspContext, plan: Plan, target: Target) -> float:
    """From before the grasp to the object in the air; returns the way lifted in m.

    Raises:
        Slipped: it failed in a way that another grasp may not.
        RobotError: the robot could not.
    """
    robot, config, cancelled = context.robot, context.planner.config, context.cancelled
    context.tell("pre-grasp", 0.3)
    robot.execute_trajectory(plan.phases["pre-grasp"], cancelled)
    robot.move_gripper(-plan.grasp.preopening, *OPENING, cancelled)
    context.tell("confirm", 0.45)
    _check_unmoved(context, target)
    context.tell("approach", 0.5)
    follow_until_contact(context, _approach(context, plan))
    context.tell("close", 0.7)
    at_object = context.gripper_pose()
    close(context)
    context.tell("lift", 0.8)
    top = context.planner.arm.fk(plan.phases["lift"].positions[-1])  # within reach: it was planned
    move(context, (top - context.gripper_pose())[:3, 3], config.lift_speed)
    context.tell("check", 0.95)
    _stay(context, STILL)
    _check_held(context, target, context.gripper_pose() @ inverse(at_object))
    return float(context.gripper_pose()[2, 3] - at_object[2, 3])


def _stay(context: GraspContext, seconds: float) -> None:
    """Keep the arm where it is."""
    here = np.tile(context.robot.joint_state().arm, (2, 1))
    still = JointTrajectory(here, np.zeros_like(here), np.array([0.0, seconds]))
    context.robot.execute_trajectory(still, context.cancelled)


def open_jaws(context: GraspContext, opening: float) -> None:
    """Open the jaws to `opening` rad and rise straight up, as far as the arm can."""
    context.robot.move_gripper(-opening, *OPENING, context.cancelled)
    config = context.planner.config
    up = np.array([0.0, 0.0, config.approach_distance])
    try:
        rise = context.planner.line(context.robot.joint_state().arm, up, config.approach_speed)
    except PlanError:
        return
    context.robot.execute_trajectory(rise, context.cancelled)


def _approach(context: GraspContext, plan: Plan) -> JointTrajectory:
    """Down around the object; returns the touch from where the arm is then.

    A contact at the very end is the support, a little higher than it was seen.
    """
    if not follow_until_contact(context, plan.phases["approach"]):
        return plan.phases["touch"]
    robot, planner, approach = context.robot, context.planner, plan.grasp.approach
    bottom = planner.arm.fk(plan.phases["approach"].positions[-1])
    left = float((bottom - context.gripper_pose())[:3, 3] @ approach)
    if left > NEAR_THE_END:
        raise RetryableGraspFailure(
            f"the gripper met something {left * 100:.0f} cm above the grasp"
        )
    move(context, -BACK_OFF * approach, planner.config.touch_speed)
    return onward(planner.touch, robot.joint_state().arm, plan.grasp)


def _check_unmoved(context: GraspContext, target: Target) -> None:
    """Look again from above the object; only where the depth does not show it, ask where it is.

    What the camera cannot judge from there is trusted.
    """
    if still_there(context.robot.capture_frame(), target.points):
        return
    now = context.localize()
    if now.status in ("STALE", "NOT_FOUND") and not now.located:
        raise RetryableGraspFailure("the object is no longer where it was")
    if not now.seen or np.linalg.norm(now.center - target.center) < MOVED:
        return
    if agreement(context.robot.capture_frame(), target.points, SAME_PLACE) < SAME_SURFACE:
        raise RetryableGraspFailure("the object moved while the arm came nearer")


def _check_held(context: GraspContext, target: Target, carried: Array) -> None:
    """Jaws apart, the object gone from its place and seen between the jaws.

    Args:
        context: of the grasp.
        target: where the object was.
        carried: `[4, 4]` motion of the gripper since it closed, in `base_link`.
    """
    if context.robot.joint_state().gripper > CLOSED:
        raise RetryableGraspFailure("the object slipped out of the jaws")
    frame, T_map_base = context.robot.capture_frame(), context.robot.base_pose()
    if still_there(frame, target.points):
        raise RetryableGraspFailure(
            "the jaws hold something, but the object is still at its place"
        )
    held = transform(T_map_base @ carried @ inverse(T_map_base), target.points)
    if agreement(frame, held, SAME_PLACE) < IN_THE_JAWS:
        raise RetryableGraspFailure("the camera sees nothing between the jaws")


def still_there(frame: RgbdFrame, points: Array) -> bool:
    """Whether the depth shows an object at its place, not the support below it.

    Args:
        frame: of the wrist camera.
        points: `[M, 3]` on the object where it stood, in the frame's world.
    """
    low, high = np.percentile(points[:, 2], [2, 98])
    upper = points[points[:, 2] > (low + high) / 2]
    return agreement(frame, upper, min(SAME_PLACE, (high - low) / 3)) > STILL_THERE
