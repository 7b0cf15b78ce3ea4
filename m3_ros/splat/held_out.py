"""Scores of held-out frames: as they are, and with their own pose and exposure corrected.

A held-out frame's pose has an error that the fit cannot know, and its exposure may differ. Both
are therefore also fitted to one half of the picture, and the other half is scored (as for the
appearance of NeRF in the Wild, Martin-Brualla et al., CVPR 2021), each half once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.loss import psnr, ssim
from m3_ros.splat.poses import CameraCorrections
from m3_ros.splat.tracking import render, track
from m3_ros.splat.training_view import TrainingView
from m3_ros.types import Array


@dataclass(frozen=True)
class ViewScore:
    """Mean PSNR, dB, and SSIM of rendered pictures, outside of masks."""

    psnr_db: float
    ssim: float


@dataclass(frozen=True)
class HeldOutScores:
    """Scores of the held-out frames.

    Attributes:
        frames: Number of frames scored.
        held_out: False where none is held out: they were fitted then.
        as_is: At the given poses (aligned by depth, where there is depth) and exposures.
        corrected: Pose and exposure fitted to one half of the picture, scored on the other.
        depth_error: Median absolute difference of rendered and measured depth, in the unit of the
            scan; NaN without measured depth.
    """

    frames: int
    held_out: bool
    as_is: ViewScore
    corrected: ViewScore
    depth_error: float

    def scaled(self, factor: float) -> HeldOutScores:
        """Return the scores with lengths times `factor`."""
        return replace(self, depth_error=factor * self.depth_error)


@torch.no_grad()
def score_frames(
    gaussians: Gaussians,
    cameras: CameraCorrections,
    views: Sequence[TrainingView],
    indices: Sequence[int],
    held_out: bool,
) -> HeldOutScores:
    """Return the scores of the views `indices`."""
    given, corrected, errors = [], [], []
    for index in indices:
        viewmat = cameras.viewmat(index).double().cpu().numpy()
        rgb, depth, K, mask = (x.cpu().numpy() for x in views[index].levels[0])
        image, rendered, _ = render(gaussians, viewmat, K, mask.shape[::-1])
        given.append(_score(image, rgb, mask))
        corrected.append(_score(_corrected(gaussians, viewmat, views[index]), rgb, mask))
        errors.append(np.abs(rendered - depth)[depth > 0])
    errors = np.concatenate(errors)
    return HeldOutScores(
        len(indices),
        held_out,
        _mean(given),
        _mean(corrected),
        float(np.median(errors)) if len(errors) else float("nan"),
    )


def _corrected(gaussians: Gaussians, viewmat: Array, view: TrainingView) -> Array:
    """Return the picture `[H, W, 3]`, each half with the camera fitted to the other half."""
    _, _, K, mask = (x.cpu().numpy() for x in view.levels[0])
    rgb, _, small_K, small_mask = (x.cpu().numpy() for x in view.levels[1])
    result = np.zeros((*mask.shape, 3), np.float32)
    for side in (False, True):
        fitted = (np.arange(small_mask.shape[1]) < small_mask.shape[1] // 2) == side
        scored = (np.arange(mask.shape[1]) < mask.shape[1] // 2) != side
        pose, exposure = track(gaussians, viewmat, small_K, rgb, small_mask & fitted)
        image, _, _ = render(gaussians, pose, K, mask.shape[::-1])
        result[:, scored] = exposure.apply(image)[:, scored]
    return result


def _score(image: Array, rgb: Array, mask: Array) -> ViewScore:
    seen = torch.from_numpy(rgb.astype(np.float32) / 255)
    shown = torch.from_numpy(np.asarray(image, np.float32)).clamp(0, 1)
    used = torch.from_numpy(mask)
    similarity = ssim(torch.where(used[..., None], shown, seen), seen)
    return ViewScore(psnr(shown[used], seen[used]), float(similarity))


def _mean(scores: Sequence[ViewScore]) -> ViewScore:
    return ViewScore(
        float(np.mean([score.psnr_db for score in scores])),
        float(np.mean([score.ssim for score in scores])),
    )
