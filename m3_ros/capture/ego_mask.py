"""Ego mask: the pixels in which a wrist camera sees its own robot.

The robot's pixels keep their depth from frame to frame, or their colour where they have no depth,
while the scene moves through the image. No robot model is needed, so scans of other robots work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.config import EgoMaskConfig
from m3_ros.geometry import pose_distance
from m3_ros.types import Mask

MAX_SAMPLES = 24
"""Frames used, spread over the scan: their 0.1 and 0.9 quantiles leave out the two lowest and the
two highest values of a pixel, and 24 frames of 640 x 480 with depth take 50 MB."""
COLOR_WINDOW = 5
"""Side of the box filter before colours are compared, px: averages 25 pixels, so noise / 5."""
MAX_DISTANCE = 10.0
"""Upper bound of `ego_mask.max_distance`, m."""


def in_units(config: EgoMaskConfig, unit: float) -> EgoMaskConfig:
    """Return the settings for a scan whose unit of length is `unit` m."""
    return replace(
        config,
        max_distance=min(config.max_distance / unit, MAX_DISTANCE),
        min_translation=config.min_translation / unit,
    )


def estimate_ego_mask(
    frames: Sequence[RgbdFrame], config: EgoMaskConfig | None = None
) -> Mask | None:
    """Estimate which pixels `[H, W]` show the scene (True) and which the robot (False).

    Args:
        frames: of one moving camera, in any order.
        config: thresholds; the defaults unless given.

    Returns:
        None when no robot is found, the camera stands still, or frames are few or differ in size.
    """
    config = config or EgoMaskConfig()
    if len(frames) < config.min_frames or not _moves(frames, config):
        return None
    picked = np.linspace(0, len(frames) - 1, min(MAX_SAMPLES, len(frames))).round().astype(int)
    sample = [frames[index] for index in picked]
    if len({frame.depth.shape for frame in sample}) > 1:
        return None
    depth = np.stack([frame.depth for frame in sample])
    color = np.stack([cv2.blur(frame.rgb, (COLOR_WINDOW, COLOR_WINDOW)) for frame in sample])
    measured = (depth > 0).sum(0)
    has_depth = measured / len(sample) > config.min_depth_share
    low, middle, high = _quantiles(np.where(depth > 0, depth, np.inf), measured)
    steady = (middle < config.max_distance) & (high - low < config.max_depth_spread * middle)
    by_depth = has_depth & steady
    dark, usual, bright = _quantiles(color, np.full(color.shape[1:], len(sample)))
    spread = (bright - dark).max(-1)
    by_color = ~has_depth & ~(middle >= config.max_distance) & (usual.max(-1) < config.max_color)
    core = by_color & (spread < config.max_color_spread)
    lit = by_color & (spread < config.max_lighting_spread)
    smallest = config.min_area * core.size
    robot = _large_regions(by_depth | core, smallest) | _regions_holding(core, lit, smallest)
    if not robot.any():
        return None
    return cv2.dilate(robot.astype(np.uint8), np.ones((2 * config.margin + 1,) * 2, np.uint8)) == 0


def apply_ego_mask(
    frames: Sequence[RgbdFrame], config: EgoMaskConfig | None = None
) -> list[RgbdFrame]:
    """Estimate the ego mask of all frames and apply it to each."""
    mask = estimate_ego_mask(frames, config)
    return [apply_mask(frame, mask) for frame in frames]


def _moves(frames: Sequence[RgbdFrame], config: EgoMaskConfig) -> bool:
    distances = [pose_distance(frames[0].camtoworld, frame.camtoworld) for frame in frames]
    return any(
        translation > config.min_translation or rotation > config.min_rotation
        for translation, rotation in distances
    )


def _quantiles(values: NDArray, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return quantiles 0.1, 0.5, 0.9 `[3, ...]` of the least `counts [...]` of `values [n, ...]`.

    Linear between values, as NumPy's; NaN where the count is zero.
    """
    ordered = np.sort(values, axis=0)
    found = []
    for share in (0.1, 0.5, 0.9):
        place = share * np.maximum(counts - 1, 0)
        below = np.floor(place).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(counts - 1, 0))
        low, high = (
            np.take_along_axis(ordered, row[None], axis=0)[0].astype(np.float32)
            for row in (below, above)
        )
        with np.errstate(invalid="ignore"):  # inf - inf where nothing was measured
            value = low + (high - low) * (place - below).astype(np.float32)
        found.append(np.where(counts > 0, value, np.nan))
    return np.stack(found)


def _regions_holding(core: Mask, mask: Mask, smallest: float) -> Mask:
    """Return the connected regions of `mask` that hold more than `smallest` pixels of `core`."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8))
    held = np.bincount(labels[core], minlength=labels.max() + 1) > smallest
    held[0] = False  # the background
    return held[labels]


def _large_regions(mask: Mask, smallest: float) -> Mask:
    """Return the connected regions of more than `smallest` pixels, small gaps closed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    large = stats[:, cv2.CC_STAT_AREA] > smallest
    large[0] = False  # the background
    return large[labels]
