"""Loss of a rendered frame."""

from __future__ import annotations

import torch
from torch import Tensor

from m3_ros.config import SplatConfig
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.loss import depth_loss, photometric_loss
from m3_ros.splat.poses import CameraCorrections
from m3_ros.splat.training_view import TrainingView


def view_loss(
    gaussians: Gaussians,
    cameras: CameraCorrections,
    frame: int,
    view: TrainingView,
    level: int,
    config: SplatConfig,
) -> tuple[Tensor, dict]:
    """Return the loss of a frame's colour and depth, and the rasterization's `info`.

    Args:
        gaussians: N Gaussians.
        cameras: Pose and exposure of all frames.
        frame: Its index there.
        view: What the frame shows.
        level: 0: full resolution, 1: half.
        config: Weights.
    """
    rgb, depth, K, mask = view.levels[level]
    estimated = view.estimated[level]
    height, width = depth.shape
    viewmat = cameras.viewmat(frame)
    render, alpha, info = gaussians.render(viewmat[None], K[None], width, height)
    image = cameras.expose(frame, render[0, ..., :3])
    target = torch.where(mask[..., None], rgb / 255.0, image.detach())
    loss = photometric_loss(image, target, config.ssim_weight)
    if config.depth_weight:
        error = depth_loss(render[0, ..., 3], depth, alpha[0, ..., 0])
        loss = loss + config.depth_weight * error
    if config.stereo_weight and estimated is not None and level == 1:
        error = depth_loss(render[0, ..., 3], estimated, alpha[0, ..., 0])
        loss = loss + config.stereo_weight * error
    return loss, info
