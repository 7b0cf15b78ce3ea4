"""Put a held object down: where it stood, at a point, or on a free spot of a surface."""

from __future__ import annotations

from collections.abc import Sequence

from m3_ros.codes import GraspErrorCode
from m3_ros.errors import M3Error
from m3_ros.grasp.context import GraspContext, follow_until_contact, plan_linear
from m3_ros.grasp.jaws import open_surely, retreat
from m3_ros.grasp.outcome import GraspError, RetryableGraspFailure
from m3_ros.grasp.planning import Plan
from m3_ros.grasp.robot import TrackingError
from m3_ros.types import Array


class PlaceFailure(M3Error, RuntimeError):
    """The object was not put down, or not seen to stand; the message says where it is."""


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
    config, grasp = context.planner.config, plan.grasp
    goal = context.planner.arm.fk(plan.phases["touch"].positions[-1])[:3, 3]
    way = (
        (goal + [0.0, 0.0, config.landing_distance], config.approach_speed),
        (goal, config.landing_speed),
    )
    try:
        put_down(context, way, config.obstacle_height, grasp.pregrasp_aperture, -grasp.approach)
    except PlaceFailure as error:
        raise GraspError(GraspErrorCode.EXECUTION_FAILED, str(error)) from error


def put_down(
    context: GraspContext,
    way: Sequence[tuple[Array, float]],
    tolerance: float,
    opening: float,
    away: Array,
) -> None:
    """Lower the held object along a way or until a contact, open the jaws and retreat.

    Args:
        context: with the object in the jaws.
        way: positions `[3]` of the tool in `base_link`, and the peak speed to each, m/s.
        tolerance: a contact higher than this above the last position is an obstacle, m.
        opening: of the jaws that let go of it.
        away: unit direction `[3]` of the retreat, in `base_link`.

    Raises:
        PlaceFailure: the object cannot be lowered and is still held, has slipped from the jaws,
            or was placed but the jaws cannot retreat.
        RobotError: a motion failed.
    """
    context.report("lower", 0.96)
    closed = context.opening()
    try:
        problem = _lower(context, way, tolerance)
    except (RetryableGraspFailure, TrackingError) as error:
        problem = str(error)
    if closed - context.opening() > context.planner.robot_model.gripper.max_slip:
        problem = "the object slipped from the jaws while it was lowered"
    elif problem:
        problem += "; the jaws still hold the object"
    if problem:
        context.robot.hold()
        raise PlaceFailure(problem)
    context.report("release", 0.98)
    open_surely(context, opening)
    try:
        retreat(context, away)
    except RetryableGraspFailure as error:
        raise PlaceFailure(f"put down, but {error}") from error


def _lower(context: GraspContext, way: Sequence[tuple[Array, float]], tolerance: float) -> str:
    """Move straight along `way` or until a contact.

    Returns:
        What is in the way, or "" when the object stands.
    """
    for goal, speed in way:
        offset = goal - context.gripper_pose()[:3, 3]
        if follow_until_contact(context, plan_linear(context, offset, speed)):
            break
    last, _ = way[-1]
    height = float(context.gripper_pose()[2, 3] - last[2])
    if height > tolerance:
        return f"something is in the way {height * 100:.0f} cm above where it is to stand"
    return ""
