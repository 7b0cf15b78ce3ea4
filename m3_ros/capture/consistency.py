"""Test of a scan against itself: do pictures, poses, depth and clocks belong together?

Features that two pictures share must lie on each other's epipolar lines (Sampson's distance), and
their triangulated depth must be the measured one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import interpolate_pose, inverse
from m3_ros.types import Array

FEATURES = 800
"""Most features of a picture: some hundred are matched."""
WIDTH = 640
"""Width at which features are found, px; larger pictures are scaled to it."""
RATIO = 0.7
"""Largest ratio of the distances of the best and second-best match (Lowe, IJCV 2004: 0.8; fewer
and surer ones will do here)."""
MIN_MATCHES = 60
"""Fewer matches in all decide nothing: their median would depend on a few wrong ones."""
MIN_ANGLE = 0.02
"""Least angle of two rays that are intersected, rad: half a pixel at f = 500 px is then 5 % of the
depth."""
GOOD_ERROR = 6.0
"""Largest median distance from the epipolar lines of a usable scan, px at `WIDTH`: poses off by
1 cm cause it at 1 m and f = 600 px. Builds correct poses; wrong axes or clocks cause much more."""
BETTER = 0.5
"""Another explanation must have at most this share of the error."""
LOCALISATION = 1.0
"""Error that needs no explanation, px at `WIDTH`: features are localised within half a pixel."""
NO_BASELINE = 1e-9
"""Distance of two cameras that stand at one place, apart from rounding, in the scan's unit."""
OFFSETS = np.arange(-0.3, 0.301, 0.02)
"""Clock offsets that are tried, s."""
FOCAL_FACTORS = np.geomspace(1 / 1.6, 1.6, 48)
"""Focal lengths that are tried, relative to the scan's, 2 % apart: from those of other cameras of
a device, and of video that is cut out of the sensor."""
MAX_PERIOD = 0.6
"""Longest time between frames whose motion tells an offset, s: poses between are interpolated."""

AXES = np.diag([1.0, -1.0, -1.0, 1.0])
READINGS: dict[str, Callable[[Array], Array]] = {
    "the camera axes are OpenCV's (y down, z forward), not OpenGL's, or the reverse": (
        lambda T: T @ AXES
    ),
    "the matrices are of the world in the camera, not of the camera in the world": inverse,
    "the matrices are of the world in the camera, and the axes OpenCV's": (
        lambda T: inverse(T @ AXES)
    ),
}
"""Other readings of a pose, and what they mean."""


@dataclass(frozen=True, eq=False)
class Match:
    """Features that two frames share: pixels `[N, 2]` in each."""

    frames: tuple[RgbdFrame, RgbdFrame]
    seen: tuple[Array, Array]


@dataclass(frozen=True)
class Consistency:
    """How well a scan fits itself.

    Attributes:
        matches: features compared; the rest is None where they are too few.
        error: median distance from the epipolar lines, px at `WIDTH`.
        reading: what would explain the poses better, if anything does.
        clock_offset: s, to add to the pictures' stamps, if that explains the poses better.
        focal: focal length of the first frame, px, if another one explains the pictures better.
        depth_ratio: median of measured by triangulated depth.
    """

    matches: int
    error: float | None = None
    reading: str | None = None
    clock_offset: float | None = None
    focal: float | None = None
    depth_ratio: float | None = None


def measure_consistency(
    pairs: Sequence[tuple[RgbdFrame, RgbdFrame]], stamps: Array, poses: Array
) -> Consistency:
    """Compare pairs of neighbouring frames of a scan.

    Args:
        pairs: neighbours; twelve are enough.
        stamps: of all frames `[N]`, s.
        poses: of all frames, `T_world_camera [N, 4, 4]`.
    """
    matches = [match for pair in pairs if (match := find_match(pair)) is not None]
    count = sum(len(match.seen[0]) for match in matches)
    if count < MIN_MATCHES:
        return Consistency(count)
    error = _median_error(matches, lambda frame: frame.camtoworld)
    if not np.isfinite(error):  # a camera that only turns
        return Consistency(count)
    reading = offset = focal = None
    if error > LOCALISATION:
        errors = {
            text: _median_error(matches, lambda frame, change=change: change(frame.camtoworld))
            for text, change in READINGS.items()
        }
        best = min(errors, key=errors.__getitem__)
        reading = best if errors[best] < BETTER * error else None
        offset = None if reading else _clock_offset(matches, stamps, poses, error)
        focal = None if reading or offset is not None else _focal(matches, error)
    explained = not (reading is None and offset is None and focal is None)
    ratio = None if explained or error > GOOD_ERROR else _depth_ratio(matches)
    return Consistency(count, error, reading, offset, focal, ratio)


def find_match(pair: tuple[RgbdFrame, RgbdFrame]) -> Match | None:
    """Return the features that two frames share; None without any."""
    (pixels, ours), (others, theirs) = (_features(frame) for frame in pair)
    if ours is None or theirs is None or len(theirs) < 2:
        return None
    found = [
        (best.queryIdx, best.trainIdx)
        for best, second in cv2.BFMatcher().knnMatch(ours, theirs, k=2)
        if best.distance < RATIO * second.distance
    ]
    if not found:
        return None
    left, right = np.array(found).T
    return Match(pair, (pixels[left], others[right]))


