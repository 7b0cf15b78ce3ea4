"""The grasp node drives the simulation node over DDS: scan, cancel, refuse, grasp and lift."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from action_msgs.msg import GoalStatus, GoalStatusArray
from action_msgs.srv import CancelGoal
from ament_index_python.packages import get_package_prefix
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from sensor_msgs.msg import JointState, PointCloud2
from visualization_msgs.msg import MarkerArray

from m3_ros.action import Grasp, Place, Release, ScanMotion, Stow
from m3_ros.codes import (
    GraspErrorCode,
    MoveErrorCode,
    PlaceErrorCode,
    QueryStatus,
    ScanMotionErrorCode,
)
from m3_ros.config import M3Config
from m3_ros.msg import TargetObject
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.conversions import header, to_joint_state
from m3_ros.nodes.ground_truth import GroundTruth
from m3_ros.nodes.images import cloud_message
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.stack import Stack, override
from m3_ros.robot_model import load_robot
from m3_ros.sim.scene import TABLE_HEIGHT
from m3_ros.srv import Query

M3 = Path(get_package_prefix("m3_ros")) / "bin/m3"
JOINTS = load_robot().joints
SETTINGS = (
    "simulation.width=320",
    "simulation.height=240",
    "simulation.focal_length=191.13",
    "simulation.objects=1",
    "grasp.max_attempts=2",
    "motion.hang_timeout=10.0",
    "motion.controller_timeout=10.0",
    "motion.state_timeout=10.0",
    "grasp.contact_timeout=10.0",
    "motion.start_timeout=60.0",
    "motion.query_timeout=4.0",
)
CODES = {Grasp: GraspErrorCode, ScanMotion: ScanMotionErrorCode}
DUCK = "yellow bath duck"


@pytest.fixture(scope="module")
def settings():
    return override(M3Config(), SETTINGS)


@pytest.fixture(scope="module")
def grasp_node(settings):
    with Stack(["guard", "grasp"], settings) as running:
        yield running


@pytest.fixture(scope="module")
def client(settings, grasp_node):
    with Stack(["simulation"], settings) as stack, Client("test", stack.check) as client:
        client.truth = GroundTruth(client.node)
        client.joints = []
        client.node.create_subscription(
            JointState,
            "/joint_states",
            lambda m: client.joints.append(to_joint_state(m, JOINTS)),
            10,
        )
        client.wait_until(lambda: client.truth.poses and client.joints, 60.0, "no simulation")
        yield client


def moved_since(client, count):
    """Largest joint motion in rad since the joint state of that number."""
    positions = np.array([joints.positions for joints in client.joints[count:]])
    return np.ptp(positions, axis=0).max() if len(positions) else 0.0


def motion(client, seconds=1.0):
    """Largest joint motion in rad in the time from now on, by the stamps of the joint states."""
    count, end = len(client.joints), client.joints[-1].stamp + seconds
    client.wait_until(lambda: client.joints[-1].stamp > end, 60.0, "no joint states")
    return moved_since(client, count)


def test_nothing_moves_without_a_goal(client):
    assert motion(client) < 0.01


def test_a_text_without_a_query_service_moves_nothing(client):
    count = len(client.joints)
    result = client.run(Grasp, "/m3/grasp", Grasp.Goal(text=DUCK), timeout=60.0)
    assert not result.success and result.error_code == GraspErrorCode.EXECUTION_FAILED
    assert "/m3/query" in result.error_msg
    assert moved_since(client, count) < 0.01


def shown_ahead(client, displayed):
    """Return a list that gets the names and numbers of points of the markers shown from now on."""
    topic, shown = "/m3/motion_markers", []
    publishers = client.node.get_publishers_info_by_topic(topic)
    assert {info.topic_type for info in publishers} == {displayed[topic]}
    client.node.create_subscription(
        MarkerArray,
        topic,
        lambda m: shown.append([(each.ns, len(each.points)) for each in m.markers[1:]]),
        LATCHED,
    )
    return shown


def test_a_scan_can_be_cancelled_and_the_arm_stops(client, displayed):
    action = ThreadSafeActionClient(client.node, ScanMotion, "/m3/scan_motion")
    seen, answered, ended = [], threading.Event(), threading.Event()
    ahead = shown_ahead(client, displayed)
    assert action.wait_for_server(60.0)
    sent = action.send_goal_async(ScanMotion.Goal(), lambda m: seen.append(m.feedback.visited))
    sent.add_done_callback(lambda _: answered.set())
    assert answered.wait(60.0)
    handle = sent.result()
    busy = client.run
    with pytest.raises(Exception, match="rejected"):
        busy(Grasp, "/m3/grasp", Grasp.Goal(text=DUCK), timeout=60.0)
    client.wait_until(lambda: seen, 60.0, "no viewpoint was reached")
    handle.cancel_goal_async()
    result = handle.get_result_async()
    result.add_done_callback(lambda _: ended.set())
    assert ended.wait(60.0)
    answer = result.result()
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.error_code == ScanMotionErrorCode.CANCELLED
    assert 0 < answer.result.visited < 60
    assert motion(client) < 0.01
    action.destroy()
    client.wait_until(lambda: len(ahead) > 2 and not ahead[-1], 60.0, "views are shown for ever")
    left = [points for markers in ahead for name, points in markers if name == "views"]
    assert len(left) > 1 and left == sorted(left, reverse=True) and left[-1] < left[0]


def in_order(expected, stages):
    """Whether the expected stages come in this order, others between them."""
    rest = iter(stages)
    return all(stage in rest for stage in expected)


def at(place):
    """A grasp's target at `[3]` in map, m."""
    target = PoseStamped()
    target.header.frame_id = "map"
    point = target.pose.position
    point.x, point.y, point.z = (float(value) for value in place)
    return target


