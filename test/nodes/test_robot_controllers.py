"""A controller that is missing, inactive, silent or dying is named, and nothing moves on."""

import importlib.util
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rclpy
import trajectory_msgs.msg as trajectory_msgs
from control_msgs.action import FollowJointTrajectory
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped

from m3_ros.config import M3Config, MotionConfig, RobotConfig
from m3_ros.grasp.robot import JointTrajectory, MotionCancelled, RobotError, TrackingError
from m3_ros.nodes.diagnostics import ERROR, OK
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.robot_model import load_robot

SPEC = importlib.util.spec_from_file_location(
    "fake_controllers", Path(__file__).parent / "fake_controllers.py"
)
fakes = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fakes)
MODEL, ARM, GRIPPER = fakes.MODEL, fakes.ARM, fakes.GRIPPER
TIMEOUT = 0.8  # s, for tests of controllers that are missing or silent
MOTION = MotionConfig(
    require_guard=False,
    controller_timeout=30.0,
    start_timeout=60.0,
    state_timeout=10.0,
    goal_timeout=0.3,
)
CONFIG = replace(M3Config(), motion=MOTION)
STAY = JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.array([0.0, 0.3]))
LONG = JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.array([0.0, 60.0]))
RESULT = FollowJointTrajectory.Result


@pytest.fixture
def fake(context):
    fake = fakes.FakeControllers(rclpy.create_node("controllers", context=context))
    yield fake
    fake.die()
    fake.node.destroy_node()


@pytest.fixture
def make(spin):
    """Make the robot over ROS, when the fake has its servers."""
    robots = []

    def begin(controller_timeout=MOTION.controller_timeout, **names):
        motion = replace(MOTION, controller_timeout=controller_timeout)
        config = replace(CONFIG, motion=motion, robot=replace(CONFIG.robot, **names))
        robots.append(RosRobot(spin("robot"), config, MODEL))
        robots[-1].joint_state()
        return robots[-1]

    yield begin
    for robot in robots:
        robot.close()


def refusal(motion, *arguments):
    """What the error of a motion says."""
    with pytest.raises(RobotError) as error:
        motion(*arguments)
    return str(error.value)


def test_a_gripper_that_nobody_drives_is_named(fake, make):
    said = refusal(make(TIMEOUT).move_gripper, -0.2, 3.0, 0.5)
    assert "nobody serves /gripper_controller/gripper_cmd" in said
    assert "ParallelGripperCommand" in said


def test_an_arm_that_nobody_drives_is_named(fake, make):
    said = refusal(make(TIMEOUT).execute_trajectory, STAY)
    assert "nobody serves /joint_trajectory_controller/follow_joint_trajectory" in said


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({"gripper_controller": "inactive"}, "gripper_controller is inactive: run"),
        ({"other": "active"}, "has not loaded gripper_controller: run"),
        ({"gripper_controller": "active"}, "rejected the goal"),
        (None, "rejected the goal; is gripper_controller loaded and active?"),
    ],
    ids=["inactive", "not loaded", "active", "no manager"],
)
def test_a_rejection_says_what_the_manager_knows(fake, make, states, words):
    fake.serve_gripper(accept=False)
    if states is not None:
        fake.list(**states)
    assert words in refusal(make().move_gripper, -0.2, 3.0, 0.5)


def test_a_controller_of_other_joints_is_named(fake, make):
    fake.serve_gripper(accept=False)
    fake.list("right_finger/position", gripper_controller="active")
    said = refusal(make().move_gripper, -0.2, 3.0, 0.5)
    assert f"gripper_controller commands right_finger, not {MODEL.gripper.joint}" in said


