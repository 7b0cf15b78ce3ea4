"""Scan, build, query and grasp over ROS 2 in simulation, and a report of it (`m3 demo`)."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from m3_ros.action import BuildMemory, Grasp, ScanMotion
from m3_ros.capture.messages import to_depth, to_pose
from m3_ros.codes import QueryErrorCode, QueryStatus
from m3_ros.config import M3Config
from m3_ros.errors import M3Error, UsageError
from m3_ros.features.loading import split_name
from m3_ros.geometry import planar_pose
from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.client import Client, ClientError
from m3_ros.nodes.film import Film
from m3_ros.nodes.ground_truth import GroundTruth
from m3_ros.nodes.isolation import isolate
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.nodes.stack import STACKS, NodeDied, Stack
from m3_ros.robot_model import load_robot
from m3_ros.srv import Query, StartScan, StopScan
from m3_ros.view.demo import DemoResult, write_demo_report
from m3_ros.view.page.server import LOCAL, PORT, keep_open
from m3_ros.view.page.show import open_page
from m3_ros.view.progress import advance, show_stage, stage_bar

NODES = (*STACKS["simulation"], *STACKS["m3"])
LIFT_HEIGHT = 0.10  # m, by definition: an object that is held this high is lifted
LIFTED_TIME = 2.0  # s, by definition: it stays there this long
STARTUP = 60.0  # s for all nodes to come up and the camera to deliver; more is a node that hangs
# s: beside 12 busy processes on two cores a round of the loop that drives the base took 1.28 s
PATIENCE = {"hang_timeout": 10.0, "state_timeout": 5.0, "controller_timeout": 5.0}
CONTACT_PATIENCE = 1.5  # s: longer than that round; the simulated arm harms nobody
GRASPABLE = (QueryStatus.FOUND.name, QueryStatus.OUT_OF_VIEW.name)


class DemoFailed(M3Error, RuntimeError):
    """A stage failed; the message says which and why."""


@dataclass(frozen=True)
class DemoOptions:
    """Options of `m3 demo`; `base_shift` is x m, y m, yaw degrees.

    `view` opens the memory as a page afterwards, until Ctrl-C.
    """

    seed: int
    query: str
    scene: Path | None
    base_shift: tuple[float, float, float]
    output: Path
    encoder: str
    view: bool = False


def run_demo(options: DemoOptions) -> int:
    """Run all stages and write the report.

    Returns:
        0 when the object was lifted and held, 1 otherwise.

    Raises:
        ValueError: an option breaks its rule.
    """
    config = settings(options)
    options.output.mkdir(parents=True, exist_ok=True)
    print(f"watch it with ROS_DOMAIN_ID={isolate()}")
    result = DemoResult(options.query, options.seed)
    with Stack(NODES, config, options.output) as stack, Client("demo", stack.check) as client:
        try:
            with closing(Demo(client, config, options, result)) as demo:
                demo.run()
        except (DemoFailed, ClientError, NodeDied, RobotError) as error:
            result.message = str(error)
    write_demo_report(options.output, result)
    print(result.sentence)
    print(f"report: {options.output / 'report.html'}")
    if options.view and result.memory_folder is not None:
        opened = open_page(result.memory_folder, result.scan_folder, LOCAL[0], PORT)
        keep_open(*opened, result.memory_folder)
    return 0 if result.lifted else 1


def settings(options: DemoOptions) -> M3Config:
    """Return the stack's settings for one run.

    Raises:
        UsageError: the query is empty, the shift is not finite, or the encoder is unknown.
        ConfigError: a setting breaks its rule.
    """
    if not options.query.strip():
        rule = "what to find, for instance 'yellow bath duck'"
        raise UsageError.at("query", options.query, rule)
    if not np.isfinite(options.base_shift).all():
        raise UsageError.at("base-shift", options.base_shift, "three finite numbers: m, m, deg")
    split_name(options.encoder)
    config, output = M3Config(), options.output.resolve()
    scene = str(options.scene.resolve()) if options.scene else ""
    return replace(
        config,
        storage=replace(config.storage, scans=f"{output}/scans", memory=f"{output}/memory"),
        features=replace(config.features, models=(options.encoder,)),
        motion=replace(config.motion, **PATIENCE),
        grasp=replace(config.grasp, contact_timeout=CONTACT_PATIENCE),
        simulation=replace(config.simulation, seed=options.seed, scene=scene),
    )


class Demo:
    """One run: every stage calls the stack's services and actions, as any ROS client does."""

    def __init__(
        self, client: Client, config: M3Config, options: DemoOptions, result: DemoResult
    ) -> None:
        self._client, self._config, self._options = client, config, options
        self._result = result
        self._truth = GroundTruth(client.node)
        self._robot = RosRobot(client.node, config, load_robot(config.robot))
        self._film = Film(client.node, result.pictures)

    def close(self) -> None:
        """Stop receiving."""
        self._robot.close()

    def run(self) -> None:
        """Run all stages in order; the arm moves only to what was found.

        Raises:
            DemoFailed, ClientError, NodeDied, RobotError: a stage failed.
        """
        with self._stage("start"):
            self._client.wait_until(lambda: self._truth.poses, STARTUP, "no simulation")
        with self._stage("scan"), self._film.recorded("scan"):
            self._scan()
        with self._stage("build"):
            self._build()
        with self._stage("drive"), self._film.recorded("drive"):
            self._drive()
        with self._stage("query"):
            self._query()
        if self._result.status in GRASPABLE:
            with self._stage("grasp"), self._film.recorded("grasp"):
                self._grasp()

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        print(f"{name} …", flush=True)
        started = time.monotonic()
        try:
            yield
        finally:
            self._result.stages[f"{name}_s"] = round(time.monotonic() - started, 2)

    def _scan(self) -> None:
        start = self._start_scan()
        with tqdm(unit="view", desc="scan", file=sys.stdout) as bar:
            motion = self._client.run(
                ScanMotion,
                "m3/scan_motion",
                ScanMotion.Goal(),
                lambda views: advance(bar, views.visited + views.skipped, views.total),
            )
        stop = self._client.call(StopScan, "m3/scan/stop", StopScan.Request())
        if not motion.success or not stop.success:
            raise DemoFailed(motion.error_msg or stop.error_msg)
        print(f"{stop.keyframes} keyframes in {stop.folder}")
        self._result.scan_folder = Path(start.folder)

    def _start_scan(self) -> StartScan.Response:
        """Start the capture as soon as the camera delivers."""
        deadline = time.monotonic() + STARTUP
        while True:
            start = self._client.call(StartScan, "m3/scan/start", StartScan.Request(), STARTUP)
            if start.success:
                return start
            if time.monotonic() > deadline:
                raise DemoFailed(start.error_msg)

    def _build(self) -> None:
        with stage_bar() as bar:
            built = self._client.run(
                BuildMemory,
                "m3/build_memory",
                BuildMemory.Goal(),
                lambda feedback: show_stage(bar, feedback.stage, feedback.progress),
            )
        if not built.success:
            raise DemoFailed(f"the memory was not built: {built.error_msg}")
        self._result.memory_folder = Path(built.memory)
        self._result.frames = built.frames
        self._result.memory = {
            "gaussians": built.gaussians,
            "psnr_db": round(built.psnr_db, 2),
            "components": built.components,
            "size_bytes": built.size_bytes,
        }

    def _drive(self) -> None:
        """Move the base, so that the camera of the query is not the camera of the scan."""
        x, y, yaw = self._options.base_shift
        goal = self._robot.base_pose() @ planar_pose(x, y, np.deg2rad(yaw))
        limits = self._config.grasp
        self._robot.move_base(goal, limits.base_speed, limits.base_yaw_rate)

    def _query(self) -> None:
        """Query the object's place and compare the answer with the ground truth."""
        text, result = self._options.query, self._result
        request = Query.Request(text=text, with_heatmap=True)
        answer = self._client.call(Query, "m3/query", request, STARTUP, repeat=True)
        if answer.error_code != QueryErrorCode.NONE:
            raise DemoFailed(answer.error_msg)
        result.status = QueryStatus(answer.status.value).name
        result.message = answer.error_msg
        result.view = self._robot.capture_frame().rgb
        if answer.heatmap.data:
            result.heatmap = to_depth(answer.heatmap)
        if result.status in GRASPABLE:
            target, name = to_pose(answer.targets[0].pose)[:3, 3], text.strip().lower()
            result.target = target
            result.object = name if name in self._truth.poses else self._truth.nearest(target)
            result.target_error_m = round(self._truth.distance(result.object, target), 4)

    def _grasp(self) -> None:
        name = self._result.object
        rest = self._truth.poses[name][2, 3]
        with stage_bar() as bar:

            def show(feedback: Grasp.Feedback) -> None:
                self._film.phase = feedback.stage
                show_stage(bar, feedback.stage, feedback.progress)

            goal = Grasp.Goal(text=self._options.query)
            answer = self._client.run(Grasp, "m3/grasp", goal, show)
        if not answer.success:
            raise DemoFailed(answer.error_msg)
        time.sleep(LIFTED_TIME)
        height = self._truth.held_height(name, rest, LIFTED_TIME)
        self._result.lift_height_m = round(float(height), 4)
        self._result.lifted = bool(height >= LIFT_HEIGHT)
