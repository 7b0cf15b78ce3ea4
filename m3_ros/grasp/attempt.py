"""One attempt at a planned grasp: approach, close, lift, check."""

from __future__ import annotations

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.closing import close_jaws
from m3_ros.grasp.context import GraspContext, follow_until_contact, move_linear, plan_linear
from m3_ros.grasp.jaws import open_surely
from m3_ros.grasp.outcome import RetryableGraspFailure, Target
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import JointTrajectory
from m3_ros.grasp.sensing import depth_agreement
from m3_ros.types import Array


def execute_attempt(context: GraspContext, plan: Plan, target: Target) -> float:
    """Execute a planned grasp and check that the object is held.

    Args:
        context: of the grasp.
        plan: to execute from the current posture.
        target: where the object stands.

    Returns:
        How far the gripper was raised, m.

    Raises:
        RetryableGraspFailure: the object is not held; another grasp may succeed.
        RobotError: a motion failed.
    """
    robot, config, cancelled = context.robot, context.planner.config, context.cancelled
    context.report("pre-grasp", 0.3)
    robot.execute_trajectory(plan.phases["pre-grasp"], cancelled)
    open_surely(context, plan.grasp.pregrasp_aperture)
    context.report("confirm", 0.45)
    _check_unmoved(context, target)
    context.report("approach", 0.5)
    follow_until_contact(context, _approach(context, plan))
    context.report("close", 0.7)
    at_object = context.gripper_pose()
    close_jaws(context)
    context.report("lift", 0.8)
    top = context.planner.arm.fk(plan.phases["lift"].positions[-1])  # planned, so within reach
    move_linear(context, (top - context.gripper_pose())[:3, 3], config.lift_speed)
    context.report("check", 0.95)
    _dwell(context, config.hold_time)  # an object that slips does so slowly
    _check_held(context, target, context.gripper_pose() @ inverse(at_object))
    return float(context.gripper_pose()[2, 3] - at_object[2, 3])


def _dwell(context: GraspContext, seconds: float) -> None:
    """Keep the arm at its current posture."""
    posture = np.tile(context.robot.joint_state().arm, (2, 1))
    dwell = JointTrajectory(posture, np.zeros_like(posture), np.array([0.0, seconds]))
    context.robot.execute_trajectory(dwell, context.cancelled)


def _approach(context: GraspContext, plan: Plan) -> JointTrajectory:
    """Move the open jaws around the object; return the touch from the posture reached.

    A contact within `position_tolerance` of the end is the support, a little higher than seen.
    """
    if not follow_until_contact(context, plan.phases["approach"]):
        return plan.phases["touch"]
    planner, config, grasp = context.planner, context.planner.config, plan.grasp
    bottom = planner.arm.fk(plan.phases["approach"].positions[-1])
    remaining = float((bottom - context.gripper_pose())[:3, 3] @ grasp.approach)
    if remaining > config.position_tolerance:
        raise RetryableGraspFailure(
            f"the gripper met something {remaining * 100:.0f} cm above the grasp"
        )
    back = -grasp.approach * config.table_clearance / 2.0
    move_linear(context, back, config.touch_speed)
    return plan_linear(context, planner.touch_offset(grasp), config.touch_speed)


def _check_unmoved(context: GraspContext, target: Target) -> None:
    """Check from the pre-grasp pose that the object has not moved.

    The object is located again only if the depth does not show it. Where the camera cannot see
    it, it is assumed to be at its place.
    """
    config = context.planner.config
    if is_present(context.robot.capture_frame(), target.points, config):
        return
    now = context.localize()
    if now.status in (QueryStatus.STALE, QueryStatus.NOT_FOUND) and not now.located:
        raise RetryableGraspFailure("the object is no longer where it was")
    if not now.seen or np.linalg.norm(now.center - target.center) < config.max_shift:
        return
    frame = context.robot.capture_frame()  # a partial view has another centre
    if depth_agreement(frame, target.points, config.position_tolerance) < config.present_share:
        raise RetryableGraspFailure("the object moved during the approach")


def _check_held(context: GraspContext, target: Target, motion: Array) -> None:
    """Check that the jaws are open, the object left its place and depth shows it in the jaws.

    Args:
        context: of the grasp.
        target: where the object was.
        motion: `[4, 4]` of the gripper since it closed, in `base_link`.

    Raises:
        RetryableGraspFailure: one of the three does not hold.
    """
    config = context.planner.config
    if context.opening() < context.planner.robot_model.gripper.empty_opening:
        raise RetryableGraspFailure("the object slipped from the jaws")
    frame, T_map_base = context.robot.capture_frame(), context.robot.base_pose()
    if is_present(frame, target.points, config):
        raise RetryableGraspFailure(
            "the jaws hold something, but the object is still at its place"
        )
    held = transform(T_map_base @ motion @ inverse(T_map_base), target.points)
    if depth_agreement(frame, held, config.position_tolerance) < config.held_share:
        raise RetryableGraspFailure("the camera sees nothing between the jaws")


def is_present(frame: RgbdFrame, points: Array, config: GraspConfig) -> bool:
    """Return whether depth shows an object at its place, and not the support below it.

    Only the upper half of the points counts, within a third of the object's height, so that the
    support does not pass for a flat object.

    Args:
        frame: of the wrist camera.
        points: `[M, 3]` on the object where it stood, in the frame's world, m.
        config: `position_tolerance` and `present_share`.
    """
    low, high = np.percentile(points[:, 2], [2, 98])
    upper = points[points[:, 2] > (low + high) / 2]
    tolerance = min(config.position_tolerance, (high - low) / 3)
    return depth_agreement(frame, upper, tolerance) > config.present_share
