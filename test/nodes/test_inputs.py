"""A node's inputs outlive any message; a thread that ends all the same ends the node."""

import numpy as np
import pytest
import rclpy
from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from m3_ros.geometry import planar_pose
from m3_ros.nodes.conversions import transform_stamped
from m3_ros.nodes.inputs import InputNode, InputsFailed
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import TF, subscribe_transforms


@pytest.fixture
def owner(context):
    node = rclpy.create_node("owner", context=context)
    yield node
    node.destroy_node()


@pytest.fixture
def inputs(owner):
    node = InputNode(owner)
    yield node
    node.destroy_node()


def bad_transforms():
    zero = TransformStamped(child_frame_id="zero")
    zero.header.frame_id, zero.transform.rotation.w = "foo", 0.0
    not_a_number = TransformStamped(child_frame_id="nan")
    not_a_number.header.frame_id, not_a_number.transform.rotation.x = "foo", np.nan
    far = TransformStamped(child_frame_id="far")
    far.header.frame_id, far.header.stamp.sec = "foo", 2**31 - 1
    nameless = TransformStamped()
    return [zero, not_a_number, far, nameless]


def test_bad_transforms_are_dropped_by_name_and_those_beside_them_arrive(spin, inputs, until):
    monitor = TopicMonitor(inputs)
    tree = subscribe_transforms(inputs, monitor)
    publisher = spin("odometry").create_publisher(TFMessage, "/tf", TF)
    good = transform_stamped("map", "base_link", 5.0, planar_pose(1, 2, 0))
    for bad in bad_transforms():
        publisher.publish(TFMessage(transforms=[bad]))

    def arrived():
        publisher.publish(TFMessage(transforms=[*bad_transforms(), good]))
        return tree.latest("base_link") == 5.0 and tree.dropped.recent()

    until(arrived)
    assert np.allclose(tree.lookup("map", "base_link"), planar_pose(1, 2, 0))
    told = tree.dropped.recent()
    for name in ("foo -> zero", "foo -> nan", "foo -> far", "'' -> ''"):
        assert f"transform {name} is dropped" in told
    assert any("foo -> zero" in problem for problem in monitor.problems())


def test_a_callback_that_raises_loses_its_message_only(spin, inputs, until):
    received = []

    def receive(message):
        received.append(message.data)
        raise ValueError("no good")

    inputs.create_subscription(String, "/words", receive, 10)
    publisher = spin("speaker").create_publisher(String, "/words", 10)
    until(lambda: publisher.publish(String(data="word")) or len(received) > 3)


def test_the_end_of_the_receiving_thread_is_the_end_of_the_node(owner, inputs):
    inputs.create_guard_condition(lambda: 1 / 0).trigger()
    executor = SingleThreadedExecutor(context=owner.context)
    executor.add_node(owner)
    with pytest.raises(InputsFailed, match="owner_inputs: division by zero"):
        for _ in range(100):
            executor.spin_once(timeout_sec=0.1)


@pytest.fixture
def remapped(context):
    """The inputs of a node in a namespace, with remappings of all nodes and of its own."""
    arguments = ["--ros-args", "-r", "__ns:=/robot1", "-r", "a:=b", "-r", "b:=a"]
    arguments += ["-r", "owner:words:=speech", "-r", "/tf:=tf"]
    node = rclpy.create_node("owner", context=context, cli_args=arguments)
    inputs = InputNode(node)
    yield inputs
    inputs.destroy_node()
    node.destroy_node()


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("plain", "/robot1/plain"),
        ("/global", "/global"),
        ("a", "/robot1/b"),  # once: twice would be a again
        ("words", "/robot1/speech"),
        ("/tf", "/robot1/tf"),
    ],
)
def test_the_inputs_have_the_names_of_their_node(spin, remapped, until, name, full):
    received = []
    remapped.create_subscription(String, name, received.append, 10)
    publisher = spin("speaker").create_publisher(String, full, 10)
    until(lambda: publisher.publish(String(data="word")) or received)
    assert remapped.count_publishers(name) == 1
    assert [info.node_name for info in remapped.get_publishers_info_by_topic(name)] == ["speaker"]


def test_the_inputs_have_the_clock_of_their_node(context):
    arguments = ["--ros-args", "-p", "use_sim_time:=true", "-r", "/clock:=/other_clock"]
    node = rclpy.create_node("owner", context=context, cli_args=arguments)
    inputs = InputNode(node)
    assert inputs.get_clock().ros_time_is_active
    assert inputs.get_clock().now().nanoseconds == 0
    assert node.count_subscribers("/other_clock") == 2  # the node's and its inputs'
    inputs.destroy_node()
    node.destroy_node()


def test_a_simulated_clock_that_is_reset_clears_the_transforms(context, spin, until):
    simulated = Parameter("use_sim_time", value=True)
    owner = rclpy.create_node("owner", context=context, parameter_overrides=[simulated])
    inputs = InputNode(owner)
    try:
        tree = subscribe_transforms(inputs, TopicMonitor(inputs))
        publisher = spin("simulator").create_publisher(Clock, "/clock", 10)

        def show(seconds):
            publisher.publish(Clock(clock=Time(sec=seconds)))
            return inputs.get_clock().now().nanoseconds == seconds * 10**9

        until(lambda: show(100))
        tree.add("map", "base_link", 99.0, planar_pose(1, 2, 0))
        tree.add("base_link", "camera", None, planar_pose(0, 0, 1))
        until(lambda: show(5))
        assert tree.latest("base_link") is None
        assert np.allclose(tree.lookup("base_link", "camera"), planar_pose(0, 0, 1))
    finally:
        inputs.destroy_node()
        owner.destroy_node()
