"""One stop in the middle of a motion of the simulated robot, timed until the robot is at rest."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
from rclpy.task import Future
from sensor_msgs.msg import JointState as JointStateMessage

from m3_ros.action import Grasp, ScanMotion
from m3_ros.config import M3Config
from m3_ros.grasp.robot import JointState
from m3_ros.msg import GuardStatus
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.conversions import to_joint_state
from m3_ros.nodes.ground_truth import GroundTruth
from m3_ros.nodes.stack import Stack, override
from m3_ros.robot_model import load_robot

NODES = ("simulation", "guard", "grasp")
PHASES = {
    "scan": "",
    "look": "observe",
    "pre-grasp": "pre-grasp",
    "approach": "approach",
    "close": "close",
    "lift": "lift",
    "place": "lower",
}
"""Phases of motion, and the stage of a grasp's feedback in which each happens. A drive needs a
memory of an object out of reach: `test/ros/test_stops.py` stops one of its own."""
KINDS = {
    "cancel": None,
    "SIGINT": ("grasp", signal.SIGINT),
    "SIGTERM": ("grasp", signal.SIGTERM),
    "SIGKILL": ("grasp", signal.SIGKILL),
    "SIGSTOP": ("grasp", signal.SIGSTOP),
    "guard SIGINT": ("guard", signal.SIGINT),
    "guard SIGKILL": ("guard", signal.SIGKILL),
}
"""Kinds of stop: a cancel of the goal, or a signal to a node."""
MAX_DELAY = 1.0  # s from the first motion of a phase to the stop; phases last 1 s or more
MOVING = np.array([0.05, 0.02])  # joints faster than this (rad/s), base (m/s, rad/s): it moves
REST = np.array([0.02, 0.01])  # slower than this: at rest; 0.02 rad/s are 1 cm/s at full reach
WATCHED = 2.5  # s of joint states after the stop
STARTUP = 90.0  # s for all nodes to start on a loaded machine
PATIENCE = 120.0  # s until a phase comes
DISCOVERY = 3.0  # s in which the nodes find one another, as this one has found them
SETTINGS = (
    "simulation.width=320",
    "simulation.height=240",
    "simulation.focal_length=191.13",
    "simulation.objects=1",
    "simulation.odometry_rate=50.0",
)
"""A small camera, so that physics keeps up with the clock; odometry as often as joint states."""
OBJECT = "yellow bath duck"


@dataclass(frozen=True)
class StopTrial:
    """What one stop came to.

    Attributes:
        phase, kind: keys of `PHASES` and `KINDS`.
        seed: of the scene and the moment.
        speed: of the fastest joint (rad/s), or of the base (m/s), at the stop.
        rest_s: from the stop to the last joint state or odometry in motion, s of wall time.
        moved: of the joint that moved farthest, rad, after the stop.
        driven: by the base after the stop, m.
        guard_stops: how often the guard stopped the robot.
        load: processes ready to run, averaged over a minute, when the trial ended.
    """

    phase: str
    kind: str
    seed: int
    speed: float
    rest_s: float
    moved: float
    driven: float
    guard_stops: int
    load: float


class MotionRecord:
    """Record joint states and odometry with the time of arrival, so that every delay counts."""

    def __init__(self, client: Client, config: M3Config) -> None:
        self._joints = load_robot(config.robot).joints
        self.states: list[tuple[float, JointState]] = []
        self.base: list[tuple[float, np.ndarray, np.ndarray]] = []
        topics = config.robot.joint_states_topic, config.simulation.odometry_topic
        client.node.create_subscription(JointStateMessage, topics[0], self._receive, 50)
        client.node.create_subscription(Odometry, topics[1], self._receive_base, 50)

    def _receive(self, message: JointStateMessage) -> None:
        self.states.append((time.monotonic(), to_joint_state(message, self._joints)))

    def _receive_base(self, message: Odometry) -> None:
        position, twist = message.pose.pose.position, message.twist.twist
        velocity = np.array([twist.linear.x, twist.linear.y, twist.angular.z])
        self.base.append((time.monotonic(), velocity, np.array([position.x, position.y])))

    def speeds(self) -> np.ndarray:
        """Return the newest speeds `[2]` of the fastest joint and of the base."""
        if not self.states or not self.base:
            return np.zeros(2)
        joints, base = self.states[-1][1].velocities, self.base[-1][1]
        return np.array([np.abs(joints).max(), np.abs(base).max()])

    def moving(self) -> bool:
        """Return whether a joint or the base moves."""
        return bool((self.speeds() > MOVING).any())

    def since(self, stop: float) -> tuple[float, float, float]:
        """Return time to rest (s), way of a joint (rad) and of the base (m) after `stop` (s)."""
        fast = [now for now, s in self.states if np.abs(s.velocities).max() > REST[0]]
        fast += [now for now, velocity, _ in self.base if np.abs(velocity).max() > REST[1]]
        joints = np.array([s.positions for now, s in self.states if now >= stop])
        base = np.array([position for now, _, position in self.base if now >= stop])
        return (
            max(0.0, max(fast, default=stop) - stop),
            float(np.abs(joints - joints[0]).max()),
            float(np.linalg.norm(base - base[0], axis=1).max()),
        )


def run_trial(phase: str, kind: str, seed: int, settings: tuple[str, ...] = ()) -> StopTrial:
    """Start the robot, stop it in a phase of a goal, and measure when it rests.

    Args:
        phase: of `PHASES`.
        kind: of `KINDS`.
        seed: of the scene and of the moment.
        settings: replaced ones, as `group.name=value`.

    Raises:
        ClientError: the phase did not come, or the robot did not move in it.
    """
    config = override(M3Config(), [*SETTINGS, f"simulation.seed={seed}", *settings])
    with Stack(NODES, config) as stack, Client("stop_trial") as client:
        robot, truth = MotionRecord(client, config), GroundTruth(client.node)
        guards: list[GuardStatus] = []
        client.node.create_subscription(GuardStatus, "m3/guard", guards.append, 10)
        client.wait_until(lambda: bool(guards and robot.states and truth.poses), STARTUP, "start")
        time.sleep(DISCOVERY)
        stages = [""]
        sent = _send(client, phase, truth, stages)
        _await_moment(client, robot, phase, stages, sent, seed)
        speed = robot.speeds().max()
        stop = time.monotonic()
        if KINDS[kind] is None:
            sent.result().cancel_goal_async()
        else:
            stack.send_signal(*KINDS[kind])
        client.wait_until(
            lambda: robot.states[-1][0] > stop + WATCHED, PATIENCE, "no joint states"
        )
        if kind == "SIGSTOP":
            stack.send_signal("grasp", signal.SIGKILL)
        rest, moved, driven = robot.since(stop)
        stops, load = guards[-1].stops, os.getloadavg()[0]
        return StopTrial(phase, kind, seed, float(speed), rest, moved, driven, stops, load)


def _send(client: Client, phase: str, truth: GroundTruth, stages: list[str]) -> Future:
    """Send the goal that has the phase; return its future."""
    if phase == "scan":
        action = ThreadSafeActionClient(client.node, ScanMotion, "/m3/scan_motion")
        goal, note = ScanMotion.Goal(), None
    else:
        action = ThreadSafeActionClient(client.node, Grasp, "/m3/grasp")
        target = PoseStamped()
        target.header.frame_id = "map"
        point = target.pose.position
        point.x, point.y, point.z = map(float, truth.poses[OBJECT][:3, 3])
        goal = Grasp.Goal(target=target, place=phase == "place")

        def note(message: object) -> None:
            stages.append(message.feedback.stage)

    client.wait_until(action.server_is_ready, STARTUP, "no action server")
    accepted = threading.Event()
    sent = action.send_goal_async(goal, note)
    sent.add_done_callback(lambda _: accepted.set())
    client.wait_until(accepted.is_set, STARTUP, "no answer to the goal")
    return sent


def _await_moment(
    client: Client, robot: MotionRecord, phase: str, stages: list[str], sent: Future, seed: int
) -> None:
    """Wait for motion in the phase, a random time, and motion again."""
    rng = np.random.default_rng([seed, list(PHASES).index(phase)])

    ended = sent.result().get_result_async()

    def moving() -> bool:
        if ended.done():
            raise ClientError(f"the goal ended before {phase}: {ended.result().result.error_msg}")
        return stages[-1] == PHASES[phase] and robot.moving()

    client.wait_until(moving, PATIENCE, f"no motion in {phase}")
    time.sleep(rng.uniform(0.0, MAX_DELAY))
    client.wait_until(moving, PATIENCE, f"no further motion in {phase}")
