"""The `Robot` protocol over ROS 2: controllers, cmd_vel, TF, camera; others: docs/grasping.md."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.transform_buffer import TransformError
from m3_ros.config import M3Config
from m3_ros.grasp.base_controller import goal_reached, pose_error, velocity_command
from m3_ros.grasp.robot import (
    JointState,
    JointTrajectory,
    RobotError,
    never,
)
from m3_ros.nodes.arm_client import ArmClient
from m3_ros.nodes.base_client import BaseClient
from m3_ros.nodes.controller_report import ControllerReport, ControllerStates
from m3_ros.nodes.gripper_client import GripperClient
from m3_ros.nodes.guard_client import GuardClient
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.joint_states import JointStates
from m3_ros.nodes.motion_loop import TICK, MotionLoop
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array


class RosRobot:
    """Drive the robot from worker threads while `node` is spun by its executor.

    The methods are those of `Robot`; arm and gripper are moved by ros2_control's controllers.

    Args:
        node: carries the subscriptions and publishers.
        config: names of topics and frames, and limits of motions.
        robot_model: names of joints and controllers.
    """

    def __init__(self, node: Node, config: M3Config, robot_model: RobotModel) -> None:
        self._node, self._names = node, config.robot
        self._limits = config.motion
        inputs = self._inputs = InputNode(node)
        monitor = TopicMonitor(inputs, self._names.model)
        self._guard = GuardClient(node, inputs, config.motion)
        self.tree = subscribe_transforms(inputs, monitor)
        self.stream = RgbdSubscriber(inputs, config, self.tree, monitor)
        joints = self._joint_states = JointStates(inputs, config, robot_model, monitor)
        # Actions are carried by the inputs: their thread still spins when the node ends.
        loop = self._loop = MotionLoop(self.joint_state, self._guard, config.motion.hang_timeout)
        monitor.diagnostics.add("motion loop", loop.report)
        self._arm = ArmClient(
            node, inputs, robot_model.arm.controller.name, joints.arm_names, config.motion, loop
        )
        self._gripper = GripperClient(
            inputs, robot_model.gripper.controller.name, joints.gripper_name, loop, config
        )
        self._base = BaseClient(node, config.robot)
        self._localized = False
        states = ControllerStates(inputs)
        self._arm_report, self._gripper_report = (
            ControllerReport(
                monitor.diagnostics, action.controller, action.name, action.ready, states
            )
            for action in (self._arm.action, self._gripper.action)
        )

    def stop(self) -> None:
        """Hold for good: the present motion ends as if cancelled, and so does any later one."""
        self._loop.end()
        self.hold()
        self._gripper.stop()

    def close(self) -> None:
        """End every wait for a frame, and stop receiving."""
        self._guard.close()
        self.stream.close()
        self._inputs.destroy_node()

    def joint_state(self) -> JointState:
        return self._joint_states.current()

    def base_pose(self) -> Array:
        if problem := self.stream.level_problem():
            raise RobotError(problem)
        try:
            return self.lookup(self._names.world_frame, self._names.base_frame)
        except TransformError as error:
            raise RobotError(str(error)) from error

    def lookup(self, target: str, source: str) -> Array:
        """Return the newest `T_target_source [4, 4]`; wait for the first pose of the base.

        Raises:
            TransformError: a frame is unknown, or the frames are not connected.
        """
        end = time.monotonic() + self._limits.start_timeout
        while not self._localized and time.monotonic() < end:
            try:
                self.tree.lookup(self._names.world_frame, self._names.base_frame)
                self._localized = True
            except TransformError:
                time.sleep(TICK)
        return self.tree.lookup(target, source)

    def capture_frame(self) -> RgbdFrame:
        now = self._node.get_clock().now().nanoseconds * 1e-9
        try:
            return self.stream.next(self._limits.frame_timeout, after=now)
        except FrameError as error:
            raise RobotError(str(error)) from error

    def execute_trajectory(
        self, trajectory: JointTrajectory, cancelled: Callable[[], bool] = never
    ) -> None:
        self.joint_state()
        self._loop.check(cancelled)
        with self._arm_report.goal(), self._guard.motion():
            self._arm.follow(trajectory, cancelled)

    def move_gripper(
        self,
        position: float,
        max_effort: float,
        max_speed: float,
        cancelled: Callable[[], bool] = never,
    ) -> float:
        self._loop.check(cancelled)
        with self._gripper_report.goal(), self._guard.motion():
            self._gripper.move(position, max_effort, max_speed, cancelled)
        return self.joint_state().gripper

    def move_base(
        self,
        T_map_base: Array,
        max_speed: float,
        max_yaw_rate: float,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        def tick() -> None:
            self._loop.tick(cancelled)

        with self._guard.motion():
            self._base.wait_listener(self._limits.controller_timeout, tick)
            end = time.monotonic() + self._limits.base_timeout
            try:
                while not goal_reached(left := pose_error(self.base_pose(), T_map_base)):
                    if time.monotonic() > end:
                        raise RobotError(f"the base is still {left[0]:.3f}, {left[1]:.3f} m away")
                    self._base.drive(*velocity_command(left, max_speed, max_yaw_rate))
                    tick()
            finally:
                self._base.stop()
        time.sleep(self._limits.base_settle_time)

    def hold(self) -> None:
        self._base.stop()
        self._arm.stop()
