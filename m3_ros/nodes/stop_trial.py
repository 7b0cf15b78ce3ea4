"""One stop in the middle of a motion of the simulated robot, timed until the robot is at rest."""

from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rclpy.task import Future

from m3_ros.action import Grasp, Place, ScanMotion
from m3_ros.codes import QueryStatus
from m3_ros.config import M3Config
from m3_ros.msg import GuardStatus, TargetObject
from m3_ros.nodes.action_client import ThreadSafeActionClient
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.conversions import header
from m3_ros.nodes.ground_truth import GroundTruth
from m3_ros.nodes.images import cloud_message
from m3_ros.nodes.motion_record import MotionRecord
from m3_ros.nodes.stack import Stack, override
from m3_ros.nodes.stop_states import (
    FAR,
    HELD,
    HOME,
    VIEW,
    points_file,
    save_states,
    state_file,
)
from m3_ros.srv import Query
from m3_ros.types import Array

NODES = ("simulation", "guard", "grasp")


class Phase(NamedTuple):
    """Where a phase of motion comes from.

    Attributes:
        state: saved state of the simulation (`stop_states.py`) in which its goal is sent.
        action: class of the goal.
        stage: of the goal's feedback in which it happens.
    """

    state: str
    action: type
    stage: str = ""


PHASES = {
    "scan": Phase(HOME, ScanMotion),
    "look": Phase(HOME, Grasp, "observe"),
    "drive": Phase(FAR, Grasp, "drive"),
    "pre-grasp": Phase(VIEW, Grasp, "pre-grasp"),
    "approach": Phase(VIEW, Grasp, "approach"),
    "close": Phase(VIEW, Grasp, "close"),
    "lift": Phase(VIEW, Grasp, "lift"),
    "place": Phase(HELD, Place, "lower"),
}
ACTIONS = {ScanMotion: "/m3/scan_motion", Grasp: "/m3/grasp", Place: "/m3/place"}
KINDS = {
    "cancel": None,
    "SIGINT": ("grasp", signal.SIGINT),
    "SIGTERM": ("grasp", signal.SIGTERM),
    "SIGKILL": ("grasp", signal.SIGKILL),
    "SIGSTOP": ("grasp", signal.SIGSTOP),
    "guard SIGINT": ("guard", signal.SIGINT),
    "guard SIGKILL": ("guard", signal.SIGKILL),
    "guard SIGSTOP": ("guard", signal.SIGSTOP),
}
"""Kinds of stop: a cancel of the goal, or a signal to a node."""
MAX_DELAY = 1.0  # s from the first motion of a phase to the stop; phases last 1 s or more
WATCHED = 1.5  # s of joint states after the stop at least, three times what a kill may take
STILL = 0.5  # s without motion at its end
STARTUP = 90.0  # s for all nodes to start on a loaded machine
PATIENCE = 120.0  # s until a phase comes
DISCOVERY = 2.0  # s in which the nodes find one another, as this one has found them
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


def run_trial(
    phase: str, kind: str, seed: int, folder: Path, settings: tuple[str, ...] = ()
) -> StopTrial:
    """Start the robot where a phase begins, stop it in that phase, and measure when it rests.

    Args:
        phase: of `PHASES`.
        kind: of `KINDS`.
        seed: of the scene and of the moment.
        folder: of saved states; those of the scene are added where they are missing.
        settings: replaced ones, as `group.name=value`.

    Raises:
        ClientError: the phase did not come, or the robot did not move in it.
        UsageError: the scene's object is not lifted, so that there are no states.
    """
    config = override(M3Config(), [*SETTINGS, f"simulation.seed={seed}", *settings])
    save_states(config, OBJECT, folder)
    state = state_file(folder, seed, PHASES[phase].state)
    config = override(config, [f"simulation.state={state}"])
    with Stack(NODES, config) as stack, Client("stop_trial") as client:
        robot, truth = MotionRecord(client, config), GroundTruth(client.node)
        guards: list[GuardStatus] = []
        client.node.create_subscription(GuardStatus, "m3/guard", guards.append, 10)
        client.wait_until(lambda: bool(guards and robot.states and truth.poses), STARTUP, "start")
        stages = [""]
        points = np.load(points_file(folder, seed))
        client.node.create_service(Query, "/m3/query", partial(_answer, points))
        sent = _send(client, PHASES[phase], truth, stages)
        _await_moment(client, robot, phase, stages, sent, seed)
        speed = robot.speeds().max()
        stop = time.monotonic()
        if KINDS[kind] is None:
            sent.result().cancel_goal_async()
        else:
            stack.send_signal(*KINDS[kind])
        client.wait_until(
            lambda: robot.states[-1][0] > stop + max(WATCHED, robot.since(stop)[0] + STILL),
            PATIENCE,
            "the robot does not come to rest",
        )
        if kind.endswith("SIGSTOP"):
            stack.send_signal(KINDS[kind][0], signal.SIGKILL)
        rest, moved, driven = robot.since(stop)
        stops, load = guards[-1].stops, os.getloadavg()[0]
        return StopTrial(phase, kind, seed, float(speed), rest, moved, driven, stops, load)


def _answer(points: Array, _: Query.Request, response: Query.Response) -> Query.Response:
    """Answer a query as a memory does that knows the object's surface `points [N, 3]`, in map."""
    cloud = cloud_message(points, header("map"))
    response.status.value, response.metric = QueryStatus.OUT_OF_VIEW, True
    response.targets = [TargetObject(points=cloud)]
    return response


def _send(client: Client, phase: Phase, truth: GroundTruth, stages: list[str]) -> Future:
    """Send the goal that has the phase; return its future."""
    kind = phase.action
    action = ThreadSafeActionClient(client.node, kind, ACTIONS[kind])
    goal = kind.Goal()
    if phase.state == FAR:
        goal.text = OBJECT
    elif kind is Grasp:
        goal.target.header.frame_id = "map"
        point = goal.target.pose.position
        point.x, point.y, point.z = map(float, truth.poses[OBJECT][:3, 3])

    def note(message: object) -> None:
        stages.append(getattr(message.feedback, "stage", ""))

    client.wait_until(action.server_is_ready, STARTUP, "no action server")
    time.sleep(DISCOVERY)
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
        return stages[-1] == PHASES[phase].stage and robot.moving()

    client.wait_until(moving, PATIENCE, f"no motion in {phase}")
    time.sleep(rng.uniform(0.0, MAX_DELAY))
    client.wait_until(moving, PATIENCE, f"no further motion in {phase}")
