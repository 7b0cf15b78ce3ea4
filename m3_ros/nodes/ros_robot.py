"""The `Robot` protocol over ROS 2: controllers, cmd_vel, TF, camera; others: docs/grasping.md."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
from control_msgs.action import FollowJointTrajectory
from geometry_msgs.msg import Twist
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.transform_buffer import TransformError
from m3_ros.config import M3Config
from m3_ros.grasp.base_controller import goal_reached, pose_error, velocity_command
from m3_ros.grasp.robot import (
    JointState,
    JointStatesLost,
    JointTrajectory,
    MotionCancelled,
    RobotError,
    TrackingError,
    never,
)
from m3_ros.nodes.action_client import ThreadSafeActionClient, cancel_goal
from m3_ros.nodes.conversions import gripper_message, trajectory_message
from m3_ros.nodes.guard_client import GuardClient, GuardError
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.joint_states import JointStates
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array

TICK = 0.05  # s between two checks of `cancelled` and of the joints, as `Robot` asks for
ACK_TIMEOUT = 1.0  # s for controllers to acknowledge the last command, of `stack.SHUTDOWN_STEPS`


class RosRobot:
    """Drive the robot from worker threads while `node` is spun by its executor.

    A trajectory goes to the controller's action where it is served, else to its topic, and is
    then watched by the joint states.

    Args:
        node: carries the subscriptions and publishers.
        config: names of topics and frames, and limits of motions.
        robot_model: names of joints and controllers.
    """

    def __init__(self, node: Node, config: M3Config, robot_model: RobotModel) -> None:
        self._node, self._names = node, config.robot
        self._limits = config.motion
        self._stopped = threading.Event()
        inputs = self._inputs = InputNode(node)
        monitor = TopicMonitor(inputs)
        self._guard = GuardClient(node, inputs, config.motion)
        self.tree = subscribe_transforms(inputs, monitor)
        self.stream = RgbdSubscriber(inputs, config, self.tree, monitor)
        self._joint_states = JointStates(inputs, config, robot_model, monitor)
        arm = robot_model.arm.controller.name
        self._arm, self._gripper = (
            node.create_publisher(JointTrajectoryMessage, f"{controller}/joint_trajectory", 10)
            for controller in (arm, robot_model.gripper.controller.name)
        )
        self._base = node.create_publisher(Twist, self._names.cmd_vel_topic, 10)
        # Carried by the inputs: their thread still spins when the node ends and cancels a goal.
        self._follower = ThreadSafeActionClient(
            inputs, FollowJointTrajectory, f"{arm}/follow_joint_trajectory"
        )

    def stop(self) -> None:
        """Hold for good: the present motion ends as if cancelled, and so does any later one."""
        self._stopped.set()
        self.hold()
        self._arm.wait_for_all_acked(Duration(seconds=ACK_TIMEOUT))

    def close(self) -> None:
        """End every wait for a frame, and stop receiving.

        The gripper's controller has received the last command by then.
        """
        self._gripper.wait_for_all_acked(Duration(seconds=ACK_TIMEOUT))
        self.stream.close()
        self._inputs.destroy_node()

    def joint_state(self) -> JointState:
        return self._joint_states.current()

    def base_pose(self) -> Array:
        try:
            return self.tree.lookup(self._names.world_frame, self._names.base_frame)
        except TransformError as error:
            raise RobotError(str(error)) from error

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
        self._check(cancelled)
        with self._guard.motion():
            if self._follower.server_is_ready():
                self._follow_action(trajectory, cancelled)
            else:
                self._follow_topic(trajectory, cancelled)

    def move_gripper(
        self,
        position: float,
        max_effort: float,
        max_speed: float,
        cancelled: Callable[[], bool] = never,
    ) -> float:
        self._check(cancelled)
        duration = abs(position - self.joint_state().gripper) / max_speed
        name = self._joint_states.gripper_name
        command = gripper_message(name, position, max_effort, duration)
        still, limits = 0.0, self._limits
        with self._guard.motion():
            self._gripper.publish(command)
            end = time.monotonic() + duration + limits.gripper_timeout
            try:
                while still < limits.stall_timeout and time.monotonic() < end:
                    before = self.joint_state().gripper
                    self._wait(cancelled)
                    speed = abs(self.joint_state().gripper - before) / TICK
                    still = 0.0 if speed > limits.stall_velocity else still + TICK
            except (MotionCancelled, GuardError):
                self._gripper.publish(JointTrajectoryMessage())
                raise
        return self.joint_state().gripper

    def move_base(
        self,
        T_map_base: Array,
        max_speed: float,
        max_yaw_rate: float,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        end = time.monotonic() + self._limits.base_timeout
        with self._guard.motion():
            try:
                while not goal_reached(left := pose_error(self.base_pose(), T_map_base)):
                    if time.monotonic() > end:
                        raise RobotError(f"the base is still {left[0]:.3f}, {left[1]:.3f} m away")
                    command, v = Twist(), velocity_command(left, max_speed, max_yaw_rate)
                    command.linear.x, command.linear.y, command.angular.z = v
                    self._base.publish(command)
                    self._wait(cancelled)
            finally:
                self._base.publish(Twist())
        time.sleep(self._limits.base_settle_time)

    def hold(self) -> None:
        self._arm.publish(JointTrajectoryMessage())
        self._base.publish(Twist())

    def _wait(self, cancelled: Callable[[], bool]) -> None:
        """Wait one tick; stop when cancelled, unguarded or without recent joint states."""
        self._check(cancelled)
        try:
            self._guard.beat()
            time.sleep(TICK)
            self.joint_state()
        except (GuardError, JointStatesLost):
            self.hold()
            raise

    def _check(self, cancelled: Callable[[], bool]) -> None:
        if cancelled() or self._stopped.is_set():
            self.hold()
            raise MotionCancelled("cancelled: the robot has stopped")

    def _follow_action(self, trajectory: JointTrajectory, cancelled: Callable[[], bool]) -> None:
        goal = FollowJointTrajectory.Goal(
            trajectory=trajectory_message(trajectory, self._joint_states.arm_names)
        )
        sent = self._follower.send_goal_async(goal)
        try:
            handle = self._result(sent, cancelled)
            if not handle.accepted:
                raise RobotError("the arm's controller rejected the trajectory")
            result = self._result(handle.get_result_async(), cancelled).result
        except (MotionCancelled, GuardError, JointStatesLost):
            self._cancel(sent)
            raise
        if result.error_code != FollowJointTrajectory.Result.SUCCESSFUL:
            raise TrackingError(result.error_string or f"controller error {result.error_code}")

    def _cancel(self, sent: Future) -> None:
        """Cancel the trajectory, also one that the controller has not accepted yet."""
        done = threading.Event()
        cancel_goal(sent).add_done_callback(lambda _: done.set())
        done.wait(ACK_TIMEOUT)

    def _result(self, future: Future, cancelled: Callable[[], bool]) -> object:
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        while not done.is_set():
            self._wait(cancelled)
        return future.result()

    def _follow_topic(self, trajectory: JointTrajectory, cancelled: Callable[[], bool]) -> None:
        self._arm.publish(trajectory_message(trajectory, self._joint_states.arm_names))
        begun, limits = time.monotonic(), self._limits
        while True:
            self._wait(cancelled)
            elapsed = time.monotonic() - begun
            error = np.abs(self.joint_state().arm - trajectory.sample(elapsed)[0]).max()
            if elapsed >= trajectory.duration and error < limits.goal_tolerance:
                return
            late = elapsed > trajectory.duration + limits.goal_timeout
            if late or error > limits.path_tolerance:
                self.hold()
                raise TrackingError(f"the arm is {error:.2f} rad off its trajectory and stopped")