def test_the_object_at_a_pose_is_lifted(client):
    place = client.truth.poses[DUCK][:3, 3].copy()
    stages = []
    goal = Grasp.Goal(target=at(place))
    result = client.run(Grasp, "/m3/grasp", goal, lambda f: stages.append(f.stage), timeout=300.0)
    assert result.success, result.error_msg
    assert result.error_code == GraspErrorCode.NONE and result.lift_height > 0.10
    assert in_order(("observe", "approach", "close", "lift"), stages), stages
    time.sleep(2.0)
    assert client.truth.poses[DUCK][2, 3] - place[2] > 0.10
    assert abs(result.grasp.pose.position.x - place[0]) < 0.25


@pytest.fixture(scope="module")
def tray():
    """Points `[N, 3]` of half of the table, as near to each other as those of a memory."""
    x, y = np.meshgrid(np.arange(0.4, 1.0, 0.008), np.arange(0.02, 0.5, 0.008))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, TABLE_HEIGHT)], axis=1)


@pytest.fixture(scope="module")
def query(client, tray):
    """Remember the tray; answer /m3/query: the object is out of view, the arm moves to see it."""

    def answer(request, response):
        points = client.truth.poses[DUCK][None, :3, 3]
        response.status.value = QueryStatus.OUT_OF_VIEW
        if request.text == "tray":
            points, response.status.value = tray, QueryStatus.FOUND
        response.metric = True
        response.targets = [TargetObject(points=cloud_message(points, header("map")))]
        return response

    memory = client.node.create_publisher(PointCloud2, "/m3/gaussians", LATCHED)
    client.wait_until(memory.get_subscription_count, 60.0, "nobody takes the memory")
    opacity = {"opacity": np.ones(len(tray), np.float32)}
    memory.publish(cloud_message(tray, header("map"), opacity))
    return client.node.create_service(Query, "/m3/query", answer)


def test_what_is_held_is_kept_until_it_is_put_down_on_the_named_surface(client, query, tray):
    """The grasp before holds it; goals that would open the jaws or swing the arm are refused."""
    count = len(client.joints)
    for kind, name, goal in (
        (Grasp, "/m3/grasp", Grasp.Goal(text=DUCK)),
        (ScanMotion, "/m3/scan_motion", ScanMotion.Goal()),
    ):
        result = client.run(kind, name, goal, timeout=60.0)
        assert not result.success and result.error_code == CODES[kind].HOLDING
        assert "m3 place" in result.error_msg and "m3 release" in result.error_msg
    assert moved_since(client, count) < 0.01
    result = client.run(Place, "/m3/place", Place.Goal(surface="tray"), timeout=300.0)
    assert result.success, result.error_msg
    time.sleep(1.0)
    spot, place = result.spot.point, client.truth.poses[DUCK][:3, 3]
    assert tray[:, 1].min() < spot.y < tray[:, 1].max()
    assert np.hypot(spot.x - place[0], spot.y - place[1]) < 0.05
    assert 0.0 < place[2] - spot.z < 0.08 and client.joints[-1].gripper < -0.2
    assert client.run(Place, "/m3/place", Place.Goal()).error_code == PlaceErrorCode.NOTHING_HELD


