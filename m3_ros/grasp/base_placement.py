"""Where the base should stand when the arm cannot reach from here."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from m3_ros.geometry import inverse, planar_pose, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.planning import PlanError, Planner
from m3_ros.robot_file import BaseConfig
from m3_ros.types import Array

REACHES = (0.38, 0.44, 0.33)  # arm base to object, horizontally, best first, m
BEARINGS = (0.0, 15.0, -15.0, 30.0, -30.0)  # object off the robot's nose, degrees
TURNS = (0.0, 15.0, -15.0, 30.0, -30.0, 60.0, -60.0, 90.0, -90.0)  # of the base, degrees
CLEARANCE = 0.01  # m
TRIES = 12


def place_base(
    planner: Planner, T_map_base: Array, object_points: Array, scene_points: Array
) -> Array:
    """The nearest pose of the base from which the object can be grasped.

    Every pose is tried in full: the robot's body keeps off the scene and a grasp is planned.

    Args:
        planner: of the arm.
        T_map_base: present pose `[4, 4]`.
        object_points: `[M, 3]` in map.
        scene_points: `[S, 3]` in map, without the object.

    Returns:
        `T_map_base [4, 4]` to drive to.

    Raises:
        PlanError: no pose nearby serves.
    """
    center = object_points.mean(0)
    poses = sorted(_poses(planner, T_map_base, center), key=lambda T: _effort(T_map_base, T))
    obstacles = np.concatenate([object_points, scene_points])
    free = (T for T in poses if _stands_free(planner.robot_model.base, T, obstacles))
    for _, T in zip(range(TRIES), free, strict=False):
        own = transform(inverse(T), object_points)
        others = transform(inverse(T), scene_points)
        azimuth = float(np.arctan2(*(own.mean(0) - planner.arm.shoulder)[[1, 0]]))
        found = grasp_candidates(planner.gripper, own, others, planner.config, azimuth, limit=12)
        try:
            planner.grasp(
                planner.robot_model.scan, found.grasps, Scene(np.concatenate([own, others])), own
            )
        except PlanError:
            continue
        return T
    raise PlanError("no place of the base nearby from which the arm could grasp it")


def describe_move(T_map_base: Array, goal: Array) -> str:
    """How far and which way the base must go, for a person."""
    T = inverse(T_map_base) @ goal
    yaw = np.degrees(np.arctan2(T[1, 0], T[0, 0]))
    return f"{T[0, 3]:+.2f} m forward, {T[1, 3]:+.2f} m left, {yaw:+.0f} degrees"


def _poses(planner: Planner, T_map_base: Array, center: Array) -> Iterator[Array]:
    heading = np.arctan2(T_map_base[1, 0], T_map_base[0, 0])
    arm_x = planner.arm.shoulder[0]
    for turn in np.radians(TURNS):
        yaw = heading + turn
        nose = np.array([np.cos(yaw), np.sin(yaw)])
        for reach in REACHES:
            for bearing in yaw + np.radians(BEARINGS):
                arm = center[:2] - reach * np.array([np.cos(bearing), np.sin(bearing)])
                x, y = arm - arm_x * nose
                yield planar_pose(x, y, yaw, T_map_base[2, 3])


def _effort(T_map_base: Array, goal: Array) -> float:
    """Distance in m, a radian counted as half a metre."""
    T = inverse(T_map_base) @ goal
    return float(np.hypot(T[0, 3], T[1, 3]) + 0.5 * abs(np.arctan2(T[1, 0], T[0, 0])))


def _stands_free(base: BaseConfig, T_map_base: Array, points: Array) -> bool:
    local = transform(inverse(T_map_base), points)
    (x0, x1), (y0, y1) = np.array(base.footprint) + [[-CLEARANCE, CLEARANCE]]
    inside = (local[:, 0] > x0) & (local[:, 0] < x1) & (local[:, 1] > y0) & (local[:, 1] < y1)
    low, high = base.body_heights
    return not (inside & (local[:, 2] > low) & (local[:, 2] < high)).any()
