"""The guard and a moving node in this process, and controllers that note what reaches them."""

import threading
import time

import pytest
import rclpy
from control_msgs.action import FollowJointTrajectory
from geometry_msgs.msg import Twist
from rclpy.action import ActionClient, ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from m3_ros.config import MotionConfig
from m3_ros.msg import GuardStatus, MotionHeartbeat
from m3_ros.nodes import guard_client
from m3_ros.nodes.executor import PatientExecutor
from m3_ros.nodes.guard import GuardNode
from m3_ros.nodes.guard_client import GUARD_TOPIC, HEARTBEAT_TOPIC, GuardClient, GuardError
from m3_ros.nodes.process_state import own_process
from m3_ros.robot_model import load_robot

MODEL = load_robot()
ARM, GRIPPER = MODEL.arm.controller.name, MODEL.gripper.controller.name
ACTION = f"{ARM}/follow_joint_trajectory"
LIMITS = MotionConfig(hang_timeout=30.0, start_timeout=60.0)
"""Pauses of this process stop nothing: a node counts as dead by the state of its process."""
DEAD = f"{own_process().rpartition('/')[0]}/0"  # a process of this machine that has ended


@pytest.fixture
def guard(context, request):
    """A running guard, with a prefix of joints; `stop()` ends it in an orderly way."""
    options = [
        Parameter("motion.hang_timeout", value=LIMITS.hang_timeout),
        Parameter("robot.joint_prefix", value=getattr(request, "param", "")),
    ]
    running = Running(context, lambda: GuardNode(context=context, parameter_overrides=options))
    yield running
    running.stop()


@pytest.fixture
def die(monkeypatch):
    """Have the mover's process count as ended from its next heartbeat on."""
    return lambda: monkeypatch.setattr(guard_client, "own_process", lambda: DEAD)


class Running:
    """A node that spins in a thread until it is stopped or its thread is held."""

    def __init__(self, context, create):
        self.node = create()
        self.executor = PatientExecutor(4, context=context)
        self.executor.add_node(self.node)
        self.ended = False
        self.thread = threading.Thread(target=self.spin)
        self.thread.start()

    def spin(self):
        while not self.ended:
            self.executor.spin_once(timeout_sec=0.05)

    def stop(self):
        if not self.ended:
            self.end()
            self.node.destroy_node()

    def end(self):
        self.ended = True
        self.thread.join()
        self.executor.shutdown()  # what it waited for last keeps servers in use


class Controllers:
    """An arm with an action, a gripper without one, and a base."""

    def __init__(self, node):
        group = ReentrantCallbackGroup()
        self.cancelled = threading.Event()
        self.twists, self.points = [], []
        self.jaw_speed = 0.0
        self.server = ActionServer(
            node, FollowJointTrajectory, ACTION, self.follow,
            cancel_callback=lambda _: CancelResponse.ACCEPT, callback_group=group,
        )  # fmt: skip
        node.create_subscription(Twist, "/cmd_vel", self.twists.append, 10)
        topic = f"{GRIPPER}/joint_trajectory"
        node.create_subscription(JointTrajectory, topic, self.points.append, 10)
        self.states = node.create_publisher(JointState, "/joint_states", 10)
        node.create_timer(0.02, self.publish, callback_group=group)

    def publish(self):
        velocity = [0.0] * 6 + [self.jaw_speed]
        position = [0.1 * i for i in range(6)] + [-0.5]
        self.states.publish(
            JointState(name=list(MODEL.joints), position=position, velocity=velocity)
        )

    def follow(self, goal):
        end = time.monotonic() + 20.0
        while time.monotonic() < end and not goal.is_cancel_requested:
            time.sleep(0.02)
        if goal.is_cancel_requested:
            self.cancelled.set()
            goal.canceled()
        else:
            goal.succeed()
        return FollowJointTrajectory.Result()


@pytest.fixture
def controllers(context):
    running = Running(context, lambda: rclpy.create_node("controllers", context=context))
    controllers = Controllers(running.node)
    yield controllers
    running.end()
    controllers.server.destroy()
    running.node.destroy_node()


@pytest.fixture
def mover(spin):
    """A node that may move the robot: its guard client, and the arm's action client."""
    node = spin("mover")
    client = GuardClient(node, node, LIMITS)
    client.arm = ActionClient(node, FollowJointTrajectory, ACTION)
    return client