def test_a_controller_that_is_deactivated_in_a_motion_is_named(fake, make):
    goals, states = fake.serve_gripper(seconds=60.0), fake.list(gripper_controller="active")
    robot, box = make(), []
    arguments = (robot.move_gripper, -0.2, 3.0, 0.002)  # for 100 s
    motion = threading.Thread(target=lambda: box.append(refusal(*arguments)))
    motion.start()
    while not goals:
        time.sleep(0.02)
    states["gripper_controller"] = "inactive"
    motion.join(60.0)
    assert "gripper_controller is inactive: run" in box[0] and "its motion is stopped" in box[0]
    assert fake.cancelled.wait(60.0)


def test_limits_of_a_gripper_motion_are_those_of_the_goal(fake, make):
    goals = fake.serve_gripper(reached_goal=True)
    make().move_gripper(-0.2, 3.0, 0.5)
    (command,) = goals
    assert list(command.name) == [MODEL.gripper.joint]
    assert (list(command.position), list(command.velocity)) == ([-0.2], [0.5])
    assert list(command.effort) == [3.0]


def test_the_older_gripper_action(fake, make):
    goals = fake.serve_gripper("gripper_command", stalled=True)
    make(gripper_action="gripper_command").move_gripper(-0.2, 3.0, 0.5)
    assert (goals[0].position, goals[0].max_effort) == (-0.2, 3.0)


def test_jaws_that_stalled_are_no_error_where_the_controller_calls_it_one(fake, make):
    fake.serve_gripper(stalled=True, succeeded=False)
    assert make().move_gripper(-0.2, 3.0, 0.5) == 0.0


def test_a_gripper_that_gave_up_is_an_error(fake, make):
    fake.serve_gripper(succeeded=False)
    assert "neither reached nor stalled" in refusal(make().move_gripper, -0.2, 3.0, 0.5)


@pytest.mark.parametrize(
    ("code", "kind", "name"),
    [
        (RESULT.INVALID_GOAL, RobotError, "INVALID_GOAL"),
        (RESULT.INVALID_JOINTS, RobotError, "INVALID_JOINTS"),
        (RESULT.PATH_TOLERANCE_VIOLATED, TrackingError, "PATH_TOLERANCE_VIOLATED"),
        (RESULT.GOAL_TOLERANCE_VIOLATED, TrackingError, "GOAL_TOLERANCE_VIOLATED"),
    ],
)
def test_a_result_code_is_named(fake, make, code, kind, name):
    fake.serve_arm(code)
    with pytest.raises(RobotError, match=name) as error:
        make().execute_trajectory(STAY)
    assert type(error.value) is kind


def test_a_controller_that_does_not_answer_a_goal_is_named_and_the_goal_cancelled(fake, make):
    fake.serve_arm(seconds=60.0, delay=TIMEOUT + 0.6)
    said = refusal(make(TIMEOUT).execute_trajectory, LONG)
    assert "has not answered a goal" in said
    assert fake.cancelled.wait(60.0)


def test_a_controller_that_falls_silent_in_a_motion_is_named(fake, make):
    fake.serve_arm(seconds=60.0)
    robot, box = make(TIMEOUT), []
    motion = threading.Thread(target=lambda: box.append(refusal(robot.execute_trajectory, LONG)))
    motion.start()
    assert fake.following.wait(60.0)
    time.sleep(0.3)
    fake.silent = True
    motion.join(60.0)
    assert "gives no feedback" in box[0]
    assert fake.cancelled.wait(60.0)


def test_a_controller_that_is_gone_in_a_motion_is_named(fake, make):
    fake.serve_arm(seconds=10.0)
    robot, box = make(), []
    motion = threading.Thread(target=lambda: box.append(refusal(robot.execute_trajectory, LONG)))
    motion.start()
    assert fake.following.wait(60.0)
    fake.die()
    motion.join(60.0)
    assert "is gone" in box[0]


