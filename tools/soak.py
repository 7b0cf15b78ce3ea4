"""Scan, build, query and grasp in a loop, with faults thrown in (`make soak`).

Each round does the whole job on the simulated robot, with short scans and builds; between its
steps a node is killed, messages that are wrong in every way are published, or a file is damaged.
Counted are steps that failed, what was lost, and how memory and handles of the nodes grow.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from geometry_msgs.msg import TransformStamped
from sensor_msgs.msg import CameraInfo, Image, JointState, PointCloud2, PointField
from tf2_msgs.msg import TFMessage
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from m3_ros.action import BuildMemory, Grasp, ScanMotion
from m3_ros.capture.scan import Scan
from m3_ros.codes import GraspErrorCode, QueryErrorCode
from m3_ros.config import M3Config
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.msg import MotionHeartbeat
from m3_ros.nodes.bench_load import usage
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.demo import CONTACT_PATIENCE, PATIENCE
from m3_ros.nodes.guard_client import HEARTBEAT_TOPIC
from m3_ros.nodes.isolation import isolate
from m3_ros.nodes.process_state import own_process
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.stack import STACKS, NodeDied, Stack, override
from m3_ros.robot_model import load_robot
from m3_ros.srv import Query, StartScan, StopScan

SETTINGS = (
    "simulation.objects=2",
    "splat.max_iterations=60",
    "memory.refine_steps=5",
    *(f"motion.{name}={value}" for name, value in PATIENCE.items()),
    f"grasp.contact_timeout={CONTACT_PATIENCE}",
)
"""Short builds; and a machine that is busy with them stops no motion, as in `m3 demo`."""
VIEWS = 10  # of a scan
WAIT = 120.0  # s for a step; more is a hang
DISCOVERY = 5.0
"""Time (s) after which clients of before know a node that was killed and started again."""
WARM_UP = 2  # rounds of a node's life after which its memory must stay


class Soak:
    """The nodes, each with a stack of its own so that one can be killed and started again."""

    def __init__(self, client: Client, stacks: dict[str, Stack], folder: Path, seed: int) -> None:
        storage = [f"storage.scans={folder}/scans", f"storage.memory={folder}/memory"]
        self._config = override(M3Config(), [*SETTINGS, *storage])
        self._client, self._folder, self._draw = client, folder, random.Random(seed)
        self._stacks = stacks
        self._usage: dict[str, list[tuple[int, int]]] = {}
        self.problems: list[str] = []
        self.growth: dict[str, tuple[int, int]] = {}
        node = client.node
        arm = f"{load_robot(self._config.robot).arm.controller.name}/joint_trajectory"
        self._publishers = {
            kind: node.create_publisher(kind, topic, LATCHED if kind is PointCloud2 else 1)
            for kind, topic in (
                (TFMessage, "/tf"), (JointState, "/joint_states"), (PointCloud2, "m3/gaussians"),
                (Image, "/camera/camera/color/image_raw"), (JointTrajectory, arm),
                (CameraInfo, "/camera/camera/color/camera_info"),
                (MotionHeartbeat, HEARTBEAT_TOPIC),
            )
        }  # fmt: skip
        for name in (*STACKS["simulation"], *STACKS["m3"]):
            self._start(name)

    def close(self) -> None:
        """End all nodes."""
        for stack in self._stacks.values():
            stack.stop()

    def round(self) -> None:
        """Do the whole job once, with one fault between two of its steps."""
        faults = (self._kill, self._bad_messages, self._damage_memory, lambda: None)
        fault, steps = self._draw.choice(faults), (self._scan, self._build, self._ask, self._grasp)
        place = self._draw.randrange(len(steps))
        for index, step in enumerate(steps):
            try:
                if index == place:
                    fault()
                    if fault == self._kill:
                        time.sleep(DISCOVERY)
                step()
            except (ClientError, NodeDied) as error:
                self.problems.append(f"{step.__name__[1:]}: {error}")
                self._revive()
        for name, stack in self._stacks.items():
            self._usage[name].append(usage(stack.process_id(name)))
            life = self._usage[name]
            if len(life) > WARM_UP:
                grown = tuple(int(v) for v in np.subtract(life[-1], life[WARM_UP - 1]))
                self.growth[name] = max(self.growth.get(name, grown), grown)

    def _start(self, name: str) -> None:
        self._usage[name] = []
        self._stacks[name] = Stack([name], self._config, self._folder).__enter__()

    def _kill(self) -> None:
        name = self._draw.choice(("capture", "memory", "query", "grasp"))
        self._stacks[name].send_signal(name, signal.SIGKILL)
        self._stacks[name].stop()
        self._start(name)

    def _revive(self) -> None:
        """Start the nodes again that have ended."""
        for name, stack in [*self._stacks.items()]:
            try:
                stack.check()
            except NodeDied:
                stack.stop()
                self._start(name)

    def _bad_messages(self) -> None:
        """Publish what is wrong in every way that once harmed a node."""
        transforms = [TransformStamped(child_frame_id="bar") for _ in range(3)]
        for transform in transforms:
            transform.header.frame_id = "foo"
        transforms += [TransformStamped(child_frame_id=f"f{self._draw.random()}")] * 100
        points = [PointField(name=name, datatype=7) for name in ("x", "y", "z", "opacity")]
        nowhere = JointTrajectoryPoint(positions=[float("nan")], velocities=[1e300] * 9)
        machine = own_process().partition("/")[0]
        transforms[1].transform.rotation.x = float("nan")
        transforms[2].header.stamp.sec = 2**31 - 1
        for message in (
            TFMessage(transforms=transforms),
            JointState(name=["joint1"], position=[float("nan")]),
            JointState(name=["joint1", "joint2"], position=[0.0]),
            PointCloud2(width=1000, height=1),
            PointCloud2(width=2**32 - 1, height=2**32 - 1, point_step=4, fields=points),
            MotionHeartbeat(node="x" * 9999, process=f"{machine}/\u00b2/1", moving=True),
            MotionHeartbeat(node="grasp", process=f"{machine}/{'9' * 5000}/1"),
            JointTrajectory(joint_names=["joint1", ""], points=[JointTrajectoryPoint()]),
            JointTrajectory(joint_names=["joint1"], points=[nowhere]),
            Image(width=10, height=10, encoding="rgb8"),
            Image(width=4, height=1, encoding="nonsense", data=[0] * 4),
            CameraInfo(k=[float("nan")] * 9),
        ):
            self._publishers[type(message)].publish(message)

    def _damage_memory(self) -> None:
        """Cut a file of the memory short; the next build replaces it."""
        path = self._folder / "memory/gaussians.ply"
        if path.exists():
            os.truncate(path, path.stat().st_size // 2)
            self._build()

    def _call(self, kind: type, name: str, request: object) -> object:
        return self._client.call(kind, name, request, WAIT, repeat=kind is Query)

    def _scan(self) -> None:
        start, goal = (
            self._call(StartScan, "m3/scan/start", StartScan.Request()),
            ScanMotion.Goal(),
        )
        goal.views = VIEWS
        try:
            self._client.run(ScanMotion, "m3/scan_motion", goal, timeout=WAIT)
        finally:
            stop = self._call(StopScan, "m3/scan/stop", StopScan.Request())
        if not (start.success and stop.success):
            self.problems.append(f"scan: {start.error_msg or stop.error_msg}")
        elif len(Scan.open(stop.folder)) != stop.keyframes:
            self.problems.append(f"scan: keyframes of {stop.folder} are lost")

    def _build(self) -> None:
        built = self._client.run(
            BuildMemory, "m3/build_memory", BuildMemory.Goal(), timeout=5 * WAIT
        )
        if not built.success:
            self.problems.append(f"build: {built.error_msg}")
        SpatialMemory.load(self._folder / "memory")

    def _ask(self) -> None:
        for text in ("yellow bath duck", "red mug", "box"):
            answer = self._call(Query, "m3/query", Query.Request(text=text))
            if answer.error_code != QueryErrorCode.NONE:
                self.problems.append(f"query: {answer.error_msg}")

    def _grasp(self) -> None:
        goal = Grasp.Goal(text="box", dry_run=True)
        result = self._client.run(Grasp, "m3/grasp", goal, timeout=WAIT)
        if result.error_code == GraspErrorCode.EXECUTION_FAILED:
            self.problems.append(f"grasp: {result.error_msg}")


def main() -> int:
    """Run rounds for the time given; return 1 where something failed or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    isolate()
    rounds, end = 0, time.monotonic() + 60.0 * options.minutes
    stacks: dict[str, Stack] = {}

    def check() -> None:
        for stack in stacks.values():
            stack.check()

    with tempfile.TemporaryDirectory(prefix="m3_soak_") as folder, Client("soak", check) as client:
        soak = Soak(client, stacks, Path(folder), options.seed)
        try:
            while time.monotonic() < end:
                known = len(soak.problems)
                soak.round()
                rounds += 1
                for problem in soak.problems[known:]:
                    print(problem)
                print(
                    f"{rounds} rounds, {len(soak.problems)} problems; growth by node (MB, "
                    f"handles): {soak.growth}",
                    flush=True,
                )
        finally:
            soak.close()
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())
