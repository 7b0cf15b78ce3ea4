"""What a scan holds, and what is suspicious in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from m3_ros.capture.consistency import GOOD_ERROR, Consistency, measure_consistency
from m3_ros.capture.frame import RgbdFrame
from m3_ros.types import Array

PAIRS = 12
"""Pairs of neighbours that are compared: some hundred matches, in 2 CPU s at 640 x 480."""
RATIO_TOLERANCE = 1.15
"""Ratio of measured and triangulated depth from which on a unit is wrong: sensors and calibrations
are within some percent, and units differ by factors of two and more."""
UNITS = {10.0: "0.1 mm", 5.0: "0.2 mm", 4.0: "0.25 mm", 1e-3: "1 m"}
"""Units of depth that sensors and data sets have, by the ratio that they cause if mm are taken."""
JUMP = 15.0
"""A step this many times the median one is a jump of the poses."""
MIN_UP = 0.3
"""Least z of the cameras' mean up direction; a camera that looks straight down has 0."""
VIEW_ANGLES = (15.0, 130.0)
"""Horizontal angles of view of pinhole pictures, degrees: a long lens, and beyond a fisheye."""


@dataclass
class Summary:
    """Numbers of a scan, gathered frame by frame.

    Attributes:
        sizes: width and height, and how many pictures have them.
        focals: fx of each frame, px.
        angles: horizontal angle of view of each frame, degrees.
        covered: share of pixels with depth of each frame.
        depths: quantiles 0.01, 0.5, 0.99 of the depth of each frame that has any.
        masked: frames with a mask.
        hidden: numbers of the frames whose mask hides all.
        poses: `T_world_camera [4, 4]` of each frame.
        stamps: s.
        pairs: neighbouring frames, spread over the scan.
    """

    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    focals: list[float] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    depths: list[Array] = field(default_factory=list)
    masked: int = 0
    hidden: list[int] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)
    pairs: list[tuple[RgbdFrame, RgbdFrame]] = field(default_factory=list)

    @property
    def steps(self) -> Array:
        """Distances of neighbouring cameras `[N - 1]`."""
        centers = np.array(self.poses)[:, :3, 3]
        return np.linalg.norm(np.diff(centers, axis=0), axis=1)


class Summariser:
    """Gathers a `Summary` from frames that pass by.

    Args:
        count: number of frames that will come.
    """

    def __init__(self, count: int) -> None:
        last = max(count - 2, 0)
        self._starts = set(np.linspace(0, last, min(PAIRS, last + 1)).astype(int).tolist())
        self._previous: RgbdFrame | None = None
        self.summary = Summary()

    def add(self, frame: RgbdFrame) -> None:
        """Take the next frame into account."""
        summary = self.summary
        if self._previous is not None and len(summary.poses) - 1 in self._starts:
            summary.pairs.append((self._previous, frame))
        self._previous = frame
        size = frame.width, frame.height
        summary.sizes[size] = summary.sizes.get(size, 0) + 1
        summary.focals.append(float(frame.K[0, 0]))
        half = np.arctan(frame.width / 2 / frame.K[0, 0])
        summary.angles.append(float(np.degrees(2 * half)))
        measured = frame.depth[frame.depth > 0]
        summary.covered.append(len(measured) / frame.depth.size)
        if len(measured):
            summary.depths.append(np.quantile(measured, [0.01, 0.5, 0.99]))
        if frame.mask is not None:
            if not frame.mask.any():
                summary.hidden.append(len(summary.poses))
            summary.masked += 1
        summary.poses.append(frame.camtoworld)
        summary.stamps.append(frame.stamp)


def suspicions(summary: Summary, consistency: Consistency, metric: bool) -> list[str]:
    """Return sentences on what is probably wrong, and what to do.

    Args:
        summary: of the scan.
        consistency: of the scan, by `compare`.
        metric: whether lengths are metres.
    """
    found = [*blank_problems(summary), *consistency_problems(consistency)]
    low, high = VIEW_ANGLES
    if not (low <= min(summary.angles) and max(summary.angles) <= high):
        found.append(
            f"the angle of view is {min(summary.angles):.0f} to {max(summary.angles):.0f} degrees:"
            " check the focal length and the size of the pictures"
        )
    steps = summary.steps
    if len(steps) and steps.max() == 0.0:
        found.append("all cameras stand at one place: check the poses")
    elif len(steps) > 2 and steps.max() > JUMP * np.median(steps) > 0:
        index = int(steps.argmax())
        found.append(
            f"between frames {index} and {index + 1} the camera jumps by {steps[index]:.3g}, "
            f"{steps[index] / np.median(steps):.0f} times the median step: check the odometry"
        )
    up = float(-np.array(summary.poses)[:, 2, 1].mean())
    if up < -MIN_UP:
        found.append(
            f"the cameras' up direction has z = {up:.2f} in the world: they hang upside down, or "
            "z is not up, as queries take it"
        )
    if len(summary.stamps) > 1 and np.diff(summary.stamps).min() < 0:
        found.append("stamps go back: check the order of the frames")
    if len(summary.depths) > 1:
        middle = np.array(summary.depths)[:, 1]
        if metric and not 0.03 < np.median(middle) < 100:
            found.append(f"the median depth is {np.median(middle):.3g} m: check its unit")
    return found


def blank_problems(summary: Summary) -> list[str]:
    """Return sentences on frames that measure or show nothing, unlike others of the scan."""
    without = [index for index, share in enumerate(summary.covered) if not share]
    without = [index for index in without if index not in summary.hidden]
    found = []
    if without and summary.depths:
        found.append(
            f"{len(without)} of {len(summary.covered)} frames have no depth in any pixel, the "
            f"first is frame {without[0]}: check their depth images and unit"
        )
    if summary.hidden:
        found.append(
            f"{len(summary.hidden)} of {len(summary.covered)} frames show nothing, as mask or "
            f"alpha hides all, the first is frame {summary.hidden[0]}: check their masks"
        )
    return found


def compare(summary: Summary) -> Consistency:
    """Compare pictures, poses, clocks and depth of a scan."""
    return measure_consistency(summary.pairs, np.array(summary.stamps), np.array(summary.poses))


def consistency_problems(consistency: Consistency) -> list[str]:
    """Return sentences on poses, clocks and depth that do not fit the pictures."""
    error, ratio = consistency.error, consistency.depth_ratio
    found = []
    problem = "" if error is None else f"features are {error:.1f} px off where the poses put them"
    if consistency.reading is not None:
        found.append(f"{problem}; they fit if {consistency.reading}")
    elif consistency.clock_offset is not None:
        found.append(
            f"{problem}; they fit with the poses {consistency.clock_offset:+.2f} s after the "
            "pictures' stamps: synchronise the clocks of camera and poses"
        )
    elif consistency.focal is not None:
        found.append(
            f"{problem}; they fit if the focal length is {consistency.focal:.0f} px: check the "
            "intrinsics, and the size of the pictures they were calibrated at"
        )
    elif error is not None and error > GOOD_ERROR:
        found.append(f"{problem}: check intrinsics, distortion, poses and their stamps")
    if ratio is not None and not 1 / RATIO_TOLERANCE < ratio < RATIO_TOLERANCE:
        unit = next((name for each, name in UNITS.items() if abs(ratio / each - 1) < 0.1), None)
        found.append(
            f"depth is {ratio:.3g} times what pictures and poses say: check its unit"
            + (f", which is {unit} if it was taken for 1 mm" if unit else "")
        )
    return found
