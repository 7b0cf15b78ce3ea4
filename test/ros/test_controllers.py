"""The simulation's controllers over DDS: what they reject, replace, cancel and tell."""

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory, ParallelGripperCommand
from control_msgs.msg import JointTolerance
from controller_manager_msgs.srv import ListControllers
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from m3_ros.config import M3Config
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.client import Client
from m3_ros.nodes.conversions import to_joint_state
from m3_ros.nodes.stack import Stack, override
from m3_ros.robot_model import load_robot

JOINTS = load_robot().joints
ARM = "/joint_trajectory_controller"
GRIPPER = "/gripper_controller/gripper_cmd"
SETTINGS = (
    "simulation.width=160",
    "simulation.height=120",
    "simulation.focal_length=95.0",
    "simulation.objects=1",
    "simulation.camera_rate=1.0",
)
TURN = np.array([0.4, 0, 0, 0, 0, 0])
LONG = 8.0  # s of a motion that a test stops: 0.025 rad in half a second
RESULT = FollowJointTrajectory.Result


class Robot:
    """A client of both controllers, and the newest joints."""

    def __init__(self, client):
        self.client, self.states = client, []
        client.node.create_subscription(JointState, "/joint_states", self.states.append, 20)
        self.topic = client.node.create_publisher(JointTrajectory, f"{ARM}/joint_trajectory", 5)
        self.arm = ThreadSafeActionClient(
            client.node, FollowJointTrajectory, f"{ARM}/follow_joint_trajectory"
        )
        self.gripper = ThreadSafeActionClient(client.node, ParallelGripperCommand, GRIPPER)
        self.wait(
            lambda: (
                self.states
                and self.topic.get_subscription_count()
                and self.arm.server_is_ready()
                and self.gripper.server_is_ready()
            ),
            "the controllers did not come",
        )

    def wait(self, condition, what):
        self.client.wait_until(condition, 60.0, what)

    def joints(self):
        return to_joint_state(self.states[-1], JOINTS)

    def send(self, trajectory, feedback=lambda _: None, **options):
        """Handle of a goal for the arm."""
        goal = FollowJointTrajectory.Goal(trajectory=trajectory, **options)
        return self.done(self.arm.send_goal_async(goal, feedback))

    def close(self, position, **command):
        """Handle of a goal for the gripper."""
        command = JointState(name=[JOINTS[-1]], position=position, **command)
        goal = ParallelGripperCommand.Goal(command=command)
        return self.done(self.gripper.send_goal_async(goal))

    def done(self, future):
        self.wait(future.done, "no answer")
        return future.result()

    def result(self, handle):
        return self.done(handle.get_result_async())

    def rests(self):
        """Whether the arm moves less than 0.01 rad in half a second of the joint states."""
        before = self.joints()
        self.pause(0.5)
        return np.abs(self.joints().arm - before.arm).max() < 0.01

    def pause(self, seconds):
        """Wait by the stamps of the joint states."""
        end = self.joints().stamp + seconds
        self.wait(lambda: self.joints().stamp > end, "no joint states")

    def moves(self, start):
        """Wait until the arm has left `start`, rad."""
        self.wait(lambda: np.abs(self.joints().arm - start).max() > 0.02, "the arm did not move")


@pytest.fixture(scope="module")
def robot():
    config = override(M3Config(), SETTINGS)
    with Stack(["simulation"], config) as stack, Client("test", stack.check) as client:
        robot = Robot(client)
        yield robot
        robot.arm.destroy()
        robot.gripper.destroy()


def trajectory(positions, seconds=1.0, joints=JOINTS[:-1], **point):
    """A trajectory of one point."""
    point = {"velocities": [0.0] * len(joints), **point}
    time_from_start = Duration(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))
    last = JointTrajectoryPoint(
        positions=list(positions), time_from_start=time_from_start, **point
    )
    return JointTrajectory(joint_names=list(joints), points=[last])


REJECTED = {
    "no points": lambda arm: JointTrajectory(joint_names=list(JOINTS[:-1])),
    "a joint left out": lambda arm: trajectory(arm[:5], joints=JOINTS[:5]),
    "another joint": lambda arm: trajectory(arm, joints=[*JOINTS[:5], "thumb"]),
    "effort": lambda arm: trajectory(arm, effort=[1.0] * 6),
    "the last point moves": lambda arm: trajectory(arm, velocities=[0.1] * 6),
}


