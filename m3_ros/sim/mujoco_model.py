"""The robot of mjcf/b1_z1.xml: joints, limits, gains, and its frames as a robot publishes them."""

from __future__ import annotations

import mujoco
import numpy as np

from m3_ros.geometry import inverse, se3
from m3_ros.grasp.robot import ARM_JOINTS, GRIPPER_JOINT
from m3_ros.resources import resource
from m3_ros.types import Array

JOINTS = (*ARM_JOINTS, GRIPPER_JOINT)
BASE_JOINTS = ("base_x", "base_y", "base_yaw")
MAX_JOINT_VELOCITY = 3.1415  # of every joint, rad/s
BASE_HEIGHT = 0.58  # of base_link above the floor, m
BASE_FRAME = "base_link"
CAMERA_FRAME = "camera_color_optical_frame"


class MujocoModel:
    """Kinematics of the robot alone, as its URDF has it: what drivers on a robot know."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_path(str(resource("mjcf/b1_z1.xml")))
        ids = [self.model.joint(name).id for name in JOINTS]
        self._addresses = self.model.jnt_qposadr[ids]
        self.limits: Array = self.model.jnt_range[ids].copy()
        """Lower and upper limit `[7, 2]` of joint1 .. joint6, jointGripper in rad."""
        self.home: Array = self.model.key("home").qpos[self._addresses].copy()
        """Home posture `[7]` in rad."""

    def link_transforms(self, positions: Array, fixed: bool) -> dict[tuple[str, str], Array]:
        """`T_parent_child [4, 4]` by (parent, child) of links below base_link.

        Args:
            positions: `[7]` rad of joint1 .. joint6, jointGripper.
            fixed: the links without a joint (for /tf_static), otherwise those with one (/tf).
        """
        first = self.model.body(BASE_FRAME).id + 1
        bodies = np.arange(first, self.model.nbody)
        bodies = bodies[(self.model.body_jntnum[bodies] == 0) == fixed]
        parents = self.model.body_parentid[bodies]
        poses = self._poses(positions)
        names = (
            (self.model.body(i).name, self.model.body(j).name)
            for i, j in zip(parents, bodies, strict=True)
        )
        return dict(zip(names, inverse(poses[parents]) @ poses[bodies], strict=True))

    def base_to(self, link: str, positions: Array) -> Array:
        """`T_base_link [4, 4]` of a link at joint positions `[7]` rad."""
        poses = self._poses(positions)
        return inverse(poses[self.model.body(BASE_FRAME).id]) @ poses[self.model.body(link).id]

    def _poses(self, positions: Array) -> Array:
        data = mujoco.MjData(self.model)  # one a call: several threads ask
        data.qpos[self._addresses] = positions
        mujoco.mj_kinematics(self.model, data)
        return se3(data.xmat.reshape(-1, 3, 3), data.xpos)
