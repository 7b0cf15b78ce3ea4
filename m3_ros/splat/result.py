"""What a fit found, and how well it explains frames it was not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.loss import psnr
from m3_ros.splat.poses import Cameras
from m3_ros.splat.view import View


@dataclass(frozen=True, eq=False)
class FitResult:
    """What a fit found.

    Attributes:
        gaussians: Outside any autograd graph.
        camtoworlds: Poses of all frames `[n, 4, 4]` float64, corrected where the fit does so.
        psnr_db: Mean PSNR of the frames kept from the fit (of all frames if none was).
        depth_error_m: Median absolute difference to their measured depth, m.
        test_frames: Indices of the frames kept from the fit.
        iterations: Steps taken.
        seconds: Time used.
    """

    gaussians: Gaussians
    camtoworlds: NDArray[np.float64]
    psnr_db: float
    depth_error_m: float
    test_frames: tuple[int, ...]
    iterations: int
    seconds: float


def held_out(count: int, every: int) -> list[int]:
    """Every n-th frame, from the middle of the first group on; none of fewer than two groups."""
    return list(range(every // 2, count, every)) if every and count >= 2 * every - 1 else []


@torch.no_grad()
def score(
    gaussians: Gaussians, cameras: Cameras, views: Sequence[View], chosen: Sequence[int]
) -> tuple[float, float]:
    """Mean PSNR, dB, and median absolute depth error, m, of the chosen views."""
    scores, errors = [], []
    for i in chosen:
        rgb, depth, K, mask = views[i].levels[0]
        height, width = depth.shape
        render, _, _ = gaussians.render(cameras.viewmat(i)[None], K[None], width, height)
        image = cameras.expose(i, render[0, ..., :3])  # as it is for a frame kept from the fit
        scores.append(psnr(image.clamp(0, 1)[mask], rgb[mask] / 255.0))
        errors.append((render[0, ..., 3] - depth).abs()[depth > 0])
    return float(np.mean(scores)), float(torch.cat(errors).median())
