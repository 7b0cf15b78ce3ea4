"""Open the jaws: checked, only when they may let go, and away from what is between them."""

from __future__ import annotations

import numpy as np

from m3_ros.codes import GraspErrorCode
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.context import GraspContext, move_linear, plan_linear
from m3_ros.grasp.holding import holding_message, is_holding
from m3_ros.grasp.outcome import GraspError, RetryableGraspFailure
from m3_ros.grasp.points import thin
from m3_ros.grasp.robot import RobotError
from m3_ros.grasp.sensing import visible_points
from m3_ros.types import Array

VOXEL = 0.005  # of the points between the jaws that are counted, m
MIN_VOXELS = 4
"""Fewer such voxels between the jaws are noise: 1 cm^2, the smallest face that pads can hold."""
UP = np.array([0.0, 0.0, 1.0])


def open_jaws(context: GraspContext, opening: float) -> None:
    """Open the jaws to `opening`, then rise by `approach_distance` if that is within reach."""
    context.move_jaws(opening)
    config = context.planner.config
    try:
        rise = plan_linear(context, config.approach_distance * UP, config.approach_speed)
    except RetryableGraspFailure:
        return
    context.robot.execute_trajectory(rise, context.cancelled)


def open_surely(context: GraspContext, opening: float) -> None:
    """Open the jaws to `opening` and check that they are open.

    Raises:
        RobotError: they are not within `opening_step` of it.
    """
    context.move_jaws(opening)
    gripper, reached = context.planner.robot_model.gripper, context.opening()
    if reached < opening - gripper.opening_step:
        unit = gripper.units[0]
        raise RobotError(
            f"the jaws did not open: {gripper.joint} is {reached:.3f} {unit} open, "
            f"{opening:.3f} {unit} was commanded; check that {gripper.controller.name} is active "
            "and that nothing blocks the jaws"
        )


def wider_opening(context: GraspContext) -> float:
    """Return an opening with `jaw_clearance` to both sides of what is between the jaws."""
    planner = context.planner
    wider = planner.gripper.opening_for(2.0 * planner.config.jaw_clearance)
    return min(context.opening() + wider, planner.robot_model.gripper.max_opening)


def release_object(context: GraspContext) -> None:
    """Open the jaws where they are, to `wider_opening`.

    Raises:
        RobotError: they do not open.
    """
    open_surely(context, wider_opening(context))


def empty_jaws(context: GraspContext, release: bool) -> None:
    """Release what the gripper holds.

    Raises:
        GraspError: it holds something, and `release` is false.
        RobotError: the jaws do not open.
    """
    joints = context.robot.joint_state()
    if is_holding(context.planner, joints):
        if not release:
            message = holding_message(context.planner, joints) + ", or set release_first"
            raise GraspError(GraspErrorCode.HOLDING, message)
        context.report("release", 0.0)
        release_object(context)


def retreat(context: GraspContext, away: Array) -> None:
    """Move the fixed jaw off the object, then the gripper by `approach_distance`.

    Args:
        context: with open jaws around an object.
        away: unit direction `[3]` in `base_link`.

    Raises:
        RetryableGraspFailure: the way leaves the arm's reach.
    """
    planner, config = context.planner, context.planner.config
    aside = -planner.gripper.touch_distance(config.jaw_clearance) / 2.0
    move_linear(context, aside * context.gripper_pose()[:3, 2], config.touch_speed)
    move_linear(context, away * config.approach_distance, config.approach_speed)


def leave_object(context: GraspContext, surroundings: Array) -> None:
    """Open and raise jaws that stand around an object, as after a cancel while they closed.

    Args:
        context: of a goal whose gripper holds nothing.
        surroundings: `[S, 3]` remembered points, in map, m.

    Raises:
        GraspError: the jaws cannot rise from here.
        RobotError: the jaws do not open, or a motion failed.
    """
    if not is_between(context, surroundings):
        return
    context.report("leave the object", 0.05)
    release_object(context)
    try:
        retreat(context, UP)
    except RetryableGraspFailure as error:
        raise GraspError(
            GraspErrorCode.PLAN_FAILED,
            f"an object is between the open jaws, and the gripper cannot rise from it: {error}; "
            "take the object away, or move the arm off it",
        ) from error


def is_between(context: GraspContext, surroundings: Array) -> bool:
    """Return whether depth or memory shows something between the jaws."""
    planner, robot, opening = context.planner, context.robot, context.opening()
    gripper = planner.robot_model.gripper
    if opening < gripper.empty_opening:
        return False
    seen = visible_points(
        robot.capture_frame(), robot, planner.collision, planner.config.scene_clearance
    )
    points = np.concatenate([seen, transform(inverse(robot.base_pose()), surroundings)])
    local = transform(inverse(context.gripper_pose()), points)
    near = np.linalg.norm(local - planner.gripper.tips, axis=1) < planner.gripper.finger_length
    local = thin(local[near], VOXEL, len(local))
    contacts = np.array([planner.gripper.contact_opening(point[None]) for point in local])
    return int(((contacts > gripper.empty_opening) & (contacts <= opening)).sum()) >= MIN_VOXELS
