"""Two robots side by side in namespaces, and a robot in simulated time."""

from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from m3_ros.action import Stow
from m3_ros.codes import QueryErrorCode, ScanErrorCode
from m3_ros.config import M3Config
from m3_ros.msg import ScanStatus
from m3_ros.nodes.client import Client
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.stack import Stack, override, ros_arguments
from m3_ros.srv import Query, StartScan, StopScan

SETTINGS = (
    "simulation.width=160",
    "simulation.height=120",
    "simulation.focal_length=95.0",
    "simulation.objects=1",
    "simulation.camera_rate=2.0",
    "scan.start_timeout=30.0",
    "motion.hang_timeout=10.0",
    "motion.controller_timeout=10.0",
    "motion.state_timeout=10.0",
    "grasp.contact_timeout=10.0",
    "motion.start_timeout=60.0",
)
ROBOTS = ("robot1", "robot2")


def settings_of(name, folder, seed=0):
    own = (
        f"simulation.seed={seed}",
        f"storage.scans={folder}/{name}/scans",
        f"storage.memory={folder}/{name}/memory",
    )
    return override(M3Config(), (*SETTINGS, *own))


@pytest.fixture(scope="module")
def client():
    with Client("test", lambda: None) as client:  # its stacks may take long to start
        yield client


@pytest.fixture(scope="module")
def robots(tmp_path_factory, client):
    """Two whole stacks; returns their folder."""
    folder = tmp_path_factory.mktemp("robots")
    with ExitStack() as stacks:
        for seed, name in enumerate(ROBOTS):
            config = settings_of(name, folder, seed)
            arguments = ros_arguments(name)
            nodes = ("simulation", "capture", "query", "guard", "grasp")
            stacks.enter_context(Stack(nodes, config, arguments=arguments))
        yield folder


def scan(client, prefix=""):
    start = client.call(StartScan, f"{prefix}/m3/scan/start", StartScan.Request(), timeout=120.0)
    assert start.error_code == ScanErrorCode.NONE, start.error_msg
    states = []
    topic = f"{prefix}/m3/scan_status"
    client.node.create_subscription(ScanStatus, topic, states.append, LATCHED)
    scanned = f"{start.folder} has no keyframe"
    client.wait_until(lambda: any(s.recording and s.keyframes for s in states), 60.0, scanned)
    return start, client.call(StopScan, f"{prefix}/m3/scan/stop", StopScan.Request(), timeout=60.0)


def test_two_robots_scan_and_answer_side_by_side(client, robots):
    for name in ROBOTS:
        start, stop = scan(client, f"/{name}")
        assert stop.success and start.folder.startswith(f"{robots}/{name}/scans"), stop.error_msg
        answer = client.call(
            Query, f"/{name}/m3/query", Query.Request(text="red box"), timeout=60.0
        )
        assert answer.error_code == QueryErrorCode.NO_MEMORY
        assert f"{robots}/{name}/memory" in answer.error_msg


def test_a_goal_moves_its_own_robot_only(client, robots):
    heard = {name: [] for name in ROBOTS}
    for name, states in heard.items():
        topic = f"/{name}/joint_states"
        client.node.create_subscription(JointState, topic, states.append, 10)
    client.wait_until(lambda: all(heard.values()), 60.0, "no joint states")
    goal = Stow.Goal(posture="scan")
    result = client.run(Stow, f"/{ROBOTS[0]}/m3/stow", goal, timeout=120.0)
    assert result.success, result.error_msg
    moved, still = (
        np.ptp([message.position for message in states], axis=0).max() for states in heard.values()
    )
    assert moved > 0.3 and still < 0.01


def test_nothing_of_a_robot_is_outside_its_namespace(client, robots):
    shared = {"/parameter_events", "/rosout", "/diagnostics"}
    wanted = {"/robot1/tf", "/robot2/joint_states", "/robot1/camera/camera/color/image_raw"}

    def names():
        return {name for name, _ in client.node.get_topic_names_and_types()}

    client.wait_until(lambda: wanted <= names(), 60.0, "topics of a robot are missing")
    outside = {name for name in names() - shared if not name.startswith(("/robot1/", "/robot2/"))}
    assert outside <= {"/tf", "/tf_static"} and not client.node.count_publishers("/tf")


def test_a_robot_in_simulated_time_scans(client, tmp_path):
    config = settings_of("simulated", tmp_path)
    arguments = ros_arguments(use_sim_time=True)
    with Stack(("simulation", "capture"), config, arguments=arguments):
        _, stop = scan(client)
        assert stop.success, stop.error_msg
        clocks = partial(client.node.count_publishers, "/clock")  # found late beside ten nodes
        client.wait_until(lambda: clocks() == 1, 60.0, "not one clock")
