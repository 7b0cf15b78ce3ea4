"""Put an object back: lower it to where it stood, open the jaws, retreat."""

from __future__ import annotations

from m3_ros.codes import GraspErrorCode
from m3_ros.grasp.context import GraspContext, follow_until_contact, move_linear, plan_linear
from m3_ros.grasp.outcome import GraspError, RetryableGraspFailure
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import TrackingError


def put_back(context: GraspContext, plan: Plan) -> None:
    """Lower the held object to where it stood, open the jaws and retreat.

    Args:
        context: of the grasp.
        plan: that lifted it.

    Raises:
        GraspError: the object cannot be lowered and is still held, has slipped from the jaws, or
            was placed but the jaws cannot retreat.
        RobotError: a motion failed.
    """
    context.report("lower", 0.96)
    closed, problem = context.opening(), ""
    try:
        problem = _lower(context, plan)
    except (RetryableGraspFailure, TrackingError) as error:
        problem = str(error)
    if closed - context.opening() > context.planner.robot_model.gripper.max_slip:
        problem = "the object slipped from the jaws while it was lowered"
    elif problem:
        problem += "; the jaws still hold the object"
    if problem:
        context.robot.hold()
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, problem)
    context.report("release", 0.98)
    try:
        _release(context, plan)
    except RetryableGraspFailure as error:
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, f"put back, but {error}") from error


def _lower(context: GraspContext, plan: Plan) -> str:
    """Move straight to where the jaws closed, slowly at the end, or until a contact.

    Returns:
        What is in the way, or "" when the object stands at its place.
    """
    arm, config = context.planner.arm, context.planner.config
    goal = arm.fk(plan.phases["touch"].positions[-1])[:3, 3]
    for above, speed in (
        (config.landing_distance, config.approach_speed),
        (0.0, config.landing_speed),
    ):
        offset = goal + [0.0, 0.0, above] - context.gripper_pose()[:3, 3]
        if follow_until_contact(context, plan_linear(context, offset, speed)):
            break
    height = float(context.gripper_pose()[2, 3] - goal[2])
    if height > config.obstacle_height:
        return f"something is in the way {height * 100:.0f} cm above where it stood"
    return ""


def _release(context: GraspContext, plan: Plan) -> None:
    """Open the jaws, move the fixed one off the object, and retreat against the approach."""
    config, grasp = context.planner.config, plan.grasp
    context.move_jaws(grasp.pregrasp_aperture)
    aside = -context.planner.touch_offset(grasp) / 2.0
    move_linear(context, aside, config.touch_speed)
    move_linear(context, -grasp.approach * config.approach_distance, config.approach_speed)
