"""Densification: gsplat's strategy of splitting and pruning Gaussians, for a short fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.errors import UsageError

if TYPE_CHECKING:
    from gsplat.strategy.base import Strategy


def scene_scale(frames: Sequence[RgbdFrame]) -> float:
    """Return gsplat's scene scale, m: 1.1 times the largest distance of a camera to their mean.

    gsplat's thresholds of Gaussians' sizes are relative to it (examples/simple_trainer.py).
    """
    centres = np.stack([frame.camtoworld[:3, 3] for frame in frames])
    return 1.1 * float(np.linalg.norm(centres - centres.mean(0), axis=1).max())


def make_strategy(steps: int, batch: int = 1) -> Strategy:
    """Return gsplat's densification, paced for a fit of a few hundred steps.

    gsplat starts after 500 of 30 000 steps and refines every 100; here a frame is visited every
    50 or so steps. Opacities are never reset: there are too few steps to recover.

    Raises:
        UsageError: Steps have several frames: its statistics are of one.
    """
    if batch > 1:
        raise UsageError(
            "Gaussians are split and pruned by one process only; build without torchrun, or set "
            "splat.densify to never"
        )
    from gsplat.strategy import DefaultStrategy

    return DefaultStrategy(
        refine_start_iter=50,
        refine_every=50,
        refine_stop_iter=int(0.7 * steps),
        reset_every=1_000_000,
    )
