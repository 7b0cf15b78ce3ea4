"""The robot's own search: scan, build a memory, send queries that its camera verifies.

The same stages as over ROS 2, in one process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch._dynamo  # noqa: F401  brings an LLVM; after the renderer's it would crash

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.config import M3Config, ScanConfig
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.features.loading import load_extractor
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.outcome import Target
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.points import solid
from m3_ros.grasp.scan_path import follow_scan, scan_path
from m3_ros.memory.build import build_memory
from m3_ros.query.answer import Localizer
from m3_ros.query.result import QueryResult
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.simulation import Simulation
from m3_ros.types import Array

STEPS = 200
"""Steps of a fit; a limit in seconds would make the answers depend on the machine's load."""

load_once = lru_cache(maxsize=1)(load_extractor)


class Recorder:
    """Keeps keyframes of a moving camera; `capture` is the robot's `on_tick`."""

    def __init__(self, simulation: Simulation, config: ScanConfig) -> None:
        self._simulation, self._selector = simulation, KeyframeSelector(config)
        self._next = simulation.time
        self.frames: list[RgbdFrame] = []

    def capture(self) -> None:
        """Take a frame when one is due and the selector accepts it."""
        simulation = self._simulation
        if simulation.time < self._next - 1e-9:
            return
        self._next = simulation.time + 1.0 / simulation.config.camera_rate
        joints = simulation.joint_state()
        T_base_camera = simulation.robot.base_to(
            simulation.robot_model.camera_frame, joints.positions
        )
        camtoworld = simulation.odometry().T_map_base @ T_base_camera
        if self._selector.accept(camtoworld, joints.stamp):
            self.frames.append(simulation.capture())


def scan(simulation: Simulation, planner: Planner, config: M3Config) -> list[RgbdFrame]:
    """Return keyframes of the robot's own scan of the table.

    Raises:
        PlanError: the arm does not reach enough viewpoints.
    """
    recorder, settings = Recorder(simulation, config.scan), config.grasp
    robot = SimulatedRobot(simulation, recorder.capture)
    center, here = np.array(settings.scan_center), robot.joint_state().arm
    ring = settings.scan_radius, settings.scan_views
    path = scan_path(planner, center, Scene(np.zeros((0, 3))), here, *ring)
    for _ in follow_scan(robot, planner, path):
        pass
    return recorder.frames


def to_target(result: QueryResult) -> Target:
    """Return the best target of a query, as the grasp stage takes it."""
    return Target.of_answer(result.status, [t.points for t in result.targets], result.message)


def remembered_search(
    simulation: Simulation, planner: Planner, config: M3Config, text: str
) -> tuple[Callable[[], Target], Array]:
    """Scan, build a memory; return a search for `text` and the memory's solid points `[S, 3]`."""
    extractors: list[FeatureExtractor] = [load_once(name) for name in config.features.models]
    splat = replace(config.splat, max_iterations=STEPS)
    frames = scan(simulation, planner, config)
    memory = build_memory(frames, replace(config, splat=splat), extractors)
    localizer = Localizer(memory, extractors[0])
    robot = SimulatedRobot(simulation)

    def localize() -> Target:
        return to_target(localizer.locate(text, robot.capture_frame()))

    means = memory.gaussians.means.detach().cpu().numpy().astype(np.float64)
    return localize, solid(means, memory.gaussians.opacities.detach().sigmoid().cpu().numpy())
