"""`m3 bench grasp`: random scenes with physics, one named object lifted in each, failures counted.

The scan, the planning and the execution are the ones that a robot uses. Where the object is comes
from an oracle here: points on its true surface, with noise, so that the figure is the grasp's own.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from m3_ros.config import M3Config
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.outcome import ErrorCode, Target
from m3_ros.grasp.planning import Planner
from m3_ros.resources import resource
from m3_ros.sim.objects import CATEGORIES
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import label_of, random_scene
from m3_ros.sim.simulation import Simulation

Array = NDArray[np.float64]

LIFTED = 0.10  # m
HOLD = 2.0  # s
EYES = ((45.0, 180.0), (45.0, 110.0), (45.0, 250.0), (60.0, 60.0), (60.0, 300.0), (80.0, 0.0))
RAYS = 70  # per side of an eye's grid


@dataclass(frozen=True)
class Trial:
    """One scene.

    Attributes:
        seed: of the scene.
        object: what was asked for.
        lifted: raised 10 cm and held for 2 s.
        error: name of the error code, or what the truth says about a supposed success.
        message: in words.
        retries: grasps after the first.
        height: how far the object had risen at the end, m.
        table_force: greatest force between robot and table, N.
        sim_s: simulated time, s.
        cpu_s: processor time, s.
    """

    seed: int
    object: str
    lifted: bool
    error: str
    message: str
    retries: int
    height: float
    table_force: float
    sim_s: float
    cpu_s: float


class Oracle:
    """Points on the true surface that a ring of eyes would see, off by noise.

    Args:
        simulation: to look into.
        name: of the object.
        noise: standard deviation of each point, m.
        bias: error of all points, `[3]` m.
        rng: randomness.
    """

    def __init__(
        self,
        simulation: Simulation,
        name: str,
        noise: float,
        bias: Array,
        rng: np.random.Generator,
    ) -> None:
        self._world, self._name = simulation.world, name
        self._noise, self._bias, self._rng = noise, bias, rng

    def target(self) -> Target:
        """The object, as a perfect search would report it."""
        own, _ = self._points()
        return Target("FOUND" if len(own) else "NOT_FOUND", own, f"{self._name} (oracle)")

    def surroundings(self) -> Array:
        """Everything else near it `[S, 3]`."""
        return self._points()[1]

    def _points(self) -> tuple[Array, Array]:
        model, data = self._world.model, self._world.data
        body = model.body(self._name).id
        center = data.xipos[body]
        robot = model.body("base_link").id
        hits, owners = [], []
        for elevation, azimuth in np.radians(EYES):
            out = np.array([np.cos(azimuth), np.sin(azimuth)]) * np.cos(elevation)
            eye = center + 0.35 * np.append(out, np.sin(elevation))
            rays = _fan(center - eye, 0.3)
            distance, geom = np.zeros(len(rays)), np.full(len(rays), -1, np.int32)
            groups = np.array([1, 1, 1, 0, 0, 0], np.uint8)
            mujoco.mj_multiRay(
                model, data, eye, rays.ravel(), groups, 1, -1, geom, distance, None, len(rays), 2.0
            )
            hit = geom >= 0
            hits.append(eye + rays[hit] * distance[hit, None])
            owners.append(model.geom_bodyid[geom[hit]])
        points, owner = np.concatenate(hits), np.concatenate(owners)
        points = points + self._rng.normal(0.0, self._noise, points.shape) + self._bias
        outside = model.body_rootid[owner] != robot
        return points[owner == body], points[(owner != body) & outside]


def _fan(axis: Array, half_width: float) -> Array:
    """Unit rays `[N, 3]` about an axis that span +-half_width at its end."""
    forward = axis / np.linalg.norm(axis)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    grid = np.linspace(-half_width, half_width, RAYS) / np.linalg.norm(axis)
    u, v = np.meshgrid(grid, grid)
    rays = forward + u.reshape(-1, 1) * right + v.reshape(-1, 1) * np.cross(right, forward)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def run_trial(
    seed: int, label: str, config: M3Config, noise: float, bias: float, clutter: int
) -> Trial:
    """Lift one object out of one scene.

    Args:
        seed: of the scene and of all noise.
        label: of the object, "<color> <category>".
        config: settings of grasp and simulation.
        noise: standard deviation of the oracle's points, m.
        bias: horizontal error of the oracle, m, in a random direction.
        clutter: other objects on the table.
    """
    rng = np.random.default_rng([seed, 7])
    direction = rng.normal(size=2)
    offset = np.append(bias * direction / np.linalg.norm(direction), 0.0)
    scene = random_scene(seed, clutter + 1, include=(label,))
    simulation = Simulation(replace(config.simulation, seed=seed), scene)
    forces = _TableForce(simulation)
    robot = SimulatedRobot(simulation, forces.look)
    oracle = Oracle(simulation, label, noise, offset, rng)
    planner = Planner(resource("urdf/b1_z1.urdf"), config.grasp)
    rest, started = _lowest(simulation, label), time.process_time()
    outcome = execute_grasp(robot, planner, oracle.target, oracle.surroundings())
    heights = []
    for _ in range(round(HOLD / 0.1)):
        robot.wait(0.1)
        heights.append(_lowest(simulation, label) - rest)
    error = outcome.error_code.name
    lifted = bool(min(heights) >= LIFTED)
    if outcome.error_code is ErrorCode.NONE and not lifted:
        error = "DROPPED"
    trial = Trial(
        seed,
        label,
        lifted,
        error,
        outcome.error_msg,
        outcome.retries,
        round(heights[-1], 4),
        round(forces.greatest, 1),
        round(simulation.time, 1),
        round(time.process_time() - started, 1),
    )
    simulation.close()
    return trial


def _lowest(simulation: Simulation, name: str) -> float:
    """Height of the object's frame in m."""
    return float(simulation.world.pose_of(name)[2, 3])


