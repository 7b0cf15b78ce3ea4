"""Directions of grasp candidates: from where the gripper comes, and how it is turned there.

The closing direction points from the lower jaw to the upper one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from m3_ros.types import Array

YAWS = 24
"""Closing directions of a vertical approach: half a step, 7.5 degrees, is far within the
friction cone of a slippery object (22 degrees at a coefficient of 0.4)."""
PITCHES = (75.0, 60.0)
"""Angles of slanted approaches below the horizontal, degrees: one and two steps of 15 off the
vertical."""
AZIMUTHS = (-35.0, 0.0, 35.0)
"""Azimuths of slanted approaches from the direction arm to object, degrees: at a pitch of 60
they are 17 degrees apart, about one step."""
ROLLS = 8
"""Closing directions of a slanted approach; coarser, as there are six such approaches."""


def grasp_directions(azimuth: float) -> Iterator[tuple[Array, Array]]:
    """Yield pairs of approach and closing direction, `[3]` unit vectors, orthogonal.

    Args:
        azimuth: direction about z from the arm to the object, rad.
    """
    for yaw in 2 * np.pi / YAWS * np.arange(YAWS):
        yield np.array([0.0, 0.0, -1.0]), np.array([np.cos(yaw), np.sin(yaw), 0.0])
    for pitch in np.radians(PITCHES):
        for heading in azimuth + np.radians(AZIMUTHS):
            out = np.array([np.cos(heading), np.sin(heading), 0.0])
            approach = np.cos(pitch) * out + [0.0, 0.0, -np.sin(pitch)]
            across = np.array([-np.sin(heading), np.cos(heading), 0.0])
            upward = np.cross(approach, across)
            for roll in 2 * np.pi / ROLLS * np.arange(ROLLS):
                yield approach, np.cos(roll) * across + np.sin(roll) * upward