@pytest.mark.parametrize("make", REJECTED.values(), ids=REJECTED)
def test_the_action_rejects(robot, make):
    assert not robot.send(make(robot.joints().arm + TURN)).accepted
    assert robot.rests()


def test_a_goal_ends_with_success_and_gives_feedback(robot):
    seen, goal = [], robot.joints().arm + TURN
    answer = robot.result(robot.send(trajectory(goal), lambda m: seen.append(m.feedback)))
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert answer.result.error_code == RESULT.SUCCESSFUL
    np.testing.assert_allclose(robot.joints().arm, goal, atol=0.02)
    assert len(seen) > 5 and list(seen[0].joint_names) == list(JOINTS[:-1])
    assert len(seen[0].desired.positions) == len(seen[0].error.positions) == 6


def test_an_empty_trajectory_on_the_topic_is_no_stop_and_a_holding_point_is(robot):
    start = robot.joints().arm
    robot.topic.publish(trajectory(start - TURN, LONG))
    robot.moves(start)
    robot.topic.publish(JointTrajectory())
    assert not robot.rests()
    robot.topic.publish(trajectory(robot.joints().arm, 0.1))
    robot.pause(0.3)
    assert robot.rests()
    assert np.abs(robot.joints().arm - (start - TURN)).max() > 0.05


def test_a_cancelled_goal_holds(robot):
    start = robot.joints().arm
    handle = robot.send(trajectory(start + TURN, LONG))
    robot.moves(start)
    robot.done(handle.cancel_goal_async())
    assert robot.result(handle).status == GoalStatus.STATUS_CANCELED
    robot.pause(0.2)
    assert robot.rests()
    assert np.abs(robot.joints().arm - (start + TURN)).max() > 0.05


def test_a_new_goal_aborts_the_one_under_way(robot):
    start = robot.joints().arm
    first = robot.send(trajectory(start + TURN, LONG))
    second = robot.send(trajectory(start, 1.0))
    answer = robot.result(first)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == RESULT.INVALID_GOAL
    assert "preempted" in answer.result.error_string
    assert robot.result(second).status == GoalStatus.STATUS_SUCCEEDED


def test_a_goals_own_tolerance_is_checked(robot):
    """A path tolerance of 1e-6 rad, less than the arm's lag, ends a motion."""
    path = [JointTolerance(name=JOINTS[0], position=1e-6)]
    handle = robot.send(trajectory(robot.joints().arm + TURN, 1.0), path_tolerance=path)
    answer = robot.result(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.error_code == RESULT.PATH_TOLERANCE_VIOLATED
    assert JOINTS[0] in answer.result.error_string
    robot.pause(0.2)
    assert robot.rests()


def test_the_gripper_opens_stops_and_rejects(robot):
    answer = robot.result(robot.close([-0.8], velocity=[1.5], effort=[10.0]))
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert answer.result.reached_goal and not answer.result.stalled
    assert answer.result.state.position[0] == pytest.approx(-0.8, abs=0.03)
    handle = robot.close([0.0], velocity=[0.1], effort=[3.0])
    robot.wait(lambda: robot.joints().gripper > -0.75, "the jaws did not move")
    robot.done(handle.cancel_goal_async())
    assert robot.result(handle).status == GoalStatus.STATUS_CANCELED
    stopped = robot.joints().gripper
    robot.pause(1.0)
    assert stopped - 0.03 < robot.joints().gripper < min(stopped + 0.03, -0.2)
    assert not robot.close([-0.1, -0.2]).accepted
    assert not robot.close([]).accepted


def test_a_gripper_against_its_stop_has_stalled(robot):
    answer = robot.result(robot.close([0.5], velocity=[1.5], effort=[3.0]))
    assert answer.status == GoalStatus.STATUS_SUCCEEDED  # allow_stalling
    assert answer.result.stalled and not answer.result.reached_goal


def test_the_controllers_are_listed(robot):
    name = "/controller_manager/list_controllers"
    answer = robot.client.call(ListControllers, name, ListControllers.Request())
    states = {item.name: item.state for item in answer.controller}
    assert states == {"joint_trajectory_controller": "active", "gripper_controller": "active"}
