"""The simulated robot as its drivers see it: commands in, joints, odometry and frames out.

Thread safe: one thread steps the physics, another renders, others command. Times are simulated
seconds since the start; a ROS node adds its clock.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SimulationConfig
from m3_ros.grasp.robot import JointState, JointTrajectory, RobotError
from m3_ros.robot_model import RobotModel
from m3_ros.sim.arm_controller import ArmController, ArmStatus
from m3_ros.sim.camera import OBSERVER, WRIST, Camera, intrinsics
from m3_ros.sim.lidar import LidarOdometry
from m3_ros.sim.scene import TableScene, random_scene
from m3_ros.sim.scene_file import load_scene
from m3_ros.sim.sensor_noise import noisy_color, noisy_depth
from m3_ros.sim.world import World
from m3_ros.types import Array

CHUNK = 5  # physics steps of 2 ms between runs of the controllers: 100 Hz
STILL = 1e-5
"""A smaller motion of a joint does not change the image, m or rad: 0.05 px at the nearest depth
(0.07 m) with a focal length of 382 px."""
OBSERVER_SIZE = (640, 480)  # of the view from outside, px


@dataclass(frozen=True, eq=False)
class Odometry:
    """One estimate of the LiDAR odometry.

    Attributes:
        stamp: simulated time in s.
        T_map_base: `[4, 4]`, with noise and drift.
        T_map_odom: `[4, 4]`, the drift alone.
        velocity: vx, vy in m/s and yaw rate in rad/s `[3]`, in the base frame.
    """

    stamp: float
    T_map_base: Array
    T_map_odom: Array
    velocity: Array


def scene_of(config: SimulationConfig) -> TableScene:
    """The scene that the settings ask for.

    Raises:
        ValueError: a label is unknown, or the scene file breaks a rule.
    """
    if config.scene:
        return load_scene(config.scene)
    return random_scene(config.seed, config.objects, config.include, config.exclude)


class Simulation:
    """A robot in front of a table.

    Args:
        config: sensors, noise and scene.
        scene: instead of the one that `config` describes.
        robot_model: the robot; the default one when None.
    """

    def __init__(
        self,
        config: SimulationConfig,
        scene: TableScene | None = None,
        robot_model: RobotModel | None = None,
    ) -> None:
        self.config = config
        self.world = World(scene or scene_of(config), config, robot_model)
        self.robot, self.robot_model = self.world.robot, self.world.robot_model
        self.K = intrinsics(config)
        self._gripper_limits = self.robot_model.lower[-1], self.robot_model.upper[-1]
        self._lock = threading.RLock()
        self._arm = ArmController(self.robot_model, self.world.joint_state().arm)
        self.world.command.arm = self._arm.set_point
        self._lidar = LidarOdometry(config, self.world.base_pose())
        self._odometry = self._estimate()
        self._base_deadline = 0.0
        self._rng = np.random.default_rng([config.seed, 5])
        self._view = mujoco.MjData(self.world.model)
        self._seen: tuple[NDArray[np.uint8], NDArray[np.float32]] | None = None
        self._wrist = Camera(self.world.model, config.width, config.height)
        self._observer = Camera(self.world.model, *OBSERVER_SIZE, samples=4, lens_blur=0.0)

    @property
    def time(self) -> float:
        """Simulated time in s."""
        return self.world.time

    def step_until(self, time: float) -> None:
        """Advance the physics to a simulated time in s; controllers and odometry run along."""
        while self.world.time < time - 1e-9:
            with self._lock:
                for _ in range(CHUNK):
                    self.world.step()
                self._run_controllers()

    def joint_state(self) -> JointState:
        """Measured joints; the stamp is simulated time."""
        with self._lock:
            return self.world.joint_state()

    def odometry(self) -> Odometry:
        """Newest estimate of the LiDAR odometry."""
        with self._lock:
            return self._odometry

    def arm_status(self) -> ArmStatus:
        """State of the arm's last motion."""
        with self._lock:
            return self._arm.status

    def set_arm_trajectory(self, trajectory: JointTrajectory) -> None:
        """Follow a trajectory from now on; it replaces the one before.

        Raises:
            TrajectoryRefused: it breaks a limit or does not start where the arm is.
        """
        with self._lock:
            self._arm.start(trajectory, self.time)

    def hold_arm(self) -> None:
        """Stop the arm where it is."""
        with self._lock:
            self._arm.hold(self.world.joint_state().arm)

    def hold_gripper(self) -> None:
        """Stop the jaws where they are, at the effort they move with."""
        with self._lock:
            position = self.world.joint_state().gripper
            self.world.command.gripper = float(np.clip(position, *self._gripper_limits))

    def set_gripper(
        self, position: float, max_effort: float, max_speed: float | None = None
    ) -> None:
        """Move the gripper's joint towards a position.

        Args:
            position: rad or m.
            max_effort: N m or N.
            max_speed: rad/s or m/s; that of motions without load when None.

        Raises:
            RobotError: the position is outside the joint's limits, effort or speed not positive.
        """
        gripper, (low, high) = self.robot_model.gripper, self._gripper_limits
        name, (unit, effort_unit) = gripper.joint, gripper.units
        max_speed = gripper.speed if max_speed is None else max_speed
        if not low - 1e-4 <= position <= high + 1e-4:
            raise RobotError(
                f"{name} = {position} {unit}: it must be {low:.4f} .. {high:.4f} {unit}"
            )
        if not max_effort > 0.0:
            raise RobotError(f"effort of {name} = {max_effort} {effort_unit}: it must be positive")
        if not max_speed > 0.0:
            raise RobotError(f"speed of {name} = {max_speed} {unit}/s: it must be positive")
        with self._lock:
            self.world.set_gripper_effort(max_effort)
            self.world.command.gripper = float(np.clip(position, low, high))
            self.world.command.gripper_speed = float(max_speed)

    def set_base_velocity(self, vx: float, vy: float, yaw_rate: float) -> None:
        """Drive at vx, vy (m/s) and yaw_rate (rad/s) in the base frame for `base_timeout` s."""
        if not np.isfinite([vx, vy, yaw_rate]).all():
            raise RobotError(f"base velocity = {vx}, {vy}, {yaw_rate}: it must be finite")
        with self._lock:
            self.world.command.base_velocity = np.array([vx, vy, yaw_rate])
            self._base_deadline = self.time + self.config.base_timeout

    def teleport_base(self, x: float, y: float, yaw: float) -> None:
        """Put the base at a planar pose (m, rad) of the world; the odometry follows."""
        with self._lock:
            self.world.teleport_base(x, y, yaw)
            self._odometry = self._estimate()

    def drift(self, x: float, y: float) -> None:
        """Let the odometry be off by x, y m more from now on, as after a long way."""
        with self._lock:
            self._lidar.drift(x, y)
            self._odometry = self._estimate()

    def ground_truth(self) -> dict[str, Array]:
        """Return true poses `[4, 4]` in the world by name: the base, and each object's centre."""
        with self._lock:
            return self.world.ground_truth()

    def capture(self) -> RgbdFrame:
        """What the wrist camera sees now, and where the robot believes that it is.

        `camtoworld` comes from joints, URDF and odometry, as a real robot has it: in map, with
        their errors. Call this and `picture` always from the same thread.
        """
        with self._lock:
            joints, odometry = self.world.joint_state(), self._odometry
            moved = self._copy_state()
        if moved or self._seen is None:
            self._seen = self._wrist.render(self._view, WRIST)
        rgb, depth = self._seen
        config = self.config
        measured = noisy_depth(
            depth, config.focal_length, self._rng, config.depth_noise, config.depth_range
        )
        T_base_camera = self.robot.base_to(self.robot_model.camera_frame, joints.positions)
        color = noisy_color(rgb, config.color_noise, self._rng)
        return RgbdFrame(
            color, measured, self.K, odometry.T_map_base @ T_base_camera, joints.stamp
        )

    def picture(self) -> NDArray[np.uint8]:
        """The scene `[H, W, 3]` from outside, for people."""
        with self._lock:
            if self._copy_state():
                self._seen = None
        return self._observer.render(self._view, OBSERVER)[0]

    def _copy_state(self) -> bool:
        """Take over the state to draw; False when nothing visible has moved since the last."""
        moved = np.abs(self._view.qpos - self.world.data.qpos).max() > STILL
        if moved:
            self._view.qpos[:] = self.world.data.qpos
            mujoco.mj_kinematics(self.world.model, self._view)
            mujoco.mj_camlight(self.world.model, self._view)
        return moved

    def close(self) -> None:
        """Free the cameras, from the thread that captured."""
        self._wrist.close()
        self._observer.close()

    def _run_controllers(self) -> None:
        self._arm.watch(self.world.joint_state().arm, self.time)
        if self.time > self._base_deadline:
            self.world.command.base_velocity = np.zeros(3)
        if self.time - self._odometry.stamp >= 1.0 / self.config.odometry_rate - 1e-9:
            self._odometry = self._estimate()

    def _estimate(self) -> Odometry:
        T_map_base = self._lidar.estimate(self.world.base_pose())
        return Odometry(self.time, T_map_base, self._lidar.T_map_odom, self.world.base_velocity())