def _features(frame: RgbdFrame) -> tuple[Array, NDArray | None]:
    """Return pixels `[N, 2]` and descriptors of a frame's features; no descriptors of none."""
    scale = min(WIDTH / frame.width, 1.0)
    grey = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY)
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points, descriptors = cv2.SIFT_create(FEATURES).detectAndCompute(grey, None)
    pixels = np.array([point.pt for point in points]).reshape(-1, 2) + 0.5
    return pixels / [grey.shape[1] / frame.width, grey.shape[0] / frame.height], descriptors


def _median_error(matches: Sequence[Match], pose_of: Callable[[RgbdFrame], Array]) -> float:
    """Return the median Sampson distance of the matches, px at `WIDTH`."""
    distances = []
    for match in matches:
        a, b = match.frames
        T = inverse(pose_of(b)) @ pose_of(a)
        if np.linalg.norm(T[:3, 3]) < NO_BASELINE:
            distances.append(np.full(len(match.seen[0]), np.inf))  # every line is an epipolar one
            continue
        x, y, z = T[:3, 3]
        essential = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]]) @ T[:3, :3]
        F = np.linalg.inv(b.K).T @ essential @ np.linalg.inv(a.K)
        left, right = (np.column_stack([pixels, np.ones(len(pixels))]) for pixels in match.seen)
        lines, back = left @ F.T, right @ F
        norm = np.sqrt((lines[:, :2] ** 2).sum(1) + (back[:, :2] ** 2).sum(1))
        distance = np.abs((right * lines).sum(1)) / np.maximum(norm, 1e-12)
        distances.append(distance * min(WIDTH / a.width, 1.0))
    return float(np.median(np.concatenate(distances)))


def _clock_offset(
    matches: Sequence[Match], stamps: Array, poses: Array, error: float
) -> float | None:
    """Return the offset of the clocks that explains the poses; None if none does."""
    periods = np.diff(stamps)
    if not len(periods) or periods.min() <= 0 or np.median(periods) > MAX_PERIOD:
        return None

    def pose_at(stamp: float) -> Array:
        after = int(np.clip(np.searchsorted(stamps, stamp), 1, len(stamps) - 1))
        share = (stamp - stamps[after - 1]) / periods[after - 1]
        return interpolate_pose(poses[after - 1], poses[after], float(np.clip(share, 0.0, 1.0)))

    errors = []
    for offset in OFFSETS:
        inner = [
            match
            for match in matches
            if all(stamps[0] <= frame.stamp + offset <= stamps[-1] for frame in match.frames)
        ]
        shifted = partial(lambda frame, offset: pose_at(frame.stamp + offset), offset=offset)
        errors.append(_median_error(inner, shifted) if inner else np.inf)
    best = int(np.argmin(errors))
    return float(OFFSETS[best]) if errors[best] < BETTER * error else None


def _focal(matches: Sequence[Match], error: float) -> float | None:
    """Return the focal length, px, that explains the pictures; None if none does."""

    def error_with(factor: float) -> float:
        scaled = np.array([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])
        refocused = [
            replace(match, frames=tuple(replace(f, K=f.K * scaled) for f in match.frames))
            for match in matches
        ]
        return _median_error(refocused, lambda frame: frame.camtoworld)

    errors = [error_with(factor) for factor in FOCAL_FACTORS]
    best = int(np.argmin(errors))
    inner = 0 < best < len(errors) - 1
    focal = float(FOCAL_FACTORS[best] * matches[0].frames[0].K[0, 0])
    return focal if inner and errors[best] < BETTER * error else None


def _depth_ratio(matches: Sequence[Match]) -> float | None:
    """Return the median of measured by triangulated depth; None of fewer than `MIN_MATCHES`."""
    ratios = [np.zeros(0)]
    for match in matches:
        a, b = match.frames
        rays = []
        for frame, pixels in zip(match.frames, match.seen, strict=True):
            xy = (pixels - frame.K[:2, 2]) / frame.K[[0, 1], [0, 1]]
            rays.append(np.column_stack([xy, np.ones(len(xy))]) @ frame.camtoworld[:3, :3].T)
        shift = b.camtoworld[:3, 3] - a.camtoworld[:3, 3]
        # Where the rays come nearest: z_a ray_a - z_b ray_b = shift, least squares.
        aa, bb, ab = ((x * y).sum(1) for x, y in ((rays[0],) * 2, (rays[1],) * 2, rays))
        determinant = aa * bb - ab**2
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (bb * (rays[0] @ shift) - ab * (rays[1] @ shift)) / determinant
            angle = np.sqrt(np.maximum(determinant, 0.0) / (aa * bb))
        column, row = np.moveaxis(match.seen[0].astype(int), -1, 0)
        measured = a.depth[row.clip(0, a.height - 1), column.clip(0, a.width - 1)]
        good = (angle > MIN_ANGLE) & (z > 0) & (measured > 0)
        ratios.append(measured[good] / z[good])
    every = np.concatenate(ratios)
    return float(np.median(every)) if len(every) >= MIN_MATCHES else None
