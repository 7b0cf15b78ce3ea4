"""Where is it? as the robot answers it: its own scan, a memory, queries confirmed by its camera.

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
from m3_ros.query.localize import Localizer
from m3_ros.query.result import QueryResult
from m3_ros.sim.mujoco_model import CAMERA_FRAME
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.simulation import Simulation
from m3_ros.types import Array

STEPS = 200
"""Of a fit; a limit in seconds would make the answers depend on what else the machine does."""

load_once = lru_cache(maxsize=1)(load_extractor)


class Recorder:
    """Keeps keyframes of a moving camera; `look` is the robot's `on_tick`."""

    def __init__(self, simulation: Simulation, config: ScanConfig) -> None:
        self._simulation, self._selector = simulation, KeyframeSelector(config)
        self._next = simulation.time
        self.frames: list[RgbdFrame] = []

    def look(self) -> None:
        """Take a frame when one is due and the selector wants it."""
        simulation = self._simulation
        if simulation.time < self._next - 1e-9:
            return
        self._next = simulation.time + 1.0 / simulation.config.camera_rate
        joints = simulation.joint_state()
        T_base_camera = simulation.robot.base_to(CAMERA_FRAME, joints.positions)
        camtoworld = simulation.odometry().T_map_base @ T_base_camera
        if self._selector.accept(camtoworld, joints.stamp):
            self.frames.append(simulation.capture())


def scan(simulation: Simulation, planner: Planner, config: M3Config) -> list[RgbdFrame]:
    """Keyframes of the robot's own scan of the table.

    Raises:
        PlanError: the arm does not reach enough viewpoints.
    """
    recorder, settings = Recorder(simulation, config.scan), config.grasp
    robot = SimulatedRobot(simulation, recorder.look)
    center, here = np.array(settings.scan_center), robot.joint_state().arm
    ring = settings.scan_radius, settings.scan_views
    path = scan_path(planner, center, Scene(np.zeros((0, 3))), here, *ring)
    for _ in follow_scan(robot, planner, path):
        pass
    return recorder.frames


def to_target(result: QueryResult) -> Target:
    """The best answer of a query, as the grasp stage takes it."""
    points = [detection.points for detection in result.detections[:1]]
    return Target(result.status, np.concatenate([np.zeros((0, 3)), *points]), result.message)


def remembered_search(
    simulation: Simulation, planner: Planner, config: M3Config, text: str
) -> tuple[Callable[[], Target], Array]:
    """Scan and remember; returns a search for `text`, and what is remembered around `[S, 3]`."""
    extractors: list[FeatureExtractor] = [load_once(name) for name in config.features.models]
    splat = replace(config.splat, max_iterations=STEPS, max_seconds=0.0)
    frames = scan(simulation, planner, config)
    memory = build_memory(frames, replace(config, splat=splat), extractors)
    localizer = Localizer(memory, extractors[0])
    robot = SimulatedRobot(simulation)

    def localize() -> Target:
        return to_target(localizer.locate(text, robot.capture_frame()))

    means = memory.gaussians.means.detach().numpy().astype(np.float64)
    return localize, solid(means, memory.gaussians.opacities.detach().sigmoid().numpy())
