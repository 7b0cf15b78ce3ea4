"""Failed attempts of one goal, and which candidates they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from m3_ros.geometry import pose_distance
from m3_ros.grasp.candidates import Grasp
from m3_ros.types import Array

SAME_GRASP = (0.02, 0.35)
"""Distance (m) and angle (rad) within which a grasp repeats one that failed: more than one step
of the candidates (1 cm of depth, 15 degrees of yaw), at most two."""
EMPTY_RADIUS = 0.025
"""Around a place where the jaws closed on nothing, m: within the pads (half width 32 mm), which
have closed there."""


@dataclass
class AttemptHistory:
    """Attempts of one goal, in map, so that they stay valid when the base drives.

    Attributes:
        grasps: that were attempted.
        empty: `[3]` each, where the jaws closed on nothing, m.
    """

    grasps: list[Grasp] = field(default_factory=list)
    empty: list[Array] = field(default_factory=list)

    def remaining(self, grasps: Sequence[Grasp], T_map_base: Array) -> list[Grasp]:
        """Return those of ranked grasps that repeat no attempt; empty places come last.

        Args:
            grasps: in `base_link`, best first.
            T_map_base: `[4, 4]` pose of the base.
        """
        remaining = [grasp for grasp in grasps if self._is_new(grasp.in_frame(T_map_base))]
        return sorted(remaining, key=lambda grasp: self._is_empty(grasp.in_frame(T_map_base)))

    def _is_new(self, grasp: Grasp) -> bool:
        """Return whether a grasp (in map) differs from all attempts."""
        distances = (pose_distance(grasp.pose, other.pose) for other in self.grasps)
        return all(m > SAME_GRASP[0] or rad > SAME_GRASP[1] for m, rad in distances)

    def _is_empty(self, grasp: Grasp) -> bool:
        """Return whether the jaws have closed on nothing where a grasp (in map) would hold."""
        return any(np.linalg.norm(grasp.middle - place) < EMPTY_RADIUS for place in self.empty)
