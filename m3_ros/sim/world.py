"""The physics: robot, table and objects in MuJoCo, stepped under controllers.

Arm and gripper follow position set points with velocity feed-forward under their torque limits;
the base is a planar base that follows a velocity. Not thread safe: `simulation.Simulation` is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from m3_ros.config import SimulationConfig
from m3_ros.geometry import matrix_to_quat, planar_pose, se3
from m3_ros.grasp.robot import JointState
from m3_ros.robot_model import RobotModel, load_robot
from m3_ros.sim import environment
from m3_ros.sim.camera import set_camera
from m3_ros.sim.mesh_object import MeshModel, add_mesh
from m3_ros.sim.mujoco_model import BASE_JOINTS, MujocoModel
from m3_ros.sim.objects import add_object
from m3_ros.sim.scene import TableScene
from m3_ros.types import Array

PHYSICS = mujoco.mjtState.mjSTATE_INTEGRATION  # of MuJoCo: all that the next step depends on
WINDUP = 2.0  # the set point of blocked jaws leads by this times what their largest effort needs
SETTLE_TIME = 1.5
"""Objects come to rest in this time before anything else happens, s; test_world.py holds it."""


@dataclass
class Command:
    """Set points of the controllers, which `World.step` follows.

    Attributes:
        arm: function of simulated time (s) to positions `[A]` rad and velocities `[A]` rad/s.
        gripper: position of the gripper's joint.
        base_velocity: vx, vy in m/s and yaw rate in rad/s, in the base frame.
        gripper_speed: of the gripper's set point.
    """

    arm: Callable[[float], tuple[Array, Array]]
    gripper: float
    base_velocity: Array
    gripper_speed: float


def build(scene: TableScene, config: SimulationConfig, robot: RobotModel) -> mujoco.MjModel:
    """Return a model of the robot in front of the scene's table."""
    spec = mujoco.MjSpec.from_file(str(robot.mjcf_scene))
    environment.furnish(spec, scene.seed)
    set_camera(spec, config)
    for item in scene.objects:
        rotation, position = item.pose[:3, :3], item.pose[:3, 3]
        add = add_mesh if isinstance(item.model, MeshModel) else add_object
        add(spec, item.model, position, matrix_to_quat(rotation), name=item.name)
    return spec.compile()


