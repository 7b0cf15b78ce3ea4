"""Base placement: a base pose from which the arm can grasp what is out of reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from m3_ros.geometry import inverse, planar_pose, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.robot_file import BaseConfig
from m3_ros.types import Array

REACH_SHARES = (0.55, 0.63, 0.475)
"""Horizontal distance from shoulder to object, as shares of the reach to the wrist, best first:
about half, so that the elbow is bent and the lift stays within reach."""
BEARINGS = (0.0, 15.0, -15.0, 30.0, -30.0)
"""Direction of the object from straight ahead, degrees, in steps of a candidate's yaw."""
TURNS = (0.0, 15.0, -15.0, 30.0, -30.0, 60.0, -60.0, 90.0, -90.0)
"""Turns of the base, degrees, in the same steps; up to 90, as a table has four sides."""
BASE_CLEARANCE = 0.01
"""Space between footprint and obstacles, m: more than the base controller's tolerance of 6
mm."""
MAX_PLANS = 12
"""Collision-free base poses for which a grasp is planned, nearest first."""
TURN_RADIUS = 0.5
"""Weight of a turn against a distance, m/rad: half the length of the base, by which its ends
move."""


def place_base(
    planner: Planner, T_map_base: Array, object_points: Array, scene_points: Array
) -> Array:
    """Return the nearest base pose from which the object can be grasped.

    For each pose the base must be free of collision and a grasp is planned.

    Args:
        planner: of the arm.
        T_map_base: current pose `[4, 4]`.
        object_points: `[M, 3]` in map.
        scene_points: `[S, 3]` in map, without the object.

    Returns:
        `T_map_base [4, 4]` to drive to.

    Raises:
        PlanError: there is no such pose nearby.
    """
    center = object_points.mean(0)
    poses = sorted(_poses(planner, T_map_base, center), key=lambda T: _cost(T_map_base, T))
    obstacles = np.concatenate([object_points, scene_points])
    free = (T for T in poses if _is_free(planner.robot_model.base, T, obstacles))
    for _, T in zip(range(MAX_PLANS), free, strict=False):
        own = transform(inverse(T), object_points)
        others = transform(inverse(T), scene_points)
        azimuth = float(np.arctan2(*(own.mean(0) - planner.arm.shoulder)[[1, 0]]))
        found = grasp_candidates(
            planner.gripper, own, others, planner.config, azimuth, limit=12,
            check=planner.check_cancelled,
        )  # fmt: skip
        try:
            planner.plan_grasp(
                planner.robot_model.scan, found.grasps, Scene(np.concatenate([own, others])), own
            )
        except PlanError:
            continue
        return T
    raise PlanError("no base pose nearby from which the arm can grasp the object")


def describe_move(T_map_base: Array, goal: Array) -> str:
    """Return how the base must move, for the user."""
    T = inverse(T_map_base) @ goal
    yaw = np.degrees(np.arctan2(T[1, 0], T[0, 0]))
    return f"{T[0, 3]:+.2f} m forward, {T[1, 3]:+.2f} m left, {yaw:+.0f} degrees"


def _poses(planner: Planner, T_map_base: Array, center: Array) -> Iterator[Array]:
    heading = np.arctan2(T_map_base[1, 0], T_map_base[0, 0])
    arm_x = planner.arm.shoulder[0]
    for turn in np.radians(TURNS):
        yaw = heading + turn
        nose = np.array([np.cos(yaw), np.sin(yaw)])
        for reach in planner.arm.reach * np.array(REACH_SHARES):
            for bearing in yaw + np.radians(BEARINGS):
                arm = center[:2] - reach * np.array([np.cos(bearing), np.sin(bearing)])
                x, y = arm - arm_x * nose
                yield planar_pose(x, y, yaw, T_map_base[2, 3])


def _cost(T_map_base: Array, goal: Array) -> float:
    """Return the distance to a goal pose in m, a turn weighted by `TURN_RADIUS`."""
    T = inverse(T_map_base) @ goal
    return float(np.hypot(T[0, 3], T[1, 3]) + TURN_RADIUS * abs(np.arctan2(T[1, 0], T[0, 0])))


def _is_free(base: BaseConfig, T_map_base: Array, points: Array) -> bool:
    local = transform(inverse(T_map_base), points)
    (x0, x1), (y0, y1) = np.array(base.footprint) + [[-BASE_CLEARANCE, BASE_CLEARANCE]]
    inside = (local[:, 0] > x0) & (local[:, 0] < x1) & (local[:, 1] > y0) & (local[:, 1] < y1)
    low, high = base.body_heights
    return not (inside & (local[:, 2] > low) & (local[:, 2] < high)).any()
