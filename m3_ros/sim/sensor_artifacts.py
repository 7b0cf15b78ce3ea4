"""What a low-cost RGB-D camera adds to the errors of `sensor_noise`, for the sensor "noisy".

Pure functions of their arguments; randomness comes in as a generator. Figures without a source are
assumptions of this model.
"""

from __future__ import annotations

import cv2
import numpy as np
from scipy.special import ndtr

from m3_ros.types import Depth, Image, Mask

NOISE_FACTOR = 2.0
"""Standard deviation of depth, times that of a D405: a stereo match to 0.16 px. RealSense D4xx do
0.08 px on rich texture; an assumption for poor texture."""
REGISTRATION_OFFSET = 2
"""Depth lies this far right of where the colour image shows it, px: an error of the calibration
between the two imagers, the same in every frame."""
FLYING_SHARE = 0.5
"""Probability that a pixel on a silhouette has a depth between those on its two sides."""
DARK_LEVEL, DARK_SHARE = 40.0, 0.6
"""Darker pixels (mean of the channels, of 255) reflect too little: the share of them that is lost
rises linearly to `DARK_SHARE` at black."""
GLOSSY_LEVEL, GLOSSY_SHARE = 250.0, 0.8
"""Brighter pixels are highlights of glossy surfaces, and this share of them is lost."""
HOLE_SIZE = 6.0
"""Standard deviation of the filter that makes lost pixels coherent holes, px."""
EXPOSURE_TARGET = 110.0
"""Mean (of 255) to which auto-exposure brings an image."""
EXPOSURE_GAIN = (0.75, 1.3)
"""Least and largest gain of auto-exposure."""


def expose(rgb: Image) -> Image:
    """Return the colour image `[H, W, 3]` with the gain of auto-exposure."""
    gain = np.clip(EXPOSURE_TARGET / max(float(rgb.mean()), 1.0), *EXPOSURE_GAIN)
    return np.clip(np.rint(rgb * np.float32(gain)), 0, 255).astype(np.uint8)


def flying_pixels(depth: Depth, edges: Mask, rng: np.random.Generator) -> Depth:
    """Return depth in which pixels on silhouettes `edges [H, W]` lie between both sides."""
    kernel = np.ones((3, 3), np.uint8)
    flying = edges & (rng.random(depth.shape) < FLYING_SHARE)
    nearest, farthest = cv2.erode(depth, kernel)[flying], cv2.dilate(depth, kernel)[flying]
    result = depth.copy()
    result[flying] = nearest + rng.random(len(nearest), np.float32) * (farthest - nearest)
    return result


def lost_pixels(rgb: Image, rng: np.random.Generator) -> Mask:
    """Return the pixels `[H, W]` of an image that are too dark or too glossy for depth."""
    level = rgb.mean(-1)
    share = DARK_SHARE * np.clip(1.0 - level / DARK_LEVEL, 0.0, 1.0)
    share[level >= GLOSSY_LEVEL] = GLOSSY_SHARE
    noise = cv2.GaussianBlur(rng.standard_normal(level.shape, np.float32), (0, 0), HOLE_SIZE)
    return ndtr(noise / max(float(noise.std()), 1e-9)) < share


def misregister(depth: Depth) -> Depth:
    """Return depth `[H, W]` that is shifted against the colour image."""
    shifted = np.zeros_like(depth)
    shifted[:, REGISTRATION_OFFSET:] = depth[:, :-REGISTRATION_OFFSET]
    return shifted