class _TableForce:
    """Greatest normal force between the table and the robot, in N."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation.world
        model = self._world.model
        self._table = model.geom("table_top").id
        self._robot = model.body("base_link").id
        self.greatest = 0.0

    def look(self) -> None:
        """Called at every tick of the robot."""
        model, data = self._world.model, self._world.data
        force = np.zeros(6)
        for i in range(data.ncon):
            pair = data.contact[i].geom1, data.contact[i].geom2
            if self._table not in pair:
                continue
            other = pair[0] if pair[1] == self._table else pair[1]
            if model.body_rootid[model.geom_bodyid[other]] == self._robot:
                mujoco.mj_contactForce(model, data, i, force)
                self.greatest = max(self.greatest, float(abs(force[0])))


def run(
    scenes: int = 50,
    seed: int = 0,
    noise: float = 0.001,
    bias: float = 0.0,
    clutter: int = 5,
    categories: Sequence[str] = CATEGORIES,
    json_path: Path | None = None,
) -> list[Trial]:
    """Run the benchmark, print its table and optionally write JSON.

    Args:
        scenes: number of scenes, each with its own object, in turn from `categories`.
        seed: of the first scene; the next ones follow.
        noise: standard deviation of the oracle's points, m.
        bias: horizontal error of the oracle, m.
        clutter: other objects on the table.
        categories: kinds of objects asked for.
        json_path: file to write.
    """
    config, console = M3Config(), Console()
    rng = np.random.default_rng([seed, 11])
    trials = []
    for i in range(scenes):
        color = ("yellow", "red", "green", "blue")[int(rng.integers(4))]
        label = label_of(categories[i % len(categories)], color)
        trial = run_trial(seed + i, label, config, noise, bias, clutter)
        trials.append(trial)
        console.print(f"{trial.seed:4d} {trial.object:22s} {trial.error:16s} {trial.message}")
    table = Table(title=f"grasp: {scenes} scenes, noise {noise} m, bias {bias} m")
    for name in ("outcome", "count"):
        table.add_column(name)
    counts = Counter("LIFTED" if trial.lifted else trial.error for trial in trials)
    for name, count in counts.most_common():
        table.add_row(name, f"{count} ({100 * count / len(trials):.1f} %)")
    table.add_row("median CPU s", f"{np.median([trial.cpu_s for trial in trials]):.1f}")
    table.add_row("largest table force N", f"{max(trial.table_force for trial in trials):.1f}")
    console.print(table)
    if json_path is not None:
        json_path.write_text(json.dumps([asdict(trial) for trial in trials], indent=1))
    return trials
