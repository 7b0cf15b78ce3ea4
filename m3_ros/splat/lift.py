"""Closed-form lifting of image features onto Gaussians.

A rendered channel is linear in the Gaussians' channels: its derivative is the blending weight
alpha T. The vector-Jacobian product of the rasterizer with a view's features as cotangent is
therefore the sum of weight x feature for every Gaussian; one more channel of ones gives the sum of
the weights.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.rasterization import rasterization


def lift(
    gaussians: Gaussians,
    views: tuple[Tensor, Tensor],
    maps: Iterable[Tensor],
    valid: Iterable[Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return each Gaussian's mean feature over all views, weighted by its blending weights.

    Args:
        gaussians: N Gaussians.
        views: World to camera `[B, 4, 4]` and intrinsics `[B, 3, 3]` at the maps' resolution.
        maps: One map `[h, w, C]` a view, C <= 511, on the Gaussians' device or copied there; may
            be a generator, so that only one is in memory.
        valid: One mask `[h, w]` a view, False where a map has no feature. None: all valid.

    Returns:
        Features `[N, C]` (zero for a Gaussian that is in no view) and the summed blending weight
        `[N]`, in pixels.

    Raises:
        ValueError: The maps are fewer or more than the views, or of different sizes.
    """
    viewmats, Ks = views
    means, quats, scales, opacities = (x.detach() for x in gaussians.activated())
    total = None
    masks = [None] * len(viewmats) if valid is None else valid
    for viewmat, K, features, mask in zip(viewmats, Ks, maps, masks, strict=True):
        height, width, channels = features.shape
        cotangent = torch.nn.functional.pad(features.to(means), (0, 1), value=1.0)
        if mask is not None:
            cotangent = cotangent * mask.to(means)[..., None]
        if total is None:
            total = means.new_zeros(len(means), channels + 1)
        if channels + 1 != total.shape[1]:
            raise ValueError(f"maps must all have {total.shape[1] - 1} channels, got {channels}")
        colors = torch.zeros_like(total, requires_grad=True)
        render, _, _ = rasterization(
            *(means, quats, scales, opacities, colors),
            *(viewmat[None].to(means), K[None].to(means), width, height),
        )
        total += torch.autograd.grad(render, colors, cotangent[None])[0]
    if total is None:
        raise ValueError("views must hold at least one view, got none")
    weight = total[:, -1]
    return total[:, :-1] / weight.clamp_min(1e-12)[:, None], weight
