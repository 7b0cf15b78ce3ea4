"""The physics: robot, table and objects in MuJoCo, stepped under the controllers of a real robot.

Arm and gripper follow position set points with velocity feed-forward under their torque limits;
the base is a planar base that follows a velocity. Not thread safe: `simulation.Simulation` is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mujoco
import numpy as np

from m3_ros.config import SimulationConfig
from m3_ros.geometry import matrix_to_quat, planar_pose, se3
from m3_ros.grasp.robot import JointState
from m3_ros.resources import resource
from m3_ros.sim import environment
from m3_ros.sim.camera import set_camera
from m3_ros.sim.mesh_object import MeshModel, add_mesh
from m3_ros.sim.mujoco_model import BASE_FRAME, BASE_HEIGHT, BASE_JOINTS, JOINTS, MujocoModel
from m3_ros.sim.objects import add_object
from m3_ros.sim.scene import TableScene
from m3_ros.types import Array

BASE_LIMITS = np.array([[-0.8, 1.2], [-0.25, 0.25], [-0.75, 0.75]])  # B1 walking: m/s, m/s, rad/s
BASE_ACCELERATION = np.array([0.8, 0.8, 1.5])  # m/s^2, m/s^2, rad/s^2
GRIPPER_SPEED = 1.5  # of the jaw's set point when no speed is asked for, rad/s
GRIPPER_EFFORT = (0.5, 20.0)  # torque limits the controller accepts, N m
SETTLE_TIME = 1.5  # s, objects come to rest before anything else happens


@dataclass
class Command:
    """What the controllers hold: set points that `World.step` follows.

    Attributes:
        arm: function of simulated time (s) to positions `[6]` rad and velocities `[6]` rad/s.
        gripper: position of jointGripper in rad.
        gripper_speed: of its set point in rad/s.
        base_velocity: vx, vy in m/s and yaw rate in rad/s in base_link.
    """

    arm: Callable[[float], tuple[Array, Array]]
    gripper: float
    base_velocity: Array
    gripper_speed: float = GRIPPER_SPEED


def build(scene: TableScene, config: SimulationConfig) -> mujoco.MjModel:
    """Model of the robot in front of the scene's table."""
    spec = mujoco.MjSpec.from_file(str(resource("mjcf/scene.xml")))
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
        scene: what stands on the table.
        config: sensors, and the camera that is built in.

    Attributes:
        on_step: called after every step of the physics, say to measure forces.
    """

    def __init__(self, scene: TableScene, config: SimulationConfig) -> None:
        self.scene = scene
        self.robot = MujocoModel()
        self.model = build(scene, config)
        self.data = mujoco.MjData(self.model)
        mujoco.mj_resetDataKeyframe(self.model, self.data, self.model.key("home").id)
        joints = [self.model.joint(name) for name in (*BASE_JOINTS, *JOINTS)]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._dof = np.array([joint.dofadr[0] for joint in joints])
        self._actuators = np.array(
            [self.model.actuator(name).id for name in (*BASE_JOINTS, *JOINTS)]
        )
        gains = -self.model.actuator_biasprm[self._actuators]
        self._lead = (gains[:, 2] + self.model.dof_damping[self._dof]) / gains[:, 1]
        home = self.robot.home[:6].copy()
        self.command = Command(lambda _: (home, np.zeros(6)), self.robot.home[6], np.zeros(3))
        self._gripper = self.robot.home[6]
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
        most = self.command.gripper_speed * dt
        moved = float(np.clip(self.command.gripper - self._gripper, -most, most))
        self._gripper += moved
        arm, arm_velocity = self.command.arm(self.data.time)
        position = np.concatenate([self._base, arm, [self._gripper]])
        velocity = np.concatenate([self._world_velocity(), arm_velocity, [moved / dt]])
        self.data.ctrl[self._actuators] = position + self._lead * velocity
        mujoco.mj_step(self.model, self.data)
        self.on_step()

    def set_gripper_effort(self, effort: float) -> None:
        """Torque limit of jointGripper in N m."""
        effort = float(np.clip(effort, *GRIPPER_EFFORT))
        self.model.actuator_forcerange[self._actuators[-1]] = [-effort, effort]

    def teleport_base(self, x: float, y: float, yaw: float) -> None:
        """Put base_link at a planar pose (m, rad) of the world, at rest."""
        self._base = np.array([x, y, yaw])
        self._base_velocity = np.zeros(3)
        self.command.base_velocity = np.zeros(3)
        self.data.qpos[self._qpos[:3]] = self._base
        self.data.qvel[self._dof[:3]] = 0.0
        mujoco.mj_forward(self.model, self.data)

    def joint_state(self) -> JointState:
        """Arm and gripper joints; the stamp is simulated time."""
        dof = self._dof[3:]
        return JointState(
            self.data.qpos[self._qpos[3:]].copy(),
            self.data.qvel[dof].copy(),
            self.data.qfrc_actuator[dof].copy(),
            self.time,
        )

    def base_pose(self) -> Array:
        """True `T_world_base_link [4, 4]`."""
        x, y, yaw = self.data.qpos[self._qpos[:3]]
        return planar_pose(x, y, yaw, BASE_HEIGHT)

    def base_velocity(self) -> Array:
        """True vx, vy in m/s and yaw rate in rad/s `[3]`, in base_link."""
        yaw = self.data.qpos[self._qpos[2]]
        x, y, turn = self.data.qvel[self._dof[:3]]
        return np.array(
            [np.cos(yaw) * x + np.sin(yaw) * y, -np.sin(yaw) * x + np.cos(yaw) * y, turn]
        )

    def pose_of(self, body: str) -> Array:
        """True `T_world_body [4, 4]` of a link or an object (its resting plane), by name."""
        found = self.data.body(body)
        return se3(found.xmat.reshape(3, 3), found.xpos)

    def ground_truth(self) -> dict[str, Array]:
        """True poses `[4, 4]` in the world by name: base_link, and the centre of every object.

        The centre is the middle of the box around the object, above its resting plane.
        """
        poses = {BASE_FRAME: self.base_pose()}
        for item in self.scene.objects:
            centre = se3(np.eye(3), [0.0, 0.0, item.model.size[2] / 2.0])
            poses[item.name] = self.pose_of(item.name) @ centre
        return poses

    def _drive(self, dt: float) -> None:
        """Advance the base's set point towards the commanded velocity."""
        wanted = np.clip(self.command.base_velocity, *BASE_LIMITS.T)
        change = BASE_ACCELERATION * dt
        self._base_velocity += np.clip(wanted - self._base_velocity, -change, change)
        self._base = self._base + self._world_velocity() * dt

    def _world_velocity(self) -> Array:
        vx, vy, turn = self._base_velocity
        cos, sin = np.cos(self._base[2]), np.sin(self._base[2])
        return np.array([cos * vx - sin * vy, sin * vx + cos * vy, turn])

    def _settle(self) -> None:
        for _ in range(round(SETTLE_TIME / self.model.opt.timestep)):
            self.step()
        self.data.time = 0.0
