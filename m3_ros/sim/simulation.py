"""The simulated robot as its drivers see it: commands in, joints, odometry and frames out.

Thread safe: one thread steps the physics, another renders, others command. Times are simulated
seconds since the start; a ROS node adds its clock.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import SimulationConfig
from m3_ros.grasp.robot import JointState, RobotError
from m3_ros.robot_model import RobotModel
from m3_ros.sim.camera import OBSERVER, WRIST, Camera, intrinsics
from m3_ros.sim.controller_parameters import arm_parameters, gripper_parameters
from m3_ros.sim.gripper_controller import GripperController
from m3_ros.sim.lidar import LidarOdometry, Odometry
from m3_ros.sim.saved_state import load_state
from m3_ros.sim.scene import TableScene, random_scene
from m3_ros.sim.scene_file import load_scene
from m3_ros.sim.sensor_noise import measured_color, measured_depth
from m3_ros.sim.trajectory_controller import TrajectoryController
from m3_ros.sim.trajectory_rules import Tolerances, Trajectory
from m3_ros.sim.world import World
from m3_ros.types import Array

CHUNK = 5  # physics steps of 2 ms between runs of the controllers: 100 Hz
STILL = 1e-5
"""A smaller motion of a joint does not change the image, m or rad: 0.05 px at the nearest depth
(0.07 m) with a focal length of 382 px."""
OBSERVER_SIZE = (640, 480)  # of the view from outside, px


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

    Attributes:
        arm, gripper: controllers; read them only, and command through the methods here.
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
        self._lock = threading.RLock()
        held = load_state(self.world, config.state)
        joints = self.world.joint_state()
        self.arm = TrajectoryController(arm_parameters(self.robot_model), held.arm)
        self.gripper = GripperController(gripper_parameters(self.robot_model), joints.gripper)
        self.gripper.command = held.gripper or self.gripper.command
        self.world.command.arm = self.arm.set_point
        self._command_gripper()
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

    def start_arm(
        self, trajectory: Trajectory, *, is_goal: bool, tolerances: Tolerances | None = None
    ) -> None:
        """Follow a trajectory from now on; its stamp is simulated time.

        Args:
            trajectory: replaces the one under way.
            is_goal: of the action; `arm.result` is then set when it ends.
            tolerances: of the goal; those of the controller when None.

        Raises:
            TrajectoryRejected: the controller does not accept it.
        """
        with self._lock:
            joints = self.world.joint_state()
            self.arm.start(
                trajectory, joints.arm, joints.velocities[:-1], self.time,
                is_goal=is_goal, tolerances=tolerances,
            )  # fmt: skip

    def stop_arm(self) -> None:
        """Cancel the goal of the arm under way and hold the arm where it is."""
        with self._lock:
            self.arm.cancel(self.world.joint_state().arm)

    def start_gripper(
        self, position: Sequence[float], velocity: Sequence[float], effort: Sequence[float]
    ) -> None:
        """Move the gripper's joint; `gripper.state` is set when the goal ends.

        Args:
            position: one number, rad or m.
            velocity: limit, rad/s or m/s; empty: the controller's.
            effort: limit, N m or N; empty: the controller's.

        Raises:
            GripperRejected: the controller does not accept it.
        """
        with self._lock:
            self.gripper.start(position, self.time, velocity, effort)
            self._command_gripper()

    def stop_gripper(self) -> None:
        """Cancel the goal of the gripper under way and hold the jaws where they are."""
        with self._lock:
            if self.gripper.state is None:
                self.gripper.cancel(self.world.hold_gripper())
            self._command_gripper()

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
        measured = measured_depth(depth, rgb, self.config, self._rng)
        T_base_camera = self.robot.base_to(self.robot_model.camera_frame, joints.positions)
        color = measured_color(rgb, self.config, self._rng)
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
        joints = self.world.joint_state()
        self.arm.update(joints.arm, self.time)
        self.gripper.update(joints.gripper, joints.gripper_velocity, self.time)
        if self.time > self._base_deadline:
            self.world.command.base_velocity = np.zeros(3)
        if self.time - self._odometry.stamp >= 1.0 / self.config.odometry_rate - 1e-9:
            self._odometry = self._estimate()

    def _command_gripper(self) -> None:
        """Pass the gripper controller's command on; the joint's stops bound the position."""
        command, low, high = self.gripper.command, self.robot_model.lower, self.robot_model.upper
        self.world.set_gripper_effort(command.max_effort)
        self.world.command.gripper = float(np.clip(command.position, low[-1], high[-1]))
        self.world.command.gripper_speed = command.max_velocity

    def _estimate(self) -> Odometry:
        T_map_base = self._lidar.estimate(self.world.base_pose())
        return Odometry(self.time, T_map_base, self._lidar.T_map_odom, self.world.base_velocity())
