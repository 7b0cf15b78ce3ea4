"""Test whether the world frame is level: memory, queries and grasps take its z axis for up.

A LiDAR odometry's world is level only where the sensor began level, or where the odometry aligns
it with gravity. A robot that stands on level ground shows the difference.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from m3_ros.types import Array


def tilt(T_world_base: Array) -> float:
    """Return the angle between the z axes of a base `[4, 4]` and the world, rad."""
    return float(np.arccos(np.clip(T_world_base[2, 2], -1.0, 1.0)))


def levelling(up: Array) -> Array:
    """Return the rotation `[3, 3]` of the world in a level frame.

    It is the least rotation that turns the base's z axis `up [3]`, in the world, upwards.
    """
    axis = np.cross(up, [0.0, 0.0, 1.0])
    length = np.linalg.norm(axis)
    angle = np.arctan2(length, up[2])
    rotvec = axis / length * angle if length > 1e-9 else np.array([angle, 0.0, 0.0])
    return Rotation.from_rotvec(rotvec).as_matrix()


def recorded_levelling(T_world_base: Array, max_tilt: float) -> Array | None:
    """Return the rotation `[3, 3]` that levels a recorded world; None where none is sure.

    A robot that drives on level ground has its z axis in one direction of the world, whichever
    that is. A base that leans now this way, now that, by more than `max_tilt` from their mean in
    half of the poses, is carried, or the ground is not level.

    Args:
        T_world_base: poses `[K, 4, 4]` of the base.
        max_tilt: largest tilt of a base that stands on level ground, rad.
    """
    ups = T_world_base[:, :3, 2]
    mean = ups.mean(axis=0)
    length = np.linalg.norm(mean)
    if not length:
        return None
    steady = ups @ (mean / length) >= np.cos(max_tilt)
    return levelling(mean / length) if 2 * steady.sum() > len(ups) else None


def level_problem(
    T_world_base: Array, world_frame: str, base_frame: str, max_tilt: float
) -> str | None:
    """Return what is wrong, and the static transform that helps; None for a level world.

    Args:
        T_world_base: pose `[4, 4]` of the base that stands on level ground.
        world_frame: name of the world.
        base_frame: name of the base.
        max_tilt: largest tilt of the base, rad.
    """
    angle = tilt(T_world_base)
    if angle <= max_tilt:
        return None
    rotation = Rotation.from_matrix(levelling(T_world_base[:3, 2]))
    roll, pitch, yaw = rotation.as_euler("xyz")
    level = "map_level" if world_frame == "map" else "map"
    return (
        f"{world_frame} is not level: {base_frame} leans by {np.degrees(angle):.1f} degrees in "
        f"it, more than scan.max_tilt = {np.degrees(max_tilt):.1f}; if it stands level, run "
        f"`ros2 run tf2_ros static_transform_publisher --roll {roll:.4f} --pitch {pitch:.4f} "
        f"--yaw {yaw:.4f} --frame-id {level} --child-frame-id {world_frame}` and set "
        f"robot.world_frame: {level}"
    )
