"""The pose chain of M3, Eq. 3: where the camera is now, as the memory sees it.

c0_T_ct = c0_T_e0 e0_T_b0 b0_T_l0 l0_T_w  w_T_lt lt_T_bt bt_T_et et_T_ct

with camera c, end effector e, arm base b, LiDAR l, world w, scan time 0 and query time t. A
memory built by COLMAP lives in another frame and another scale: `align_memory` finds the
similarity that takes the robot's poses to COLMAP's (the factor COLMAP0_T_c0 of the paper).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import inverse, se3, umeyama

Pose = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PoseChain:
    """The four measured links from the world to the camera at one time, each `[4, 4]`.

    Attributes:
        T_world_lidar: LiDAR odometry.
        T_lidar_base: mount of the arm base as the LiDAR sees it.
        T_base_effector: forward kinematics of the arm.
        T_effector_camera: hand-eye calibration.
    """

    T_world_lidar: Pose
    T_lidar_base: Pose
    T_base_effector: Pose
    T_effector_camera: Pose

    @property
    def camtoworld(self) -> Pose:
        """`T_world_camera [4, 4]`, the product of the links."""
        return (
            self.T_world_lidar @ self.T_lidar_base @ self.T_base_effector @ self.T_effector_camera
        )


def composed_transform(scan: PoseChain, now: PoseChain) -> Pose:
    """`T_c0_ct [4, 4]` of Eq. 3: today's camera in the frame of the scan's first camera."""
    return inverse(scan.camtoworld) @ now.camtoworld


def align_memory(
    robot_poses: NDArray[np.float64], memory_poses: NDArray[np.float64]
) -> tuple[Pose, float]:
    """Rigid part `[4, 4]` and scale that take robot coordinates (m) to a memory's own.

    Args:
        robot_poses: camera poses `[n, 4, 4]` from the pose chain, n >= 3, m.
        memory_poses: the same cameras `[n, 4, 4]` in the memory's frame, any scale.

    Raises:
        ValueError: fewer than three poses, or all camera centres on one line.
    """
    similarity = umeyama(robot_poses[:, :3, 3], memory_poses[:, :3, 3])
    scale = float(np.cbrt(np.linalg.det(similarity[:3, :3])))
    return se3(similarity[:3, :3] / scale, similarity[:3, 3]), scale


def to_memory(camtoworld: Pose, T_memory_robot: Pose, scale: float) -> Pose:
    """A robot camera pose `[4, 4]` (m) in the coordinates of an aligned memory."""
    rotation = T_memory_robot[:3, :3] @ camtoworld[:3, :3]
    return se3(
        rotation, scale * T_memory_robot[:3, :3] @ camtoworld[:3, 3] + T_memory_robot[:3, 3]
    )
