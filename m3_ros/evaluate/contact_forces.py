"""Contact forces of robot and object on the table, measured at every physics step."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from m3_ros.sim.world import World


class ContactForces:
    """Records the largest sum of normal forces on the table, from its construction on.

    Args:
        world: its `on_step` callback is replaced.
        label: name of the object.

    Attributes:
        of_robot: largest force of all links together, N.
        of_object: largest force of the object while `pressing`, N.
        pressing: set it while the gripper, not gravity, may press the object down.
    """

    def __init__(self, world: World, label: str) -> None:
        model = world.model
        self._world = world
        self._table = model.geom("table_top").id
        self._robot = model.body_rootid[model.geom_bodyid] == model.body("base_link").id
        self._object = model.geom_bodyid == model.body(label).id
        self.of_robot = self.of_object = 0.0
        self.pressing = False
        world.on_step = self._record

    def _record(self) -> None:
        pairs = self._world.data.contact.geom
        on_table = (pairs == self._table).any(axis=1)
        self.of_robot = max(self.of_robot, self._sum(on_table & self._robot[pairs].any(axis=1)))
        if self.pressing:
            touching = on_table & self._object[pairs].any(axis=1)
            self.of_object = max(self.of_object, self._sum(touching))

    def _sum(self, chosen: NDArray[np.bool_]) -> float:
        """Return the sum of the normal forces of contacts, N."""
        force, total = np.zeros(6), 0.0
        for i in np.flatnonzero(chosen):
            mujoco.mj_contactForce(self._world.model, self._world.data, i, force)
            total += abs(force[0])
        return total
