"""Goals of a gripper that may hold something: fold the arm with it, hand it over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from m3_ros.codes import MoveErrorCode
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.context import GraspContext, move_linear
from m3_ros.grasp.free_spot import surface_level
from m3_ros.grasp.holding import is_holding
from m3_ros.grasp.jaws import UP, leave_object, release_object
from m3_ros.grasp.landing import plan_carried
from m3_ros.grasp.outcome import GraspError, RetryableGraspFailure, Target
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.points import MIN_RISE
from m3_ros.grasp.robot import MotionCancelled, Robot, RobotError, never
from m3_ros.grasp.sensing import unobserved, visible_points
from m3_ros.types import Array

Feedback = Callable[[str, float, int], None]


def execute_stow(
    robot: Robot,
    planner: Planner,
    surroundings: Array,
    posture: str = "",
    feedback: Feedback = lambda *_: None,
    cancelled: Callable[[], bool] = never,
) -> tuple[MoveErrorCode, str]:
    """Fold the arm to a named posture, `home` when empty; the jaws keep what they hold.

    Returns:
        The error code, and one sentence for the user.
    """
    context = GraspContext(robot, planner, unlocated, feedback, cancelled)
    return _moved(robot, lambda: _stow(context, surroundings, posture or "home"))


def execute_release(
    robot: Robot,
    planner: Planner,
    feedback: Feedback = lambda *_: None,
    cancelled: Callable[[], bool] = never,
) -> tuple[MoveErrorCode, str]:
    """Open the jaws where they are; the arm does not move.

    Returns:
        The error code, and one sentence for the user.
    """
    context = GraspContext(robot, planner, unlocated, feedback, cancelled)

    def release() -> None:
        context.report("release", 0.5)
        release_object(context)

    return _moved(robot, release)


def _moved(robot: Robot, move: Callable[[], None]) -> tuple[MoveErrorCode, str]:
    try:
        move()
    except (PlanError, GraspError) as error:
        return MoveErrorCode.PLAN_FAILED, str(error)
    except RobotError as error:
        robot.hold()
        cancel = isinstance(error, MotionCancelled)
        code = MoveErrorCode.CANCELLED if cancel else MoveErrorCode.EXECUTION_FAILED
        return code, str(error)
    return MoveErrorCode.NONE, ""


def unlocated() -> Target:
    """`localize` of goals that locate nothing."""
    raise AssertionError("no target is located while something is carried")


def _stow(context: GraspContext, surroundings: Array, name: str) -> None:
    planner, robot, config = context.planner, context.robot, context.planner.config
    postures = planner.robot_model.arm.postures
    if name not in postures:
        known = ", ".join(sorted(postures))
        raise PlanError(f"posture = {name!r}: it must be one of {known}, as in the robot's file")
    held = is_holding(planner, robot.joint_state())
    if not held:
        leave_object(context, surroundings)
    points, _ = scene_points(context, surroundings, None, held)
    scene = Scene(points)
    context.report("stow", 0.5)
    if held and not planner.is_valid(robot.joint_state().arm, scene):
        try:
            move_linear(context, config.lift_height * UP, config.lift_speed)
        except RetryableGraspFailure:
            pass  # out of reach: the posture may be reached all the same
    motion = plan_carried(planner, robot.joint_state().arm, np.array(postures[name]), scene)
    robot.execute_trajectory(motion, context.cancelled)


def scene_points(
    context: GraspContext, surroundings: Array, level: float | None, held: bool
) -> tuple[Array, float | None]:
    """Return points `[N, 3]` of memory and camera in `base_link`, without the held object.

    Args:
        context: of the goal.
        surroundings: `[S, 3]` remembered, in map, m.
        level: of the surface that counts; the largest within reach when None.
        held: points above that surface, `held_reach` about the jaws' tips, are what is held.

    Returns:
        The points, and the level.
    """
    planner, robot, config = context.planner, context.robot, context.planner.config
    frame = robot.capture_frame()
    known = surroundings[unobserved(frame, surroundings, config.max_shift)]
    seen = visible_points(frame, robot, planner.collision, config.robot_padding)
    points = np.concatenate([transform(inverse(robot.base_pose()), known), seen])
    if level is None:
        reached = np.linalg.norm(points - planner.arm.shoulder, axis=1) < planner.arm.reach
        level = surface_level(points[reached])
    if not held or level is None:
        return points, level
    tips = transform(context.gripper_pose(), planner.gripper.tips)
    mine = np.linalg.norm(points - tips, axis=1) < config.held_reach
    return points[~(mine & (points[:, 2] > level + MIN_RISE))], level
