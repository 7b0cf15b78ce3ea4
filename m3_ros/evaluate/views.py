"""How well a memory renders views that it was not built from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.memory.spatial_memory import SpatialMemory


@dataclass(frozen=True)
class ViewScore:
    """One view: PSNR of the colour in dB, median depth error in m (NaN without depth)."""

    psnr_db: float
    depth_error: float


def psnr(image: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio in dB of images in 0..1."""
    return float(-10.0 * np.log10(max(np.mean((image - truth) ** 2), 1e-12)))


def score_view(memory: SpatialMemory, frame: RgbdFrame) -> ViewScore:
    """Render the memory where `frame` was taken and compare."""
    place = (frame.camtoworld, frame.K, (frame.width, frame.height))
    rgb = memory.render(*place, what="rgb")
    depth = memory.render(*place, what="depth")
    both = (depth > 0) & (frame.depth > 0)
    error = float(np.median(np.abs(depth - frame.depth)[both])) if both.any() else float("nan")
    seen = frame.rgb.astype(np.float32) / 255
    shown = np.ones(depth.shape, bool) if frame.mask is None else frame.mask
    return ViewScore(psnr(rgb[shown], seen[shown]), error)


def score_views(memory: SpatialMemory, frames: Iterable[RgbdFrame]) -> ViewScore:
    """Mean PSNR and median depth error over views."""
    scores = [score_view(memory, frame) for frame in frames]
    return ViewScore(
        float(np.mean([score.psnr_db for score in scores])),
        float(np.nanmedian([score.depth_error for score in scores])),
    )
