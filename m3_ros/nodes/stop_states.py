"""Saved simulator states in which the phases of `m3 bench stops` begin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from m3_ros.codes import GraspErrorCode
from m3_ros.config import M3Config
from m3_ros.errors import UsageError
from m3_ros.evaluate.grasp_oracle import Oracle
from m3_ros.grasp.executor import execute_grasp
from m3_ros.grasp.planning import Planner
from m3_ros.sim.robot import SimulatedRobot
from m3_ros.sim.saved_state import save_state
from m3_ros.sim.simulation import Simulation

HOME, FAR, VIEW, HELD = "home", "far", "view", "held"
AWAY = -0.6  # m that the base of `FAR` is moved back: no object of the table is within reach
SURFACE_NOISE = 0.001  # m, of the points that the search returns, as in `m3 bench grasp`


def state_file(folder: Path, seed: int, state: str) -> Path:
    """Return where a state of a scene is saved."""
    return folder / f"{seed}_{state}.npz"


def points_file(folder: Path, seed: int) -> Path:
    """Return where points `[N, 3]` on the object of a scene are saved, in map, m."""
    return folder / f"{seed}_points.npy"


def save_states(config: M3Config, name: str, folder: Path) -> None:
    """Grasp an object in this process; save the states on the way, as far as they are missing.

    Args:
        config: scene (`simulation.seed`) and settings.
        name: of the object.
        folder: for the files of `state_file` and `points_file`: at home, with the base out of
            reach, with the camera over the object, and with the object lifted.

    Raises:
        UsageError: the object of this scene is not lifted.
    """
    seed = config.simulation.seed
    files = {state: state_file(folder, seed, state) for state in (HOME, FAR, VIEW, HELD)}
    if all(path.exists() for path in files.values()):
        return
    simulation = Simulation(replace(config.simulation, state=""))
    save_state(simulation, files[HOME])
    simulation.teleport_base(AWAY, 0.0, 0.0)
    save_state(simulation, files[FAR])
    simulation.teleport_base(0.0, 0.0, 0.0)

    def note(stage: str, *_: object) -> None:
        if stage == "plan":
            save_state(simulation, files[VIEW])

    robot, planner = SimulatedRobot(simulation), Planner(simulation.robot_model, config.grasp)
    rng = np.random.default_rng(seed)
    oracle = Oracle(simulation, name, SURFACE_NOISE, np.zeros(3), rng)
    np.save(points_file(folder, seed), oracle.target().points)
    outcome = execute_grasp(robot, planner, oracle.target, oracle.surroundings(), note)
    robot.wait(1.0)
    save_state(simulation, files[HELD])
    simulation.close()
    if outcome.error_code is not GraspErrorCode.NONE:
        raise UsageError.at("seed", seed, f"a scene whose {name} is lifted ({outcome.error_msg})")
