"""Motions of the robot over ROS against a controller in this process."""

import threading
import time

import numpy as np
import pytest
import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from sensor_msgs.msg import JointState

from m3_ros.config import M3Config, MotionConfig
from m3_ros.geometry import rpy_to_matrix, se3
from m3_ros.grasp.robot import JointTrajectory, MotionCancelled, RobotError
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.robot_model import load_robot

MODEL = load_robot()
CONFIG = M3Config(
    motion=MotionConfig(
        require_guard=False, start_timeout=60.0, state_timeout=10.0, controller_timeout=30.0
    )
)
NAME = f"{MODEL.arm.controller.name}/follow_joint_trajectory"
ACCEPT_DELAY = 0.4  # s
DURATION = 60.0  # s of a motion that nobody cancels


class SlowController:
    """Takes its time to accept a trajectory, then follows it until it is cancelled."""

    def __init__(self, node):
        self.requested, self.following = threading.Event(), threading.Event()
        self.ended = threading.Event()
        self.cancelled = False
        group = ReentrantCallbackGroup()
        self.server = ActionServer(
            node,
            FollowJointTrajectory,
            NAME,
            self.follow,
            goal_callback=self.accept,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=group,
        )
        self.states = node.create_publisher(JointState, M3Config().robot.joint_states_topic, 10)
        node.create_timer(0.02, self.publish, callback_group=group)

    def publish(self):
        self.states.publish(JointState(name=list(MODEL.joints), position=[0.0] * 7))

    def accept(self, _):
        self.requested.set()
        time.sleep(ACCEPT_DELAY)
        return GoalResponse.ACCEPT

    def follow(self, goal):
        self.following.set()
        end = time.monotonic() + DURATION
        while time.monotonic() < end and not goal.is_cancel_requested:
            time.sleep(0.02)
        self.cancelled = goal.is_cancel_requested
        (goal.canceled if self.cancelled else goal.succeed)()
        self.ended.set()
        return FollowJointTrajectory.Result()


@pytest.fixture
def controller(context):
    node = rclpy.create_node("controllers", context=context)
    controller = SlowController(node)
    stop = rclpy.task.Future()
    executor = PatientExecutor(4, context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin_until_future_complete, args=(stop,))
    thread.start()
    yield controller
    stop.set_result(None)
    thread.join()
    controller.server.destroy()
    node.destroy_node()


@pytest.fixture
def robot(spin, controller):
    node = spin("robot")
    robot = RosRobot(node, CONFIG, MODEL)
    assert ActionClient(node, FollowJointTrajectory, NAME).wait_for_server(60.0)
    yield robot
    robot.close()


def test_the_pose_of_a_base_that_leans_is_refused_by_name(robot):
    """A world that is not level, or a base that is not: what is planned there is wrong."""
    lean = se3(rpy_to_matrix([0.0, np.radians(20.0), 0.0]), np.zeros(3))
    robot.tree.add("map", "base_link", 1.0, lean)
    with pytest.raises(RobotError, match="map is not level: base_link leans by 20.0 degrees"):
        robot.base_pose()
    robot.tree.add("map", "base_link", 1.1, np.eye(4))
    assert np.array_equal(robot.base_pose(), np.eye(4))


def test_a_cancel_reaches_a_goal_that_is_not_accepted_yet(controller, robot):
    trajectory = JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.array([0.0, 2.0]))
    with pytest.raises(MotionCancelled):
        robot.execute_trajectory(trajectory, controller.requested.is_set)
    assert controller.ended.wait(60.0)
    assert controller.cancelled


def test_a_cancel_reaches_a_goal_that_is_followed(controller, robot):
    trajectory = JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.array([0.0, 2.0]))
    with pytest.raises(MotionCancelled):
        robot.execute_trajectory(trajectory, controller.following.is_set)
    assert controller.ended.wait(60.0)
    assert controller.cancelled
