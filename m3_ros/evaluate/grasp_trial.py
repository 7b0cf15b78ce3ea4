"""One trial of `m3 bench grasp`: a random scene with physics, one object to lift and hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import radians

import numpy as np

from m3_ros.codes import GraspErrorCode
from m3_ros.config import M3Config
from m3_ros.evaluate.contact_forces import ContactForces
from m3_ros.evaluate.grasp_oracle import Oracle
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.outcome import GraspOutcome, Target
from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import RobotError
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.scene import TableScene, random_scene
from m3_ros.sim.simulation import Simulation
from m3_ros.types import Array, Image

LIFTED = 0.10  # m
HOLD = 2.0  # s
CARRIED = 0.05  # another object raised by this has been grasped, m
MASS = (0.02, 0.5)  # of the object asked for, kg, evenly over their logarithms
FRICTION = (0.4, 1.0)
PICTURED = {"observe": "before", "approach": "above", "lift": "closed"}
"""Stages at whose beginning a picture is taken, and what it shows."""


@dataclass(frozen=True)
class Conditions:
    """What a trial is made hard by, besides the sensors' noise.

    Attributes:
        oracle: the truth says where the object is, instead of a scan, a memory and a query.
        clutter: other objects on the table.
        noise: standard deviation of the oracle's points, m.
        bias: horizontal error of the oracle in a random direction, m.
        hand_eye: true camera mount off the URDF's, m and degrees.
        drift: error of the odometry since the memory was made, in a random direction, m.
    """

    oracle: bool = True
    clutter: int = 5
    noise: float = 0.001
    bias: float = 0.0
    hand_eye: tuple[float, float] = (0.0, 0.0)
    drift: float = 0.0


@dataclass(frozen=True)
class Trial:
    """One scene.

    Attributes:
        seed: of the scene.
        object: what was asked for.
        lifted: raised 10 cm and held for 2 s.
        error: name of the error code, or what the truth says about a supposed success: DROPPED,
            WRONG_OBJECT.
        message: in words.
        retries: grasps after the first.
        height: how far the object had risen at the end, m.
        mass, friction: of the object, kg.
        width: smaller horizontal side of the box around it, m.
        target_error: of the first answer to "where is it?", middle to middle, m; NaN without.
        table_force: greatest force of the robot on the table, N.
        pressed_force: greatest force of the object on the table until it is lifted, N.
        sim_s: simulated time of the grasp, s.
        cpu_s: processor time of the grasp, s.
    """

    seed: int
    object: str
    lifted: bool
    error: str
    message: str
    retries: int
    height: float
    mass: float
    friction: float
    width: float
    target_error: float
    table_force: float
    pressed_force: float
    sim_s: float
    cpu_s: float

    @property
    def outcome(self) -> str:
        """LIFTED, or why not."""
        return "LIFTED" if self.lifted else self.error


@dataclass
class _Watcher:
    """What is noted while the executor works."""

    simulation: Simulation
    forces: ContactForces
    pictures: dict[str, Image] | None
    label: str
    first: Target | None = None

    def begin(self) -> None:
        """Note when the grasp begins, and where everything is then."""
        self.time, self.cpu = self.simulation.time, time.process_time()
        self.rest = self.heights()
        self.truth = self.simulation.ground_truth()[self.label][:3, 3]

    def stage(self, stage: str, *_: object) -> None:
        """The executor's feedback."""
        self.forces.pressing = stage in ("approach", "close")
        if self.pictures is not None and stage in PICTURED:
            self.pictures[PICTURED[stage]] = self.simulation.picture()

    def remember(self, localize: Callable[[], Target]) -> Callable[[], Target]:
        """The same search; its first answer is kept."""

        def search() -> Target:
            target = localize()
            self.first = self.first or target
            return target

        return search

    def heights(self) -> dict[str, float]:
        """How high the objects stand, by name, m."""
        world = self.simulation.world
        return {item.name: float(world.pose_of(item.name)[2, 3]) for item in world.scene.objects}


