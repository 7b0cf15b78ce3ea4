"""What nodes say about themselves, by diagnostic_updater's conventions."""

import pytest
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from m3_ros.nodes.diagnostics import (
    ERROR,
    OK,
    PERIOD,
    STALE,
    WARN,
    Diagnostics,
    Report,
    diagnostic_name,
)
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.latency import Latency
from m3_ros.nodes.topic_monitor import TopicMonitor


@pytest.fixture
def owner(context):
    """Make a node with the given ROS arguments; all end with the test."""
    nodes = []

    def make(*arguments):
        node = rclpy.create_node("owner", context=context, cli_args=["--ros-args", *arguments])
        inputs = InputNode(node)
        nodes.append((node, inputs))
        return inputs

    yield make
    for node, inputs in nodes:
        inputs.destroy_node()
        node.destroy_node()


@pytest.fixture
def heard(spin):
    """The newest status of each name on /diagnostics."""
    states = {}

    def receive(message):
        states.update({status.name: status for status in message.status})

    spin("ears").create_subscription(DiagnosticArray, "/diagnostics", receive, 10)
    return states


def test_each_task_is_a_status_with_level_values_and_hardware(owner, heard, until):
    inputs = owner()
    diagnostics = Diagnostics(inputs, diagnostic_name(inputs.owner), "b1")
    diagnostics.add("jaws", lambda: Report(ERROR, "stuck", {"width [m]": 0.05}))
    until(lambda: "owner: jaws" in heard)
    status = heard["owner: jaws"]
    assert (status.level, status.message, status.hardware_id) == (ERROR, "stuck", "b1")
    assert [(item.key, item.value) for item in status.values] == [("width [m]", "0.05")]
    assert heard["owner: clock"].level == OK


def test_two_robots_are_told_apart(owner, heard, until):
    inputs = owner("-r", "__ns:=/robot1")
    Diagnostics(inputs, diagnostic_name(inputs.owner), "")
    until(lambda: "/robot1/owner: clock" in heard)


def test_a_simulated_clock_that_nobody_publishes_is_an_error(owner, heard, until):
    inputs = owner("-p", "use_sim_time:=true")
    Diagnostics(inputs, "owner", "")
    until(lambda: "owner: clock" in heard)
    assert heard["owner: clock"].level == ERROR and "/clock" in heard["owner: clock"].message


def test_a_simulated_clock_that_stands_makes_no_input_stale(
    owner, spin, heard, until, monkeypatch
):
    monkeypatch.setattr("m3_ros.nodes.elapsed_time.CLOCK_TIMEOUT", 2.5 * PERIOD)
    inputs = owner("-p", "use_sim_time:=true")
    tick = TopicMonitor(inputs).topic(("words",), QoSProfile(depth=10))
    inputs.create_subscription(String, "words", lambda _: tick(), 10)
    player = spin("player")
    clock = player.create_publisher(Clock, "/clock", 10)
    words = player.create_publisher(String, "words", 10)

    def play():
        clock.publish(Clock(clock=Time(sec=7)))
        words.publish(String())
        return "owner: /words" in heard and heard["owner: /words"].level == OK

    until(play)
    until(lambda: heard["owner: clock"].message == "/clock stands still")
    assert heard["owner: clock"].level == WARN
    assert heard["owner: /words"].level == OK


def test_an_input_that_never_came_is_an_error_and_one_that_fell_silent_is_stale(
    owner, spin, heard, until
):
    inputs = owner()
    monitor = TopicMonitor(inputs)
    tick = monitor.topic(("words",), QoSProfile(depth=10))
    inputs.create_subscription(String, "words", lambda _: tick(), 10)
    until(lambda: "owner: /words" in heard and heard["owner: /words"].level == ERROR)
    publisher = spin("speaker").create_publisher(String, "words", 10)
    until(lambda: publisher.publish(String()) or heard["owner: /words"].level == OK)
    until(lambda: heard["owner: /words"].level == STALE)


def test_a_topic_of_another_type_is_named_with_both(owner, until):
    inputs = owner()
    monitor = TopicMonitor(inputs)
    monitor.topic(("words",), QoSProfile(depth=10))
    inputs.create_subscription(String, "words", lambda _: None, 10)
    assert monitor.problems() == ["nobody publishes /words"]
    other = rclpy.Context()  # one context has a topic with one type only
    rclpy.init(context=other)
    speaker = rclpy.create_node("speaker", context=other)
    speaker.create_publisher(Clock, "words", 10)
    told = "speaker publishes /words as rosgraph_msgs/msg/Clock, and std_msgs/msg/String is read"
    until(lambda: told in monitor.problems()[0])
    speaker.destroy_node()
    other.shutdown()


def test_the_latency_says_nothing_before_the_first_request():
    latency = Latency()
    assert latency.report().message == "no request so far"
    with latency.measured():
        pass
    assert set(latency.report().values) == {"last [ms]", "p50 [ms]", "p95 [ms]"}
