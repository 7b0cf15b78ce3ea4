"""The pose chain of M3, Eq. 3: the present camera in the frame of the memory.

c0_T_ct = c0_T_e0 e0_T_b0 b0_T_l0 l0_T_w  w_T_lt lt_T_bt bt_T_et et_T_ct

with camera c, end effector e, arm base b, LiDAR l, world w, scan time 0 and query time t. The
factor COLMAP0_T_c0 of the paper, for a memory in COLMAP's coordinates, is applied once to the
memory itself, see `m3_ros.memory.registration`.
"""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.geometry import inverse
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class PoseChain:
    """The four measured links from the world to the camera at one time, each `[4, 4]`.

    Attributes:
        T_world_lidar: LiDAR odometry.
        T_lidar_base: mount of the arm base as the LiDAR sees it.
        T_base_effector: forward kinematics of the arm.
        T_effector_camera: hand-eye calibration.
    """

    T_world_lidar: Array
    T_lidar_base: Array
    T_base_effector: Array
    T_effector_camera: Array

    @property
    def camtoworld(self) -> Array:
        """`T_world_camera [4, 4]`, the product of the links."""
        return (
            self.T_world_lidar @ self.T_lidar_base @ self.T_base_effector @ self.T_effector_camera
        )


def composed_transform(scan: PoseChain, now: PoseChain) -> Array:
    """Return `T_c0_ct [4, 4]` of Eq. 3: the present camera in the frame of the scan's camera."""
    return inverse(scan.camtoworld) @ now.camtoworld
