"""`m3 bench chain`: what every error of the pose chain (Eq. 3) costs at the target.

Every error is drawn alone, then all together: `chain_trial.py`.
"""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from m3_ros.errors import UsageError
from m3_ros.evaluate.chain_trial import (
    NO_ERRORS,
    ChainTrial,
    Errors,
    Motion,
    draw_observations,
    move,
)
from m3_ros.grasp.kinematics import Arm
from m3_ros.robot_model import load_robot
from m3_ros.sim.mujoco_model import MujocoModel
from m3_ros.types import Array
from m3_ros.view.report import write_json

DISTANCES = (0.3, 0.5, 0.8)  # camera to target, m


def error_budget(
    errors: Errors, motion: Motion, trials: int = 100, seed: int = 0
) -> dict[str, dict[float, Array]]:
    """Return errors `[trials]` (m) by source and distance (m): none, each alone, all together."""
    if trials < 1:
        raise UsageError(f"trials = {trials}: it must be at least 1")
    alone = {
        field.name: replace(NO_ERRORS, **{field.name: getattr(errors, field.name)})
        for field in fields(Errors)
    }
    rows = {"none, standing": NO_ERRORS, "none, moving": NO_ERRORS, **alone, "all": errors}
    robot_model = load_robot()
    arm, robot = Arm(robot_model), MujocoModel(robot_model)
    budget = {name: {distance: np.zeros(trials) for distance in DISTANCES} for name in rows}
    for distance in DISTANCES:
        for index in range(trials):
            rng = np.random.default_rng([seed, index, round(1000 * distance)])
            target, scan, still = draw_observations(arm, distance, rng)
            moving = move(still, motion, rng)
            trial = ChainTrial(robot, motion, [seed, index, 1])
            for name, chosen in rows.items():
                now = still if name == "none, standing" else moving
                budget[name][distance][index] = trial.error(target, scan, now, chosen)
    return budget


def run(
    errors: Errors,
    motion: Motion,
    trials: int = 100,
    seed: int = 0,
    json_path: Path | None = None,
) -> dict[str, dict[float, Array]]:
    """Draw the budget, print it in mm, write the JSON if a path is given."""
    budget = error_budget(errors, motion, trials, seed)
    table = Table("error", title=f"Error at the target in mm, median / 95 %, {trials} draws each")
    for distance in DISTANCES:
        table.add_column(f"at {distance} m", justify="right")
    for name, row in budget.items():
        cells = [(1e3 * np.median(e), 1e3 * np.percentile(e, 95)) for e in row.values()]
        table.add_row(name, *("/".join(f"{value:.3g}" for value in cell) for cell in cells))
    Console(width=110).print(table)
    print(f"with {errors}\nand {motion}")
    if json_path is not None:
        table_m = {
            name: {
                str(distance): {
                    "median_m": float(np.median(values)),
                    "p95_m": float(np.percentile(values, 95)),
                }
                for distance, values in row.items()
            }
            for name, row in budget.items()
        }
        settings = {"errors": asdict(errors), "motion": asdict(motion), "trials": trials}
        write_json(json_path, {**settings, "seed": seed, "budget": table_m})
    return budget
