"""LPIPS of rendered pictures (Zhang et al., CVPR 2018), where the package `lpips` is installed.

It is a choice of the user's, not a dependency: `pip install lpips` (BSD-2-Clause) brings the
calibrated layers and downloads the weights of its network once.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import inverse
from m3_ros.splat.result import FitResult

NETWORK = "vgg"
"""The paper on 3DGS (Kerbl et al. 2023) and its successors report LPIPS of this network."""


def perceptual_distance(fitted: FitResult, frames: Sequence[RgbdFrame]) -> float | None:
    """Return the mean LPIPS of the held-out frames; None without the package.

    Args:
        fitted: with the poses of all frames.
        frames: all of them.
    """
    try:
        network = import_module("lpips").LPIPS(net=NETWORK, verbose=False)
    except ImportError:
        return None
    values = []
    for index in fitted.test_frames:
        frame = frames[index]
        viewmat = torch.from_numpy(inverse(fitted.camtoworlds[index])).float()
        K = torch.from_numpy(frame.K).float()
        with torch.no_grad():
            render, _, _ = fitted.gaussians.render(
                viewmat[None], K[None], frame.width, frame.height
            )
            pair = render[0, ..., :3].clamp(0, 1), torch.from_numpy(frame.rgb).float() / 255
            images = [image.permute(2, 0, 1)[None] * 2 - 1 for image in pair]
            values.append(float(network(*images)))
    return float(np.mean(values))
