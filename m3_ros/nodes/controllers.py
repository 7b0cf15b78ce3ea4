"""The simulated robot's controllers: commands as ros2_control and a mobile base take them.

- `{arm controller}/joint_trajectory` (topic) and `/follow_joint_trajectory` (action):
  the arm's joints; an empty trajectory stops the arm.
- `{gripper controller}/joint_trajectory`: the gripper's joint; the last point's position is
  the goal, its `effort`, where given, the effort limit, its time, where given, when to be there.
- cmd_vel: the planar base.
"""

from __future__ import annotations

import time

from control_msgs.action import FollowJointTrajectory
from geometry_msgs.msg import Twist
from rclpy.action import ActionServer, CancelResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from m3_ros.capture.messages import to_seconds
from m3_ros.config import RobotConfig
from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.conversions import to_trajectory
from m3_ros.sim.arm_controller import ArmStatus
from m3_ros.sim.simulation import Simulation

POLL = 0.02  # s between two checks of a motion, the joint states' period


class Controllers:
    """Subscribe a node to the robot's commands; refused ones are logged and change nothing."""

    def __init__(self, node: Node, simulation: Simulation, names: RobotConfig) -> None:
        self._node, self._simulation = node, simulation
        self._robot = simulation.robot_model
        group = ReentrantCallbackGroup()
        node.create_subscription(Twist, names.cmd_vel_topic, self._drive, 10, callback_group=group)
        arm, gripper = self._robot.arm.controller.name, self._robot.gripper.controller.name
        for controller, receive in ((arm, self._move_arm), (gripper, self._move_gripper)):
            topic = f"{controller}/joint_trajectory"
            node.create_subscription(JointTrajectory, topic, receive, 10, callback_group=group)
        self._server = ActionServer(
            node,
            FollowJointTrajectory,
            f"{arm}/follow_joint_trajectory",
            self._follow,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=group,
        )

    def _drive(self, twist: Twist) -> None:
        try:
            self._simulation.set_base_velocity(twist.linear.x, twist.linear.y, twist.angular.z)
        except RobotError as error:
            self._node.get_logger().error(str(error))

    def _move_arm(self, message: JointTrajectory) -> None:
        try:
            self._start(message)
        except (RobotError, ValueError) as error:
            self._node.get_logger().error(f"trajectory refused: {error}")

    def _move_gripper(self, message: JointTrajectory) -> None:
        if not message.points:
            self._simulation.hold_gripper()
            return
        gripper = self._robot.gripper
        if list(message.joint_names) != [gripper.joint]:
            self._node.get_logger().error(
                f"gripper trajectory of {list(message.joint_names)}: it must move {gripper.joint}"
            )
            return
        goal = message.points[-1]
        effort = goal.effort[0] if len(goal.effort) else gripper.effort
        duration = to_seconds(goal.time_from_start)
        try:
            way = abs(goal.positions[0] - self._simulation.joint_state().gripper)
            speed = max(way, 1e-3) / duration if duration > 0.0 else gripper.speed
            self._simulation.set_gripper(goal.positions[0], effort, speed)
        except (RobotError, IndexError) as error:
            self._node.get_logger().error(f"gripper trajectory refused: {error}")

    def _start(self, message: JointTrajectory) -> None:
        """Follow a trajectory; one whose first point lies ahead begins where the arm is."""
        if not message.points:
            self._simulation.hold_arm()
            return
        if to_seconds(message.points[0].time_from_start) > 0.0:
            here = dict(
                zip(self._robot.arm.joints, self._simulation.joint_state().arm, strict=True)
            )
            positions = [float(here.get(name, 0.0)) for name in message.joint_names]
            message.points = [JointTrajectoryPoint(positions=positions), *message.points]
        self._simulation.set_arm_trajectory(to_trajectory(message, self._robot.arm.joints))

    def _follow(self, goal: ServerGoalHandle) -> object:
        result = FollowJointTrajectory.Result()
        try:
            self._start(goal.request.trajectory)
        except (RobotError, ValueError) as error:
            goal.abort()
            result.error_code, result.error_string = result.INVALID_GOAL, str(error)
            return result
        while self._simulation.arm_status() is ArmStatus.MOVING:
            if goal.is_cancel_requested:
                self._simulation.hold_arm()
                goal.canceled()
                result.error_string = "cancelled: the arm has stopped"
                return result
            time.sleep(POLL)
        if self._simulation.arm_status() is ArmStatus.REACHED:
            goal.succeed()
            result.error_code = result.SUCCESSFUL
        else:
            goal.abort()
            result.error_code = result.PATH_TOLERANCE_VIOLATED
            result.error_string = "the arm did not follow its trajectory and stopped"
        return result
