"""Put down what the gripper holds, at a point or on a free spot of a surface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from m3_ros.codes import PlaceErrorCode
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.carry import Feedback, scene_points, unlocated
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.context import GraspContext
from m3_ros.grasp.free_spot import free_spots, is_clear, surface_level
from m3_ros.grasp.holding import empty_message, is_holding
from m3_ros.grasp.jaws import UP, wider_opening
from m3_ros.grasp.landing import Landing, plan_landing
from m3_ros.grasp.place import PlaceFailure, put_down
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.grasp.points import MIN_RISE
from m3_ros.grasp.robot import MotionCancelled, Robot, RobotError, never
from m3_ros.grasp.sensing import visible_points
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class PlaceOutcome:
    """Result of putting something down.

    Attributes:
        error_code: NONE when it stands and the jaws are open.
        error_msg: one sentence for the user, empty with NONE.
        spot: `[3]` on which it stands, in map, m; None if it was not put down.
    """

    error_code: PlaceErrorCode
    error_msg: str = ""
    spot: Array | None = None


class _PlaceError(RuntimeError):
    def __init__(self, code: PlaceErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def execute_place(
    robot: Robot,
    planner: Planner,
    surroundings: Array,
    target: Array | None = None,
    surface: Array | None = None,
    heading: float | None = None,
    feedback: Feedback = lambda *_: None,
    cancelled: Callable[[], bool] = never,
) -> PlaceOutcome:
    """Put down what the gripper holds, in the orientation in which it is held.

    Args:
        robot: whose gripper holds something.
        planner: of its arm.
        surroundings: `[S, 3]` points of the remembered scene, in map, m; may be empty.
        target: `[3]` on which it is to stand, in map, m; a free spot when None.
        surface: `[N, 3]` points of the surface of that spot, in map, m; when None the largest
            level surface within reach.
        heading: angle about the vertical in map of the direction in which the jaws close, rad;
            any when None.
        feedback: called with stage, progress in [0, 1] and 0.
        cancelled: returns true when the robot must stop.
    """
    context = GraspContext(robot, planner, unlocated, feedback, cancelled)
    try:
        spot = _place(context, surroundings, target, surface, heading)
        return PlaceOutcome(PlaceErrorCode.NONE, "", transform(robot.base_pose(), spot))
    except _PlaceError as error:
        return PlaceOutcome(error.code, str(error))
    except PlaceFailure as error:
        return PlaceOutcome(PlaceErrorCode.EXECUTION_FAILED, str(error))
    except RobotError as error:
        robot.hold()
        cancel = isinstance(error, MotionCancelled)
        code = PlaceErrorCode.CANCELLED if cancel else PlaceErrorCode.EXECUTION_FAILED
        return PlaceOutcome(code, str(error))


def _place(
    context: GraspContext,
    surroundings: Array,
    target: Array | None,
    surface: Array | None,
    heading: float | None,
) -> Array:
    """Return the spot `[3]` in `base_link` on which the object was put down."""
    planner, robot, config = context.planner, context.robot, context.planner.config
    if not is_holding(planner, joints := robot.joint_state()):
        raise _PlaceError(PlaceErrorCode.NOTHING_HELD, empty_message(planner, joints))
    context.report("observe", 0.1)
    points, spots = _spots(context, surroundings, target, surface)
    context.report("plan", 0.2)
    opening = wider_opening(context)
    if heading is not None:
        x, y, _ = inverse(robot.base_pose())[:3, :3] @ [np.cos(heading), np.sin(heading), 0.0]
        heading = float(np.arctan2(y, x))
    scene = Scene(points)
    try:
        landing = plan_landing(planner, robot.joint_state(), spots, scene, opening, heading)
    except PlanError as error:
        unreachable, failed = PlaceErrorCode.UNREACHABLE, PlaceErrorCode.PLAN_FAILED
        message = f"{error}; the jaws still hold the object"
        raise _PlaceError(unreachable if error.unreachable else failed, message) from error
    context.report("move", 0.4)
    robot.execute_trajectory(landing.motion, context.cancelled)
    way = [(position, config.touch_speed) for position in landing.way]
    put_down(context, way, config.held_reach, opening, UP)
    context.report("check", 0.99)
    _check_stands(context, landing)
    return landing.spot


def _spots(
    context: GraspContext, surroundings: Array, target: Array | None, surface: Array | None
) -> tuple[Array, Array]:
    """Return the scene `[N, 3]` and spots `[K, 3]` to put the object on, in `base_link`."""
    config = context.planner.config
    T_base_map = inverse(context.robot.base_pose())
    if target is not None:
        spot = transform(T_base_map, target)
        points, _ = scene_points(context, surroundings, float(spot[2]), True)
        if not is_clear(points, spot, config.free_radius / 2.0):
            raise _PlaceError(PlaceErrorCode.NO_SPACE, "something stands at the target")
        return points, spot[None]
    only = None if surface is None else transform(T_base_map, surface)
    level = None if only is None else surface_level(only)
    points, level = scene_points(context, surroundings, level, True)
    if level is None:
        raise _PlaceError(
            PlaceErrorCode.NO_SPACE,
            "no level surface is known within reach: turn the camera to it, or load its memory",
        )
    here = context.gripper_pose()[:2, 3]
    ground = points if only is None else points[_within(points, only)]
    spots = free_spots(ground, level, config.free_radius, here)
    if len(spots) == 0:
        raise _PlaceError(
            PlaceErrorCode.NO_SPACE,
            f"no spot of the surface is free within {config.free_radius:.2f} m, grasp.free_radius",
        )
    return points, spots


def _within(points: Array, surface: Array) -> np.ndarray:
    """Return which of points `[N, 3]` lie over the box around a surface, seen from above."""
    low, high = surface[:, :2].min(0), surface[:, :2].max(0)
    return ((points[:, :2] >= low) & (points[:, :2] <= high)).all(1)


def _check_stands(context: GraspContext, landing: Landing) -> None:
    """Check that depth shows something on the spot, where it shows the spot.

    Raises:
        PlaceFailure: it shows the bare surface.
    """
    planner, config = context.planner, context.planner.config
    points = visible_points(
        context.robot.capture_frame(), context.robot, planner.collision, config.robot_padding
    )
    near = points[np.linalg.norm(points[:, :2] - landing.spot[:2], axis=1) < config.free_radius]
    if len(near) and not (near[:, 2] > landing.spot[2] + MIN_RISE).any():
        raise PlaceFailure("the jaws are open, but nothing is seen to stand where they let go")
