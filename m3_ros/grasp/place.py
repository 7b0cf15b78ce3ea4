"""Putting an object back: down to where it stood, open, away from it."""

from __future__ import annotations

from m3_ros.codes import GraspErrorCode
from m3_ros.grasp.attempt import OPENING
from m3_ros.grasp.closing import SLID
from m3_ros.grasp.context import GraspContext, follow_until_contact, onward
from m3_ros.grasp.outcome import GraspError, RetryableGraspFailure
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import TrackingError

LANDING, LANDING_SPEED = 0.02, 0.01  # the last part of the way down, m, and its peak speed, m/s
EARLY = 0.03  # what touches this much above its place, or more, stands on something else, m


def put_back(context: GraspContext, plan: Plan) -> None:
    """Lower what the jaws hold to where it stood, let go of it and back off.

    Args:
        context: of the grasp.
        plan: that lifted it.

    Raises:
        GraspError: it cannot be lowered, and the jaws still hold it; it has slid out of them; or
            they cannot leave it.
        RobotError: the robot could not.
    """
    context.tell("lower", 0.96)
    closed, problem = context.robot.joint_state().gripper, ""
    try:
        _lower(context, plan)
    except (RetryableGraspFailure, TrackingError) as error:
        problem = f"{error}; the jaws still hold the object"
    if context.robot.joint_state().gripper - closed > SLID:
        problem = "the object slid out of the jaws on the way down"
    if problem:
        context.robot.hold()
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, problem)
    context.tell("release", 0.98)
    try:
        _release(context, plan)
    except RetryableGraspFailure as error:
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, f"put back, but {error}") from error


def _lower(context: GraspContext, plan: Plan) -> None:
    """Straight to where the jaws closed, the last part slowly, or until what they hold stands."""
    arm, config = context.planner.arm, context.planner.config
    goal = arm.fk(plan.phases["touch"].positions[-1])[:3, 3]
    for above, speed in ((LANDING, config.approach_speed), (0.0, LANDING_SPEED)):
        way = goal + [0.0, 0.0, above] - context.gripper_pose()[:3, 3]
        motion = onward(context.planner.line, context.robot.joint_state().arm, way, speed)
        if follow_until_contact(context, motion):
            break
    early = float(context.gripper_pose()[2, 3] - goal[2])
    if early > EARLY:
        raise RetryableGraspFailure(
            f"something is in the way {early * 100:.0f} cm above where it stood"
        )


def _release(context: GraspContext, plan: Plan) -> None:
    """Open the jaws, take the fixed one off the object, and back out the way they came."""
    config, grasp = context.planner.config, plan.grasp
    context.robot.move_gripper(-grasp.preopening, *OPENING, context.cancelled)
    for offset, speed in (
        (-grasp.pose[:3, 2] * config.jaw_clearance / 2.0, config.touch_speed),
        (-grasp.approach * config.approach_distance, config.approach_speed),
    ):
        way = onward(context.planner.line, context.robot.joint_state().arm, offset, speed)
        context.robot.execute_trajectory(way, context.cancelled)