class World:
    """Robot, table and objects.

    Args:
        scene: the objects on the table.
        config: sensors, and the camera that is built in.
        robot_model: the robot; the default one when None.

    Attributes:
        on_step: called after every step of the physics, say to measure forces.
    """

    def __init__(
        self,
        scene: TableScene,
        config: SimulationConfig,
        robot_model: RobotModel | None = None,
    ) -> None:
        robot_model = robot_model or load_robot()
        self.scene, self.robot_model = scene, robot_model
        self.robot = MujocoModel(robot_model)
        self.model = build(scene, config, robot_model)
        self.data = mujoco.MjData(self.model)
        mujoco.mj_resetDataKeyframe(self.model, self.data, self.model.key("home").id)
        names = (*BASE_JOINTS, *robot_model.joints)
        joints = [self.model.joint(name) for name in names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._dof = np.array([joint.dofadr[0] for joint in joints])
        self._actuators = np.array([self.model.actuator(name).id for name in names])
        gains = -self.model.actuator_biasprm[self._actuators]
        self._gripper_stiffness = gains[-1, 1]
        self._lead = (gains[:, 2] + self.model.dof_damping[self._dof]) / gains[:, 1]
        home, closed = robot_model.home, robot_model.gripper.closed_position
        still = (home, np.zeros(len(home)))
        speed = robot_model.gripper.speed
        self.command = Command(lambda _: still, closed, np.zeros(3), speed)
        self._gripper = closed
        self._base = np.zeros(3)
        self._base_velocity = np.zeros(3)
        self.on_step: Callable[[], None] = lambda: None
        self._settle()

    @property
    def time(self) -> float:
        """Simulated time in s; 0 when the objects have settled."""
        return self.data.time

    def step(self) -> None:
        """One step of the physics."""
        dt = self.model.opt.timestep
        self._drive(dt)
        moved = self._drive_gripper(dt)
        arm, arm_velocity = self.command.arm(self.data.time)
        position = np.concatenate([self._base, arm, [self._gripper]])
        velocity = np.concatenate([self._world_velocity(), arm_velocity, [moved / dt]])
        self.data.ctrl[self._actuators] = position + self._lead * velocity
        mujoco.mj_step(self.model, self.data)
        self.on_step()

    def set_gripper_effort(self, effort: float) -> None:
        """Limit the effort of the gripper's joint, in N m or N."""
        effort = float(np.clip(effort, *self.robot_model.gripper.effort_range))
        self.model.actuator_forcerange[self._actuators[-1]] = [-effort, effort]

    def hold_gripper(self) -> float:
        """Let the jaws' set point be where they are; return that position.

        The way back from a set point ahead of them would throw them back: the speed of the set
        point is fed forward.
        """
        self._gripper = float(self.data.qpos[self._qpos[-1]])
        return self._gripper

    def teleport_base(self, x: float, y: float, yaw: float) -> None:
        """Put the base at a planar pose (m, rad) of the world, at rest."""
        self._base = np.array([x, y, yaw])
        self._base_velocity = np.zeros(3)
        self.command.base_velocity = np.zeros(3)
        self.data.qpos[self._qpos[:3]] = self._base
        self.data.qvel[self._dof[:3]] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def state(self) -> dict[str, Array]:
        """Return all that steps change, by name; `restore` takes it."""
        physics = np.empty(mujoco.mj_stateSize(self.model, PHYSICS))
        mujoco.mj_getState(self.model, self.data, physics, PHYSICS)
        effort = self.model.actuator_forcerange[self._actuators[-1], 1]
        return {
            "physics": physics,
            "base": self._base,
            "gripper": np.array([self._gripper, effort, self.command.gripper]),
            "gripper_speed": np.array(self.command.gripper_speed),
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over what `state` returned for the same scene; the base is at rest, time is 0.

        Raises:
            ValueError: it is of another scene.
        """
        if len(state["physics"]) != mujoco.mj_stateSize(self.model, PHYSICS):
            raise ValueError("the state is of a scene with other objects")
        mujoco.mj_setState(self.model, self.data, state["physics"], PHYSICS)
        self._base, self._base_velocity = state["base"], np.zeros(3)
        self._gripper, effort, self.command.gripper = map(float, state["gripper"])
        self.command.gripper_speed = float(state["gripper_speed"])
        self.set_gripper_effort(effort)
        self.data.time = 0.0
        mujoco.mj_forward(self.model, self.data)

    def joint_state(self) -> JointState:
        """Return arm and gripper joints; the stamp is simulated time."""
        dof = self._dof[3:]
        return JointState(
            self.data.qpos[self._qpos[3:]].copy(),
            self.data.qvel[dof].copy(),
            self.data.qfrc_actuator[dof].copy(),
            self.time,
        )

    def base_pose(self) -> Array:
        """Return the true `T_world_base [4, 4]`."""
        x, y, yaw = self.data.qpos[self._qpos[:3]]
        return planar_pose(x, y, yaw, self.robot_model.base.height)

    def base_velocity(self) -> Array:
        """Return true vx, vy in m/s and yaw rate in rad/s `[3]`, in the base frame."""
        yaw = self.data.qpos[self._qpos[2]]
        x, y, turn = self.data.qvel[self._dof[:3]]
        return np.array(
            [np.cos(yaw) * x + np.sin(yaw) * y, -np.sin(yaw) * x + np.cos(yaw) * y, turn]
        )

    def pose_of(self, body: str) -> Array:
        """Return the true `T_world_body [4, 4]` of a link or an object's resting plane."""
        found = self.data.body(body)
        return se3(found.xmat.reshape(3, 3), found.xpos)

    def ground_truth(self) -> dict[str, Array]:
        """Return true poses `[4, 4]` in the world by name: the base, and each object's centre.

        The centre is the middle of the box around the object, above its resting plane.
        """
        poses = {self.robot_model.base_frame: self.base_pose()}
        for item in self.scene.objects:
            centre = se3(np.eye(3), [0.0, 0.0, item.model.size[2] / 2.0])
            poses[item.name] = self.pose_of(item.name) @ centre
        return poses

    def _drive(self, dt: float) -> None:
        """Advance the base's set point towards the commanded velocity."""
        base = self.robot_model.base
        wanted = np.clip(self.command.base_velocity, *np.transpose(base.velocity_limits))
        change = np.array(base.acceleration) * dt
        self._base_velocity += np.clip(wanted - self._base_velocity, -change, change)
        self._base = self._base + self._world_velocity() * dt

    def _drive_gripper(self, dt: float) -> float:
        """Advance the gripper's set point towards its command; return by how much.

        Of jaws that are blocked it stays where their effort is at its limit, so that they follow
        a new command at once.
        """
        most = self.command.gripper_speed * dt
        joint = float(self.data.qpos[self._qpos[-1]])
        effort = float(self.model.actuator_forcerange[self._actuators[-1], 1])
        lead = WINDUP * effort / self._gripper_stiffness
        wanted = self._gripper + float(np.clip(self.command.gripper - self._gripper, -most, most))
        before, self._gripper = self._gripper, float(np.clip(wanted, joint - lead, joint + lead))
        return self._gripper - before

    def _world_velocity(self) -> Array:
        vx, vy, turn = self._base_velocity
        cos, sin = np.cos(self._base[2]), np.sin(self._base[2])
        return np.array([cos * vx - sin * vy, sin * vx + cos * vy, turn])

    def _settle(self) -> None:
        for _ in range(round(SETTLE_TIME / self.model.opt.timestep)):
            self.step()
        self.data.time = 0.0
