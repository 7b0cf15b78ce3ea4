"""A jump of the odometry during a scan, found in the corrections of its poses."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.splat.scale import NOMINAL_DISTANCE
from m3_ros.types import Array

logger = logging.getLogger(__name__)

AROUND = 3
"""Frames before and after a jump of whose corrections the median counts; an odd number, so that it
changes at once."""
LEAST = 0.008
"""Least jump, m at the nominal distance: odometry errors are expected up to 1 cm a frame, medians
of three of them differ by about as much."""
TIMES_USUAL = 5.0
"""Least ratio to the usual (median) difference of the medians: noise of poses differs by less
than four standard deviations, a drift by about as much everywhere."""


def find_jump(given: Array, corrected: Array) -> tuple[int, float] | None:
    """Return the frame at which the given poses jump, and by how much, or None.

    Poses before a jump need another correction than those after it; noise corrects every pose
    differently, and drift changes the correction evenly.

    Args:
        given: Poses `[n, 4, 4]` in the order of the scan.
        corrected: The same after alignment.
    """
    shifts = corrected[:, :3, 3] - given[:, :3, 3]
    if len(shifts) < 4 * AROUND:
        return None
    places = np.arange(AROUND, len(shifts) - AROUND + 1)
    steps = np.array(
        [
            np.linalg.norm(
                np.median(shifts[i : i + AROUND], axis=0)
                - np.median(shifts[i - AROUND : i], axis=0)
            )
            for i in places
        ]
    )
    largest = int(steps.argmax())
    if steps[largest] < max(LEAST, TIMES_USUAL * float(np.median(steps))):
        return None
    return int(places[largest]), float(steps[largest])


def warn_of_jump(frames: Sequence[RgbdFrame], corrected: Array) -> None:
    """Log a warning if the poses of frames jump; see `find_jump`."""
    jump = find_jump(np.stack([frame.camtoworld for frame in frames]), corrected)
    if jump is None:
        return
    index, size = jump
    logger.warning(
        "the poses jump by %.1f %% of the working distance at frame %d (%.3f s): odometry was "
        "lost or corrected; the poses are aligned, scan again if the memory is bad",
        *(100 * size / NOMINAL_DISTANCE, index, frames[index].stamp),
    )
