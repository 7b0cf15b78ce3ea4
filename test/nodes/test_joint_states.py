"""Joint states in pieces, with prefixes, without a joint, not finite, contradicting."""

import time

import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import JointState

from m3_ros.config import M3Config, MotionConfig, RobotConfig
from m3_ros.grasp.robot import JointStatesLost
from m3_ros.nodes.conversions import header
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.joint_states import JointStates
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.robot_model import load_robot

MODEL = load_robot()
ARM, GRIPPER = MODEL.arm.joints, MODEL.gripper.joint


@pytest.fixture
def listen(context):
    """Make the receiver of joint states with robot settings."""
    owner = rclpy.create_node("owner", context=context)
    inputs = InputNode(owner)
    monitor = TopicMonitor(inputs)
    yield lambda **names: JointStates(
        inputs,
        M3Config(robot=RobotConfig(**names), motion=MotionConfig(start_timeout=0.5)),
        MODEL,
        monitor,
    )
    inputs.destroy_node()
    owner.destroy_node()


@pytest.fixture
def publish(spin):
    """Publish joint states from a node of its own for each name."""
    publishers = {}

    def send(names, positions, by="driver", **columns):
        if by not in publishers:
            node = spin(by)
            publishers[by] = node.create_publisher(JointState, "/joint_states", 10)
            while not publishers[by].get_subscription_count():
                time.sleep(0.02)
        message = JointState(header=header("", time.time()), name=list(names), **columns)
        message.position = [float(position) for position in positions]
        publishers[by].publish(message)

    return send


def joints(states):
    """The joints, however late they come."""
    end = time.monotonic() + 60.0
    while True:
        try:
            return states.current()
        except JointStatesLost:
            assert time.monotonic() < end


def complaint(states):
    with pytest.raises(JointStatesLost) as caught:
        states.current()
    return str(caught.value)


def test_pieces_by_two_publishers_are_merged(listen, publish):
    states = listen()
    publish(ARM, np.arange(6), by="arm", velocity=[0.5] * 6)
    publish([GRIPPER], [-0.7], by="gripper", effort=[2.0])
    state = joints(states)
    assert state.positions.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -0.7]
    assert state.velocities.tolist() == [0.5] * 6 + [0.0]
    assert state.efforts.tolist() == [0.0] * 6 + [2.0]


def test_joints_come_in_any_order_among_others(listen, publish):
    states = listen()
    publish([GRIPPER, "FL_hip_joint", *ARM[::-1]], range(8))
    assert joints(states).positions.tolist() == [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 0.0]


def test_a_missing_gripper_is_named(listen, publish):
    states = listen()
    publish(ARM, np.zeros(6))
    told = complaint(states)
    assert f"/joint_states has no joint state of {GRIPPER}; it has {', '.join(ARM)}" in told


def test_without_any_message_the_topic_is_named(listen):
    assert "no joint states on /joint_states at all" in complaint(listen())


def test_states_that_stop_are_lost(listen, publish):
    states = listen()
    publish(MODEL.joints, np.zeros(7))
    joints(states)
    time.sleep(MotionConfig().state_timeout + 0.1)
    assert "no joint states on /joint_states for " in complaint(states)


def test_a_prefix_is_a_setting(listen, publish):
    states = listen(joint_prefix="z1_")
    publish([f"z1_{name}" for name in MODEL.joints], np.arange(7))
    assert joints(states).positions.tolist() == list(range(7))


def test_a_prefix_that_is_not_set_is_named_with_the_setting(listen, publish):
    states = listen()
    publish([f"z1_{name}" for name in MODEL.joints], np.arange(7))
    assert f"but of z1_{ARM[0]}; set robot.joint_prefix: z1_" in complaint(states)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_position_that_is_not_finite_is_refused_by_name(listen, publish, value):
    states = listen()
    publish(MODEL.joints, [0.0, 0.0, value, 0.0, 0.0, 0.0, 0.0])
    told = complaint(states)
    assert f"position {value} of {ARM[2]}; it must be finite" in told


def test_velocities_without_a_sensor_are_zero(listen, publish):
    # joint_state_broadcaster fills interfaces that the hardware lacks with NaN.
    states = listen()
    publish(MODEL.joints, np.zeros(7), velocity=[np.nan] * 7, effort=[np.nan] * 7)
    assert not joints(states).velocities.any() and not joints(states).efforts.any()


def test_a_message_with_too_few_positions_is_named(listen, publish):
    states = listen()
    publish(MODEL.joints, np.zeros(6))
    assert "7 names and 6 positions" in complaint(states)


def test_publishers_that_contradict_each_other_are_named(listen, publish):
    states = listen()
    for _ in range(5):
        publish(MODEL.joints, np.zeros(7), by="driver")
        publish(MODEL.joints, np.full(7, 1.2), by="stray")
        time.sleep(0.02)
    told = complaint(states)
    assert "driver, " in told and "stray" in told and "contradict" in told
    assert "between 1.20 and 0.00" in told or "between 0.00 and 1.20" in told


def test_a_joint_at_its_greatest_velocity_does_not_jump(listen, publish):
    states = listen()
    for step in range(50):
        publish(MODEL.joints, MODEL.max_velocity * 0.02 * step)
        time.sleep(0.02)
    joints(states)
