"""What a person may want to see of a plan before it is executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.geometry import transform
from m3_ros.grasp.candidates import Grasp
from m3_ros.grasp.planning import Plan, Planner
from m3_ros.types import Array

STEP = 0.1  # s between points of the tool's path


@dataclass(frozen=True, eq=False)
class Preview:
    """A plan and what it was chosen from, in the world frame.

    Attributes:
        candidates: grasps, best first.
        chosen: one of them.
        path: `[K, 3]` of the tool from here to the end of the lift, m.
    """

    candidates: Sequence[Grasp]
    chosen: Grasp
    path: Array


def preview(planner: Planner, plan: Plan, candidates: Sequence[Grasp], T: Array) -> Preview:
    """Return what a plan looks like.

    Args:
        planner: of the arm.
        plan: in `base_link`.
        candidates: in `base_link`.
        T: `[4, 4]`, `base_link` in the world frame.
    """
    postures = [
        posture
        for phase in plan.phases.values()
        for posture in phase.positions[:: max(1, round(STEP * len(phase.times) / phase.duration))]
    ]
    path = np.array([planner.arm.fk(posture)[:3, 3] for posture in postures])
    return Preview(
        [each.in_frame(T) for each in candidates], plan.grasp.in_frame(T), transform(T, path)
    )