def run_trial(
    seed: int,
    label: str,
    config: M3Config,
    conditions: Conditions,
    pictures: dict[str, Image] | None = None,
) -> Trial:
    """Lift one object out of one scene.

    Args:
        seed: of the scene and of all noise.
        label: of the object, "<color> <category>".
        config: settings of all stages.
        conditions: errors and clutter.
        pictures: filled with what an outside camera sees, where given.
    """
    rng = np.random.default_rng([seed, 7])
    shift, turn = conditions.hand_eye
    mount = replace(config.simulation, seed=seed, mount_error=(shift, radians(turn)))
    scene = _with_random_material(random_scene(seed, conditions.clutter + 1, (label,)), rng)
    simulation = Simulation(mount, scene)
    forces = ContactForces(simulation.world, label)
    watcher = _Watcher(simulation, forces, pictures, label)
    robot = SimulatedRobot(simulation)
    outcome = _grasp(robot, config, conditions, watcher, rng)
    rose = []
    for _ in range(round(HOLD / 0.1)):
        robot.wait(0.1)
        rose.append({name: z - watcher.rest[name] for name, z in watcher.heights().items()})
    if pictures is not None:
        pictures["end"] = simulation.picture()
    lifted = min(heights[label] for heights in rose) >= LIFTED
    error = outcome.error_code.name
    if any(z > CARRIED for name, z in rose[0].items() if name != label):
        error = "WRONG_OBJECT"
    elif outcome.error_code is GraspErrorCode.NONE and not lifted:
        error = "DROPPED"
    target, material = watcher.first, scene.objects[0].model
    located = target is not None and target.located
    off = np.linalg.norm(target.center - watcher.truth) if located else np.nan
    simulation.close()
    return Trial(
        seed=seed,
        object=label,
        lifted=bool(lifted),
        error=error,
        message=outcome.error_msg,
        retries=outcome.retries,
        height=round(rose[-1][label], 4),
        mass=round(material.mass, 3),
        friction=round(material.friction, 2),
        width=round(float(min(material.size[:2])), 4),
        target_error=round(float(off), 4),
        table_force=round(forces.of_robot, 1),
        pressed_force=round(forces.of_object, 1),
        sim_s=round(simulation.time - watcher.time, 1),
        cpu_s=round(time.process_time() - watcher.cpu, 1),
    )


def _grasp(
    robot: SimulatedRobot,
    config: M3Config,
    conditions: Conditions,
    watcher: _Watcher,
    rng: np.random.Generator,
) -> GraspOutcome:
    """Scan and remember, or ask the truth; then find, grasp and lift."""
    simulation, label = watcher.simulation, watcher.label
    planner = Planner(simulation.robot_model, config.grasp)
    watcher.begin()
    if conditions.oracle:
        bias = np.append(_direction(rng) * conditions.bias, 0.0)
        oracle = Oracle(simulation, label, conditions.noise, bias, rng)
        localize, surroundings = oracle.target, oracle.surroundings()
    else:
        from m3_ros.evaluate.remembered_search import remembered_search  # brings torch

        try:
            localize, surroundings = remembered_search(simulation, planner, config, label)
        except RobotError as error:
            return GraspOutcome(GraspErrorCode.EXECUTION_FAILED, f"while scanning: {error}")
    simulation.drift(*(_direction(rng) * conditions.drift))
    watcher.begin()
    search = watcher.remember(localize)
    return execute_grasp(robot, planner, search, surroundings, watcher.stage)


def _with_random_material(scene: TableScene, rng: np.random.Generator) -> TableScene:
    """The scene, its first object as heavy and slippery as the benchmark asks."""
    mass = float(np.exp(rng.uniform(*np.log(MASS))))
    first, *others = scene.objects
    model = replace(first.model, mass=mass, friction=float(rng.uniform(*FRICTION)))
    return replace(scene, objects=(replace(first, model=model), *others))


def _direction(rng: np.random.Generator) -> Array:
    """Random horizontal unit vector `[2]`."""
    vector = rng.normal(size=2)
    return vector / np.linalg.norm(vector)