def test_a_node_that_commands_the_arm_in_a_motion_is_named(fake, make, spin):
    fake.serve_arm(seconds=60.0)
    robot, box = make(), []
    topic = f"{ARM}/joint_trajectory"
    publisher = spin("stranger").create_publisher(trajectory_msgs.JointTrajectory, topic, 1)
    motion = threading.Thread(target=lambda: box.append(refusal(robot.execute_trajectory, LONG)))
    motion.start()
    assert fake.following.wait(60.0)
    while motion.is_alive():
        publisher.publish(trajectory_msgs.JointTrajectory())
        time.sleep(0.1)
    assert "another node commands the arm" in box[0] and "/stranger" in box[0]
    assert fake.cancelled.wait(60.0)


def test_a_gripper_server_that_hangs_in_a_motion_is_named_without_feedback_or_manager(fake, make):
    """A killed one is the same: discovery keeps it for its lease, 20 s."""
    fake.serve_gripper(seconds=60.0)
    robot, box = make(TIMEOUT), []
    arguments = (robot.move_gripper, -0.2, 3.0, 0.002)  # for 100 s
    motion = threading.Thread(target=lambda: box.append(refusal(*arguments)))
    motion.start()
    assert fake.asked.wait(60.0)
    fake.hang()
    motion.join(60.0)
    assert "/gripper_controller/gripper_cmd does not answer" in box[0]


def test_a_gripper_of_a_driver_beside_the_controller_manager_is_no_fault(fake, make):
    fake.serve_gripper(seconds=1.0, reached_goal=True)
    fake.list(joint_trajectory_controller="active")
    assert make().move_gripper(-0.2, 3.0, 0.5) == 0.0


def test_a_goal_that_succeeds_elsewhere_has_failed(fake, make):
    """So ends a goal during which another node commands the arm by its topic."""
    fake.serve_arm()
    there = JointTrajectory(np.full((2, 6), 0.5), np.zeros((2, 6)), np.array([0.0, 0.3]))
    with pytest.raises(TrackingError, match="succeeded, and the arm is 0.50 rad off the end"):
        make().execute_trajectory(there)


def test_another_robot_s_goals_have_its_names_and_their_prefix(context, spin):
    model = load_robot(RobotConfig(model="ur5e_2f85"))
    fake = fakes.FakeControllers(rclpy.create_node("driver", context=context), model, "left_")
    fake.serve_arm()
    goals = fake.serve_gripper(reached_goal=True)
    names = replace(CONFIG.robot, model="ur5e_2f85", joint_prefix="left_")
    robot = RosRobot(spin("robot"), replace(CONFIG, robot=names), model)
    try:
        robot.execute_trajectory(STAY)
        robot.move_gripper(0.02, 20.0, 0.075)
    finally:
        robot.close()
        fake.die()
        fake.node.destroy_node()
    assert fake.trajectories[0].joint_names == [f"left_{joint}" for joint in model.arm.joints]
    assert goals[0].name == ["left_finger_joint"]


def test_an_inactive_gripper_gets_no_goal(fake, make):
    """It would accept it, as ros2_controllers does, and move nothing."""
    goals, _ = fake.serve_gripper(), fake.list(gripper_controller="inactive")
    assert "gripper_controller is inactive: run" in refusal(make().move_gripper, -0.2, 3.0, 0.5)
    assert not goals


def test_a_controller_that_forgets_the_result_is_named(fake, make):
    fake.serve_arm(seconds=60.0)
    assert "gives no result" in refusal(make().execute_trajectory, STAY)
    assert fake.cancelled.wait(60.0)


def test_without_the_action_a_cancel_sends_a_point_that_holds(fake, make):
    fake.listen()
    robot, begun = make(TIMEOUT), time.monotonic()
    with pytest.raises(MotionCancelled):
        robot.execute_trajectory(LONG, lambda: len(fake.trajectories) > 0)
    while len(fake.trajectories) < 2 and time.monotonic() < begun + 60.0:
        time.sleep(0.02)
    sent, hold = fake.trajectories
    assert len(sent.points) == 2 and not any(len(point.effort) for point in sent.points)
    (point,) = hold.points
    assert list(point.positions) == [0.0] * 6 and list(point.velocities) == [0.0] * 6
    assert not len(point.effort)
    assert 0 < point.time_from_start.nanosec < 3e8 and point.time_from_start.sec == 0


