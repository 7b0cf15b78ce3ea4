"""Result of a fit, and its error on the held-out frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.loss import psnr
from m3_ros.splat.poses import CameraCorrections
from m3_ros.splat.training_view import TrainingView
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class FitResult:
    """Result of a fit.

    Attributes:
        gaussians: Outside any autograd graph.
        camtoworlds: Refined poses of all frames `[n, 4, 4]` float64.
        psnr_db: Mean PSNR of the held-out frames (of all frames if there are none), dB.
        depth_error_m: Median absolute difference of rendered and measured depth there, m; NaN
            without measured depth.
        test_frames: Indices of the held-out frames.
        iterations: Steps taken.
        seconds: Time used.
    """

    gaussians: Gaussians
    camtoworlds: Array
    psnr_db: float
    depth_error_m: float
    test_frames: tuple[int, ...]
    iterations: int
    seconds: float

    def scaled(self, factor: float) -> FitResult:
        """Return the result with all lengths times `factor`."""
        poses = self.camtoworlds.copy()
        poses[:, :3, 3] *= factor
        similarity = np.diag([factor, factor, factor, 1.0])
        return replace(
            self,
            gaussians=self.gaussians.transformed(similarity),
            camtoworlds=poses,
            depth_error_m=factor * self.depth_error_m,
        )


def held_out(count: int, every: int) -> list[int]:
    """Return the indices of the held-out frames: measured against, but not used by the fit.

    Args:
        count: Number of frames.
        every: Hold out one frame, the middle one, of each group of so many; 0: none.

    Returns:
        The indices; none where there are fewer than two groups.
    """
    return list(range(every // 2, count, every)) if every and count >= 2 * every - 1 else []


@torch.no_grad()
def score(
    gaussians: Gaussians,
    cameras: CameraCorrections,
    views: Sequence[TrainingView],
    indices: Sequence[int],
) -> tuple[float, float]:
    """Return mean PSNR, dB, and median absolute depth error, m, over the views `indices`.

    The error is NaN where no depth is measured.
    """
    scores, errors = [], []
    for i in indices:
        rgb, depth, K, mask = views[i].levels[0]
        height, width = depth.shape
        render, _, _ = gaussians.render(cameras.viewmat(i)[None], K[None], width, height)
        image = cameras.expose(i, render[0, ..., :3])  # unchanged for a held-out frame
        scores.append(psnr(image.clamp(0, 1)[mask], rgb[mask] / 255.0))
        errors.append((render[0, ..., 3] - depth).abs()[depth > 0])
    errors = torch.cat(errors)
    return float(np.mean(scores)), float(errors.median()) if len(errors) else float("nan")
