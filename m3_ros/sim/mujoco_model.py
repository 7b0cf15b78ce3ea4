"""The robot in MuJoCo: its frames at joint positions, as a robot's drivers publish them.

The MJCF file holds the same links as the URDF that `m3_ros.robot_model.RobotModel` reads.
"""

from __future__ import annotations

import mujoco
import numpy as np

from m3_ros.geometry import inverse, se3
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

BASE_JOINTS = ("base_x", "base_y", "base_yaw")
"""Joints of the planar base in every robot's MJCF file."""


class MujocoModel:
    """Kinematics of the robot alone, as its URDF has it: what drivers on a robot know.

    Attributes:
        robot: names and limits of its joints and frames.
        model: MuJoCo's model of the robot without surroundings.
        home: joint positions `[A + 1]` with closed jaws.
    """

    def __init__(self, robot: RobotModel) -> None:
        self.robot = robot
        self.model = mujoco.MjModel.from_xml_path(str(robot.mjcf))
        ids = [self.model.joint(name).id for name in robot.joints]
        self._addresses = self.model.jnt_qposadr[ids]
        self.home: Array = np.append(robot.home, robot.gripper.closed_position)

    def link_transforms(self, positions: Array, fixed: bool) -> dict[tuple[str, str], Array]:
        """Return `T_parent_child [4, 4]` by (parent, child) of links below the base.

        Args:
            positions: `[A + 1]` of the joints.
            fixed: the links without a joint (for /tf_static), otherwise those with one (/tf).
        """
        first = self.model.body(self.robot.base_frame).id + 1
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
        """Return `T_base_link [4, 4]` of a link at joint positions `[A + 1]`."""
        poses = self._poses(positions)
        return (
            inverse(poses[self.model.body(self.robot.base_frame).id])
            @ poses[self.model.body(link).id]
        )

    def _poses(self, positions: Array) -> Array:
        data = mujoco.MjData(self.model)  # one a call: several threads ask
        data.qpos[self._addresses] = positions
        mujoco.mj_kinematics(self.model, data)
        return se3(data.xmat.reshape(-1, 3, 3), data.xpos)
