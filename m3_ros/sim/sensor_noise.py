"""Sensor model of a RealSense D405: noise, stereo shadows, dropouts, quantised depth.

Pure functions of their arguments; randomness comes in as a generator. With the setting
`simulation.sensor` = "noisy" the effects of `sensor_artifacts` are added.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.config import SimulationConfig
from m3_ros.sim.sensor_artifacts import (
    NOISE_FACTOR,
    expose,
    flying_pixels,
    lost_pixels,
    misregister,
)
from m3_ros.types import Depth, Image, Mask

BASELINE = 0.018
"""Distance of the two imagers of a D405, m (data sheet)."""
SUBPIXEL = 0.08
"""Standard deviation of the stereo match, px (Intel's tuning paper for RealSense D4xx)."""
QUANTUM = 0.001
"""Step of depth in 16UC1, m."""
# The paper gives none of the following; they are assumptions of this model.
EDGE_JITTER = 0.5
"""Standard deviation of the position of a depth edge, px: half a pixel of matching error."""
CORRELATION_PATCH = 3
"""Side of the patches that share half of their error, as they share a matching window, px."""
SILHOUETTE_STEP = 0.02
"""Relative step in depth between neighbours that is a silhouette."""
SILHOUETTE_DROPOUT = 0.5
"""Probability that a pixel on a silhouette has no depth."""
SPECKLE = 0.001
"""Probability that any pixel has no depth."""


def measured_depth(
    depth: Depth, rgb: Image, config: SimulationConfig, rng: np.random.Generator
) -> Depth:
    """Return what the configured sensor measures.

    Args:
        depth: `[H, W]` true depth, m; 0 where there is none.
        rgb: `[H, W, 3]` true colour.
        config: Sensor, scale of its errors, limits.
        rng: randomness.
    """
    scale, optics = config.depth_noise, (config.depth_range, config.baseline)
    if config.sensor == "d405" or scale == 0.0:
        return noisy_depth(depth, config.focal_length, rng, scale, *optics)
    flying = flying_pixels(depth, _silhouettes(depth), rng)
    measured = noisy_depth(flying, config.focal_length, rng, NOISE_FACTOR * scale, *optics)
    measured[lost_pixels(rgb, rng)] = 0.0
    return misregister(measured)


def measured_color(rgb: Image, config: SimulationConfig, rng: np.random.Generator) -> Image:
    """Return what the configured sensor shows of true colour `[H, W, 3]`."""
    exposed = rgb if config.sensor == "d405" else expose(rgb)
    return noisy_color(exposed, config.color_noise, rng)


def depth_sigma(z: NDArray, focal_length: float, baseline: float = BASELINE) -> NDArray:
    """Return the standard deviation (m) of depth at `z` (m): z^2 s / (f B), f in px."""
    return np.square(z) * np.float32(SUBPIXEL / (focal_length * baseline))


def noisy_depth(
    depth: Depth,
    focal_length: float,
    rng: np.random.Generator,
    scale: float = 1.0,
    limits: tuple[float, float] = (0.07, 2.0),
    baseline: float = BASELINE,
) -> Depth:
    """Return measured depth of a true depth image.

    Args:
        depth: `[H, W]` float32 true depth along z in m, 0 where there is none.
        focal_length: px.
        rng: randomness.
        scale: of every random error; 0 leaves only the limits and the steps.
        limits: nearest and farthest depth measured in m.
        baseline: distance of the two imagers, m.

    Returns:
        `[H, W]` float32 m in steps of 1 mm; 0 where the camera measures nothing.
    """
    measured = depth
    if scale > 0.0:
        edges = np.nonzero(_silhouettes(depth))
        measured = depth.copy()
        measured[edges] = _beside(depth, edges, EDGE_JITTER * scale, rng)
        error = _correlated_normal(depth.shape, rng)
        measured += np.float32(scale) * depth_sigma(measured, focal_length, baseline) * error
        measured[_stereo_shadow(depth, focal_length * baseline)] = 0.0
        measured[edges] *= rng.random(len(edges[0])) >= SILHOUETTE_DROPOUT
        speckles = rng.integers(depth.size, size=rng.poisson(SPECKLE * scale * depth.size))
        measured.ravel()[speckles] = 0.0
    seen = (measured >= limits[0]) & (measured <= limits[1])
    steps = np.rint(measured / np.float32(QUANTUM)) * np.float32(QUANTUM)
    return np.where(seen, steps, np.float32(0.0)).astype(np.float32)


def noisy_color(rgb: Image, sigma: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return colour `[H, W, 3]` with normal noise of `sigma` (of 255) per channel."""
    if sigma == 0.0:
        return rgb
    noise = rng.standard_normal(rgb.shape, np.float32) * np.float32(sigma)
    return np.clip(np.rint(rgb + noise), 0, 255).astype(np.uint8)


def _beside(
    depth: Depth, pixels: tuple[NDArray, NDArray], sigma: float, rng: np.random.Generator
) -> Depth:
    """Return depth about `sigma` px beside some pixels (rows, columns): ragged edges."""
    shift = np.rint(rng.normal(0.0, sigma, (2, len(pixels[0])))).astype(np.intp)
    row = np.clip(pixels[0] + shift[0], 0, depth.shape[0] - 1)
    column = np.clip(pixels[1] + shift[1], 0, depth.shape[1] - 1)
    return depth[row, column]


def _stereo_shadow(depth: Depth, focal_times_baseline: float) -> Mask:
    """Return pixels that the right imager does not see: one further right projects left of them.

    The left imager is the reference, so the shadow lies on the left side of near objects.
    """
    disparity = focal_times_baseline / np.maximum(depth, 1e-3)
    landing = np.arange(depth.shape[1], dtype=np.float32) - np.where(depth > 0, disparity, 0.0)
    ahead = np.minimum.accumulate(landing[:, ::-1], axis=1)[:, ::-1]
    hidden = np.zeros(depth.shape, np.bool_)
    hidden[:, :-1] = ahead[:, 1:] < landing[:, :-1] - 0.5
    return hidden


def _silhouettes(depth: Depth) -> Mask:
    """Return pixels next to a step in depth."""
    kernel = np.ones((3, 3), np.uint8)
    nearest, farthest = cv2.erode(depth, kernel), cv2.dilate(depth, kernel)
    return farthest - nearest > SILHOUETTE_STEP * depth + 1e-6


def _correlated_normal(shape: tuple[int, int], rng: np.random.Generator) -> Depth:
    """Draw normal noise `[H, W]`, half of its variance shared by each `CORRELATION_PATCH`."""
    coarse = rng.standard_normal(
        (shape[0] // CORRELATION_PATCH + 1, shape[1] // CORRELATION_PATCH + 1), np.float32
    )
    shared = np.repeat(np.repeat(coarse, CORRELATION_PATCH, axis=0), CORRELATION_PATCH, axis=1)[
        : shape[0], : shape[1]
    ]
    own = rng.standard_normal(shape, np.float32)
    return (own + shared) * np.float32(np.sqrt(0.5))
