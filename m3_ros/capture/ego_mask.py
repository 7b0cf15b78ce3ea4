"""What a carried camera sees of its own carrier: the gripper that is in every picture.

A wrist camera moves with the gripper, so the gripper's pixels keep their depth, and where they
have none their colour, while everything else changes. No model of the robot is needed, so it works
for scans of other robots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import pose_distance

MIN_FRAMES = 8  # fewer do not tell the carrier from the scene
SAMPLES = 24  # frames looked at, spread over the scan
MIN_MOTION = (0.05, 0.2)  # m or rad that the camera must have moved
NEAR = 0.35  # m, the farthest that a part of the carrier can be
DEPTH_SPREAD = 0.03  # of the depth, between the 10 % and the 90 % quantile
COLOR_SPREAD = (14.0, 40.0)  # of 255, where there is no depth: of a part's core, and of all of it
SATURATED = 240.0  # of 255, above which colour is steady for another reason
PRESENT = 0.7  # share of the frames in which a pixel of the carrier has its depth
SMALLEST = 1e-3  # share of the picture, below which a region is chance
MARGIN = 7  # pixels that the mask is grown by


def scene_mask(frames: Sequence[RgbdFrame]) -> NDArray[np.bool_] | None:
    """Which pixels `[H, W]` show the scene, not the camera's carrier; None when all may do.

    Args:
        frames: of one camera that moves, in any order; all of one size.
    """
    if len(frames) < MIN_FRAMES or not _moves(frames):
        return None
    picked = np.linspace(0, len(frames) - 1, min(SAMPLES, len(frames))).round().astype(int)
    sample = [frames[index] for index in picked]
    if len({frame.depth.shape for frame in sample}) > 1:
        return None
    depth = np.stack([frame.depth for frame in sample])
    color = np.stack([cv2.blur(frame.rgb, (5, 5)) for frame in sample])
    measured = (depth > 0).sum(0)
    present = measured / len(sample)
    low, middle, high = _quantiles(np.where(depth > 0, depth, np.inf), measured)
    steady = (middle < NEAR) & (high - low < DEPTH_SPREAD * middle)
    by_depth = (present > PRESENT) & steady
    dark, usual, bright = _quantiles(color, np.full(color.shape[1:], len(sample)))
    spread = (bright - dark).max(-1)
    blind = (present <= PRESENT) & ~(middle >= NEAR) & (usual.max(-1) < SATURATED)
    core, whole = (blind & (spread < limit) for limit in COLOR_SPREAD)
    carrier = _without_specks(by_depth | core) | _grown(core, whole)
    if not carrier.any():
        return None
    return cv2.dilate(carrier.astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2, np.uint8)) == 0


def mask_robot(frames: Sequence[RgbdFrame]) -> list[RgbdFrame]:
    """The frames with their carrier masked; a frame that brings a mask keeps its own."""
    mask = scene_mask(frames)
    if mask is None:
        return list(frames)
    return [frame if frame.mask is not None else masked(frame, mask) for frame in frames]


def masked(frame: RgbdFrame, mask: NDArray[np.bool_]) -> RgbdFrame:
    """The frame with a mask `[H, W]`, and no depth outside it."""
    return replace(frame, mask=mask, depth=np.where(mask, frame.depth, np.float32(0.0)))


def _moves(frames: Sequence[RgbdFrame]) -> bool:
    ways = [pose_distance(frames[0].camtoworld, frame.camtoworld) for frame in frames]
    return any(way > MIN_MOTION[0] or turn > MIN_MOTION[1] for way, turn in ways)


def _quantiles(values: NDArray, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Quantiles 0.1, 0.5 and 0.9 `[3, ...]` of the least `counts [...]` of `values [n, ...]`.

    Linear between values; NaN where the count is zero.
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
        with np.errstate(invalid="ignore"):  # infinity where there is nothing
            value = low + (high - low) * (place - below).astype(np.float32)
        found.append(np.where(counts > 0, value, np.nan))
    return np.stack(found)


def _grown(core: NDArray[np.bool_], whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The regions of `whole` that hold enough of `core`; light on a part changes with the pose."""
    _, labels = cv2.connectedComponents(whole.astype(np.uint8))
    held = np.bincount(labels[core], minlength=labels.max() + 1) > SMALLEST * core.size
    held[0] = False  # the background
    return held[labels]


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    large = stats[:, cv2.CC_STAT_AREA] > SMALLEST * mask.size
    large[0] = False  # the background
    return large[labels]