def wait(condition, timeout=60.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return True


def move(mover):
    """Send the arm a goal."""
    assert mover.arm.wait_for_server(60.0)
    sent = mover.arm.send_goal_async(FollowJointTrajectory.Goal())
    wait(lambda: sent.done() and sent.result().accepted)


def beat_until(mover, condition):
    wait(lambda: mover.beat() or condition())


@pytest.fixture
def talk(spin, guard):
    """What the guard tells, and a function that sends it a heartbeat of a node."""
    node, seen = spin("talk"), []
    node.create_subscription(GuardStatus, GUARD_TOPIC, seen.append, 10)
    publisher = node.create_publisher(MotionHeartbeat, HEARTBEAT_TOPIC, 10)
    wait(lambda: publisher.get_subscription_count() and seen)
    return seen, lambda **words: publisher.publish(MotionHeartbeat(**words))


def test_while_the_process_runs_and_after_the_motion_nothing_is_stopped(controllers, talk):
    seen, send = talk
    send(node="grasp", process=own_process(), moving=True)
    count = len(seen)
    wait(lambda: len(seen) > count + 3)
    send(node="grasp", process=DEAD, moving=False)
    count = len(seen)
    wait(lambda: len(seen) > count + 3)
    assert not seen[-1].stops and not controllers.cancelled.is_set() and not controllers.twists


def test_strangers_end_no_watch_and_take_no_memory(controllers, guard, talk):
    _, send = talk
    send(node="grasp", process=own_process(), moving=True)
    wait(lambda: guard.node._watches)
    for index in range(150):
        send(node=f"stranger {index}", process=f"{own_process().split('/')[0]}/\u00b2/{index}")
        time.sleep(0.001)
    send(node="grasp", process="elsewhere/1/2", moving=False)
    wait(lambda: ("grasp", "elsewhere/1/2") in guard.node._watches)
    assert guard.node._watches["grasp", own_process()].moving
    assert len(guard.node._watches) <= 101


def test_a_node_that_dies_is_stopped_and_told(controllers, guard, mover, die):
    words = "stopped the robot.*its process has ended"
    with pytest.raises(GuardError, match=words), mover.motion():
        move(mover)
        die()
        mover.beat()
        wait(mover._check)
    assert controllers.cancelled.wait(60.0)
    wait(lambda: controllers.twists)
    assert all(twist == Twist() for twist in controllers.twists)


def test_nodes_are_watched_one_by_one(controllers, talk):
    seen, send = talk
    send(node="/robot1/alive", process=own_process(), moving=True)
    send(node="/robot1/dead", process=DEAD, moving=True)
    wait(lambda: seen[-1].stops)
    assert "/robot1/dead" in seen[-1].reason and "alive" not in seen[-1].reason
    wait(lambda: not seen[-1].stopping)
    assert seen[-1].stops == 1


def test_a_goal_accepted_after_the_first_cancel_is_cancelled_too(controllers, guard, mover, die):
    with pytest.raises(GuardError), mover.motion():
        assert mover.arm.wait_for_server(60.0)
        die()
        mover.keep_alive()
        wait(lambda: mover._status.stopping)
        move(mover)
        assert controllers.cancelled.wait(60.0)
        mover.beat()


@pytest.mark.parametrize("speed", [0.0, -0.1], ids=["squeezing", "moving"])
def test_jaws_without_an_action_hold_only_if_they_move(controllers, guard, mover, die, speed):
    controllers.jaw_speed = speed
    with pytest.raises(GuardError), mover.motion():
        move(mover)
        beat_until(mover, lambda: guard.node._positions)
        die()
        mover.beat()
        wait(mover._check)
    assert controllers.cancelled.wait(60.0)
    wait(lambda: not mover._status.stopping)
    if speed == 0.0:
        assert not controllers.points  # a holding point would end the grip
    else:
        wait(lambda: controllers.points)
        (point,) = controllers.points[0].points
        assert point.positions == pytest.approx([-0.5]) and list(point.velocities) == [0.0]
        assert point.time_from_start.nanosec > 0


def test_a_guard_that_ends_stops_the_motion_it_watches(controllers, guard, mover):
    with pytest.raises(GuardError, match="it has ended|stopped the robot"), mover.motion():
        move(mover)
        beat_until(mover, lambda: any(w.moving for w in guard.node._watches.values()))
        guard.stop()
        assert controllers.cancelled.wait(60.0)
        wait(mover._check)


@pytest.mark.parametrize("guard", ["z1_"], indirect=True)
def test_an_arm_without_an_action_gets_a_holding_point(spin, talk):
    """Joint states come in pieces, with a prefix."""
    _, send = talk
    node, points = spin("controllers"), []
    node.create_subscription(JointTrajectory, f"{ARM}/joint_trajectory", points.append, 10)
    states = node.create_publisher(JointState, "/joint_states", 10)
    measured = [0.1, 0.2, -0.3, 0.4, 0.5, 0.6]
    names = [f"z1_{joint}" for joint in MODEL.arm.joints]
    send(node="grasp", process=own_process(), moving=True)
    wait(states.get_subscription_count)  # the guard listens from the first motion on

    def stopped():
        for piece in (slice(2), slice(2, 6)):
            states.publish(JointState(name=names[piece], position=measured[piece]))
        send(node="grasp", process=DEAD, moving=True)
        time.sleep(0.05)
        return points

    wait(stopped)
    assert points[0].joint_names == names
    (point,) = points[0].points
    assert list(point.positions) == pytest.approx(measured)
    assert list(point.velocities) == [0.0] * 6 and point.time_from_start.nanosec > 0
