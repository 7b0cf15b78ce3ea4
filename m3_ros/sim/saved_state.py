"""A simulation saved at rest and started from there again: `simulation.state`."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from m3_ros.errors import UsageError
from m3_ros.sim.gripper_controller import GripperCommand
from m3_ros.sim.world import World
from m3_ros.types import Array

if TYPE_CHECKING:
    from m3_ros.sim.simulation import Simulation


@dataclass(frozen=True, eq=False)
class Held:
    """What the controllers hold.

    Attributes:
        arm: positions `[A]`, rad.
        gripper: command, whose effort keeps an object in the jaws; None at the start.
    """

    arm: Array
    gripper: GripperCommand | None = None


def save_state(simulation: Simulation, path: Path) -> None:
    """Write the state of a robot at rest, with its objects, to an .npz file."""
    arm, _ = simulation.arm.set_point(simulation.time)
    np.savez(path, arm=arm, **simulation.world.state())


def load_state(world: World, path: str) -> Held:
    """Put a world of the same scene into a saved state; into none where `path` is empty.

    Raises:
        UsageError: the file holds no such state.
    """
    if not path:
        return Held(world.joint_state().arm)
    try:
        with np.load(path) as file:
            state = dict(file)
        world.restore(state)
        _, effort, position = map(float, state["gripper"])
        return Held(state["arm"], GripperCommand(position, float(state["gripper_speed"]), effort))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        rule = f"the state of a simulation of this scene ({error})"
        raise UsageError.at("simulation.state", path, rule) from error
