"""Depth images of any number type and unit, as metres."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.types import Depth

MAX_DEPTH = 1e6
"""Depth (m) from which on a renderer means background: Blender writes 1e10 there."""


def to_metres(pixels: NDArray, unit: float) -> Depth:
    """Convert depth pixels `[H, W]` to m; 0 where nothing is measured.

    Nothing is measured at 0, at negative and non-finite values, at the largest value of an integer
    or half float type, which some cameras write there, and from `MAX_DEPTH` on.

    Args:
        pixels: integers or floats.
        unit: m a step.
    """
    if np.issubdtype(pixels.dtype, np.integer):
        pixels = np.where(pixels == np.iinfo(pixels.dtype).max, 0, pixels)
    elif pixels.dtype == np.float16:
        pixels = np.where(pixels == np.finfo(np.float16).max, 0, pixels)
    depth = pixels.astype(np.float32) * np.float32(unit)
    return np.where((depth > 0.0) & (depth < MAX_DEPTH), depth, np.float32(0.0))


def to_size(pixels: NDArray, shape: tuple[int, int]) -> NDArray:
    """Scale an image `[h, w]` to (height, width) by nearest neighbour, which mixes no edges.

    Raises:
        ValueError: it has another aspect ratio, by more than a pixel.
    """
    height, width = shape
    if abs(pixels.shape[0] * width / height - pixels.shape[1]) > 1.0:
        raise ValueError(
            f"has {pixels.shape[1]} x {pixels.shape[0]} pixels, the image {width} x {height}; "
            "their aspect ratios must be equal"
        )
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
