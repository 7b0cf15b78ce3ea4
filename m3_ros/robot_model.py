"""The robot: names and numbers from its file `config/robots/*.yaml` and from its URDF.

Nothing else in the package names a joint, a link or a controller, or holds a robot's number. The
URDF holds joint limits, axes and link transforms; the file holds what a URDF cannot. The frames of
base and camera, which users rename, are settings (`RobotConfig`). The physics engine's model of
the same robot is `m3_ros.sim.mujoco_model.MujocoModel`.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pinocchio as pin

from m3_ros.config import RobotConfig
from m3_ros.resources import resource
from m3_ros.robot_file import RobotFile
from m3_ros.settings import ConfigError, read_settings
from m3_ros.types import Array


class RobotModel:
    """A robot: its file, and joints and frames of its URDF.

    Joint vectors hold the arm's joints in the order of the file, then the gripper's.

    Args:
        content: of the robot's file.
        path: of that file; relative paths in it are looked up beside it, then in the package.
        names: frames of base and camera.

    Attributes:
        arm, gripper, base: parts of the file.
        base_frame, arm_base_frame, wrist_frame, tool_frame, camera_frame, lidar_frame: links; the
            arm's base is the parent of its first joint, the wrist the child of its last.
        home, scan: named postures `[A]` in rad.
        lower, upper: limits `[A + 1]` of the joints in rad, a sliding gripper's in m.
        max_velocity, max_effort: limits `[A + 1]` of the joints.
        urdf: path.
        kinematics: Pinocchio's model; `indices [A + 1]` are the joints' places in its
            configuration, `velocity_indices` in its velocity.

    Raises:
        ConfigError: file and URDF disagree.
    """

    def __init__(self, content: RobotFile, path: Path, names: RobotConfig) -> None:
        self._content, self._path = content, path
        self.arm, self.gripper, self.base = content.arm, content.gripper, content.base
        self.base_frame, self.camera_frame = names.base_frame, names.camera_frame
        self.tool_frame = content.arm.tool_frame
        self.lidar_frame = content.lidar_frame or self.base_frame
        self.home, self.scan = (np.array(self.arm.postures[name]) for name in ("home", "scan"))
        self.urdf = self._file("urdf")
        try:
            self.kinematics = model = pin.buildModelFromUrdf(str(self.urdf), True)  # with mimics
        except ValueError as error:
            raise ConfigError(f"{path}: urdf = {str(self.urdf)!r}: it is not a URDF") from error
        joints = [self._joint(name) for name in self.joints]
        self.indices = np.array([joint.idx_q for joint in joints])
        self.velocity_indices = np.array([joint.idx_v for joint in joints])
        if model.nq != len(set(self.indices)) or model.nq != len(joints):
            raise ConfigError(
                f"{path}: {self.urdf} moves {', '.join(model.names[1:])}; these must be "
                f"joints of arm and gripper, {', '.join(self.joints)}, or mimic one of them"
            )
        self.lower, self.upper = (
            limit[self.indices] for limit in (model.lowerPositionLimit, model.upperPositionLimit)
        )
        self.max_velocity, self.max_effort = (
            limit[self.velocity_indices] for limit in (model.velocityLimit, model.effortLimit)
        )
        self.arm_base_frame, self.wrist_frame = self._ends()
        frames = (self.base_frame, self.tool_frame, self.camera_frame, self.lidar_frame)
        for name in (*frames, *self.gripper.links):
            self.frame_index(name)
        base = model.frames[self.frame_index(self.base_frame)]
        if base.parentJoint != 0 or not base.placement.isIdentity(1e-9):
            raise ConfigError(
                f"robot.base_frame = {self.base_frame!r}: it must be the root link of {self.urdf}"
            )
        low, high = sorted(self.gripper.position(o) for o in (0.0, self.gripper.max_opening))
        if low < self.lower[-1] - 1e-6 or high > self.upper[-1] + 1e-6:
            raise ConfigError(
                f"{path}: gripper.max_opening = {self.gripper.max_opening}: "
                f"{self.gripper.joint} cannot move through {low:.4f} .. {high:.4f}"
            )

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the arm's joints, then the gripper's."""
        return (*self.arm.joints, self.gripper.joint)

    @property
    def controllers(self) -> Path:
        """Path of the ROS parameters of the robot's controllers."""
        return self._file("controllers")

    @property
    def mjcf(self) -> Path:
        """Path of the robot's MJCF model."""
        return self._file("mjcf")

    @property
    def mjcf_scene(self) -> Path:
        """Path of the MJCF scene that includes the robot."""
        return self._file("mjcf_scene")

    @property
    def gripper_pivot(self) -> float:
        """x of the gripper joint's axis in the tool frame, m.

        Raises:
            ConfigError: the axis is not along the tool's y with z = 0.
        """
        model = self.kinematics
        joint = model.getJointId(self.gripper.joint)
        tool = model.frames[self.frame_index(self.tool_frame)].placement
        T = tool.actInv(model.jointPlacements[joint])
        name = model.joints[joint].shortname()
        if (
            name != "JointModelRY"
            or np.abs(T.translation[2]) > 1e-6
            or T.rotation[1, 1] < 1 - 1e-9
        ):
            raise ConfigError(
                f"{self._path}: gripper.joint = {self.gripper.joint!r}: a pivoting jaw's axis "
                f"must be the y axis of {self.tool_frame}, at z = 0"
            )
        return float(T.translation[0])

    def frame_index(self, name: str) -> int:
        """Return Pinocchio's index of a frame.

        Raises:
            ConfigError: the URDF has no frame of that name.
        """
        if not self.kinematics.existFrame(name):
            raise ConfigError(f"{self._path}: frame {name!r} is not in {self.urdf}")
        return self.kinematics.getFrameId(name)

    def configuration(self, q: Array) -> Array:
        """Return Pinocchio's configuration of joint positions.

        Args:
            q: `[A]` rad, with the gripper closed, or `[A + 1]`.
        """
        q = np.asarray(q, np.float64)
        full = np.empty(len(self.indices))
        full[self.indices[: len(q)]] = q
        if len(q) < len(full):
            full[self.indices[-1]] = self.gripper.closed_position
        return full

    def _file(self, field: str) -> Path:
        """Return the path that a field of the robot's file names.

        Raises:
            ConfigError: it is empty, or there is no such file.
        """
        name = getattr(self._content, field)
        if name and (beside := self._path.parent / name).is_file():
            return beside
        try:
            if name:
                return resource(name)
        except FileNotFoundError:
            pass
        raise ConfigError(f"{self._path}: {field} = {name!r}: there is no such file")

    def _joint(self, name: str) -> pin.JointModel:
        if not self.kinematics.existJointName(name):
            raise ConfigError(f"{self._path}: joint {name!r} is not in {self.urdf}")
        joint = self.kinematics.joints[self.kinematics.getJointId(name)]
        revolute = joint.shortname().startswith("JointModelR") and joint.nq == 1
        if name in self.arm.joints and not revolute:
            raise ConfigError(f"{self._path}: joint {name!r} of the arm must be revolute")
        return joint

    def _ends(self) -> tuple[str, str]:
        """Return the parent link of the arm's first joint and the child link of its last.

        Raises:
            ConfigError: the tool does not move with the last joint alone.
        """
        model = self.kinematics
        first, last = (model.getFrameId(self.arm.joints[i]) for i in (0, -1))
        tool = model.frames[self.frame_index(self.tool_frame)]
        if tool.parentJoint != model.frames[last].parentJoint:
            raise ConfigError(
                f"{self._path}: arm.tool_frame = {self.tool_frame!r}: {self.arm.joints[-1]} must "
                "be the last joint before it"
            )
        wrist = next(
            frame
            for frame in model.frames
            if frame.type == pin.FrameType.BODY and frame.parentFrame == last
        )
        return model.frames[model.frames[first].parentFrame].name, wrist.name


def load_robot(names: RobotConfig | None = None) -> RobotModel:
    """Read the robot that `robot.model` names, from `config/robots/` or a path.

    Raises:
        ConfigError: a file is missing or a value breaks its rule; the message names file, field,
            value and rule.
    """
    names = names or RobotConfig()
    path = Path(os.path.expanduser(names.model))
    if path.suffix not in (".yaml", ".yml"):
        try:
            path = resource(f"config/robots/{names.model}.yaml")
        except FileNotFoundError:
            known = sorted(item.stem for item in resource("config/robots").glob("*.yaml"))
            raise ConfigError(
                f"robot.model = {names.model!r}: it must be one of {', '.join(known)}, or the "
                "path of a YAML file"
            ) from None
    return RobotModel(read_settings(RobotFile, path, "robot file", "robot"), path, names)