def test_the_arm_is_folded_and_the_jaws_open_on_request(client):
    result = client.run(Stow, "/m3/stow", Stow.Goal(), timeout=120.0)
    assert result.success, result.error_msg
    home = load_robot().home
    client.wait_until(
        lambda: np.abs(client.joints[-1].arm - home).max() < 0.05, 60.0, "the arm is not at home"
    )
    result = client.run(Stow, "/m3/stow", Stow.Goal(posture="bed"))
    assert result.error_code == MoveErrorCode.PLAN_FAILED and "'bed'" in result.error_msg
    before = client.joints[-1]
    result = client.run(Release, "/m3/release", Release.Goal(), timeout=60.0)
    assert result.success, result.error_msg
    assert client.joints[-1].gripper < before.gripper - 0.2
    assert np.abs(client.joints[-1].arm - before.arm).max() < 0.01
    goal = ScanMotion.Goal(radius=float("nan"))
    result = client.run(ScanMotion, "/m3/scan_motion", goal, timeout=60.0)
    assert not result.success and "radius = nan; it must be 0 to 1000, m" in result.error_msg


def test_deactivated_in_the_middle_of_a_motion_the_arm_stops_and_can_go_on_later(client):
    action = ThreadSafeActionClient(client.node, ScanMotion, "/m3/scan_motion")
    assert action.wait_for_server(60.0)
    count, accepted = len(client.joints), []
    sent = action.send_goal_async(ScanMotion.Goal())
    client.wait_until(lambda: moved_since(client, count) > 0.05, 60.0, "the arm did not move")
    assert change_state(client, Transition.TRANSITION_DEACTIVATE)
    assert motion(client) < 0.01
    ended = sent.result().get_result_async()
    client.wait_until(ended.done, 60.0, "the goal did not end")
    assert ended.result().result.error_code == ScanMotionErrorCode.CANCELLED
    with pytest.raises(ClientError, match="not active"):
        client.run(ScanMotion, "/m3/scan_motion", ScanMotion.Goal())
    assert change_state(client, Transition.TRANSITION_ACTIVATE)
    action.send_goal_async(ScanMotion.Goal()).add_done_callback(
        lambda sent: accepted.append(sent.result()) or sent.result().cancel_goal_async()
    )
    client.wait_until(lambda: accepted, 60.0, "no answer")
    assert accepted[0].accepted
    client.wait_until(lambda: motion(client, 0.5) < 0.002, 60.0, "the goal did not end")
    action.destroy()


def change_state(client, number):
    request = ChangeState.Request(transition=Transition(id=number))
    return client.call(ChangeState, "/grasp/change_state", request, timeout=60.0).success


@pytest.fixture(scope="module")
def goals(client):
    """Every status of every goal of /m3/grasp so far."""
    seen = []
    client.node.create_subscription(
        GoalStatusArray,
        "/m3/grasp/_action/status",
        lambda m: seen.extend(goal.status for goal in m.status_list[-1:]),
        LATCHED,
    )
    return seen


@pytest.mark.parametrize(
    ("options", "number", "stops"),
    [
        (("--stop-on-exit",), signal.SIGKILL, True),
        ((), signal.SIGINT, True),
        ((), signal.SIGKILL, False),
    ],
    ids=["killed with the flag", "ctrl-c", "killed"],
)
def test_the_end_of_m3_grasp(client, query, goals, options, number, stops):
    count = len(client.joints)
    command = [sys.executable, str(M3), "grasp", DUCK, *options]
    process = subprocess.Popen(command, preexec_fn=default_interrupts)
    client.wait_until(lambda: moved_since(client, count) > 0.05, 60.0, "the arm did not move")
    del goals[:-1]
    process.send_signal(number)
    process.wait(60.0)
    if not stops:
        motion(client, 0.5)
        assert goals[-1] == GoalStatus.STATUS_EXECUTING
        client.call(CancelGoal, "/m3/grasp/_action/cancel_goal", CancelGoal.Request())
    ended = GoalStatus.STATUS_ABORTED if options else GoalStatus.STATUS_CANCELED
    client.wait_until(lambda: goals[-1] == ended, 60.0, "the goal did not end")
    assert motion(client) < 0.01


def default_interrupts():
    """A test run in the background ignores SIGINT, and so would its processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_in_the_middle_of_a_motion_holds_the_arm(client, grasp_node):
    goals = []
    name = f"{load_robot().arm.controller.name}/follow_joint_trajectory"
    client.node.create_subscription(
        GoalStatusArray, f"{name}/_action/status", lambda m: goals.extend(m.status_list), LATCHED
    )
    action = ThreadSafeActionClient(client.node, ScanMotion, "/m3/scan_motion")
    assert action.wait_for_server(60.0)
    count = len(client.joints)
    action.send_goal_async(ScanMotion.Goal())
    client.wait_until(lambda: moved_since(client, count) > 0.05, 60.0, "the arm did not move")
    grasp_node.stop()
    client.wait_until(
        lambda: goals and goals[-1].status == GoalStatus.STATUS_CANCELED, 60.0, "no cancelled goal"
    )
    assert motion(client) < 0.01
    action.destroy()