def test_without_the_action_an_inactive_controller_is_named(fake, make):
    fake.listen()
    fake.list(joint_trajectory_controller="inactive")
    said = refusal(make(TIMEOUT).execute_trajectory, STAY)
    assert "joint_trajectory_controller is inactive" in said and not fake.trajectories


def test_a_stop_without_a_motion_sends_nothing(fake, make):
    fake.listen()
    robot = make(TIMEOUT)
    robot.execute_trajectory(STAY)
    robot.stop()
    time.sleep(0.3)
    assert len(fake.trajectories) == 1


def test_a_base_that_does_not_listen_is_named(fake, make):
    robot = make(TIMEOUT)
    said = refusal(robot.move_base, np.eye(4), 0.1, 0.1)
    assert "nobody listens on /cmd_vel (Twist)" in said


@pytest.fixture
def elsewhere():
    """A node of another process, as far as DDS knows: one process has one type a topic."""
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node("base", context=context)
    yield node
    node.destroy_node()
    context.shutdown()


def test_a_base_that_takes_the_other_type_is_named(fake, make, elsewhere):
    elsewhere.create_subscription(TwistStamped, "/cmd_vel", lambda _: None, 10)
    said = refusal(make(TIMEOUT).move_base, np.eye(4), 0.1, 0.1)
    assert "TwistStamped" in said and "robot.cmd_vel_stamped" in said


def test_stamped_commands_name_the_bases_frame(fake, make):
    received = []
    fake.node.create_subscription(TwistStamped, "/cmd_vel", received.append, 10)
    robot, begun = make(cmd_vel_stamped=True), time.monotonic()
    while not received and time.monotonic() < begun + 60.0:
        robot.hold()
        time.sleep(0.05)
    assert received[0].header.frame_id == "base_link" and received[0].header.stamp.sec > 0
    assert received[0].twist.linear.x == 0.0


def heard_diagnostics(node):
    """The newest status of each name on /diagnostics, its values as a dict."""
    states = {}

    def receive(message):
        for status in message.status:
            values = {item.key: item.value for item in status.values}
            states[status.name] = status.level, status.message, values

    node.create_subscription(DiagnosticArray, "/diagnostics", receive, 10)
    return states


def test_diagnostics_tell_the_state_of_controllers_and_how_goals_ended(fake, make, until):
    fake.serve_arm()
    fake.serve_gripper(accept=False)
    fake.list(joint_trajectory_controller="active", gripper_controller="inactive")
    robot, heard = make(), heard_diagnostics(fake.node)
    arm, gripper = f"robot: {ARM}", f"robot: {GRIPPER}"
    until(lambda: heard.get(gripper, [OK])[0] == ERROR and heard[arm][0] == OK, 60.0)
    assert heard[gripper][1] == "gripper_controller is inactive"
    assert heard[arm][2]["state"] == "active" and heard[arm][2]["last goal"] == "none"
    robot.execute_trajectory(STAY)
    refusal(robot.move_gripper, -0.2, 3.0, 0.5)
    until(lambda: heard[arm][2]["last goal"] == "succeeded", 60.0)
    until(lambda: "is inactive: run" in heard[gripper][2]["last stop"], 60.0)
    assert heard[arm][2]["last stop"] == "none"


def test_diagnostics_tell_that_nobody_serves_a_controllers_action(fake, make, until):
    make()
    heard = heard_diagnostics(fake.node)
    until(lambda: f"robot: {ARM}" in heard, 60.0)
    level, message, values = heard[f"robot: {ARM}"]
    assert level == ERROR and message == f"nobody serves /{ARM}/follow_joint_trajectory"
    assert values["state"].startswith("unknown")
