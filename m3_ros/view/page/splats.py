"""A memory's Gaussians as a web page draws them: covariances, and colours that show a quantity."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.geometry import quat_to_matrix
from m3_ros.memory.spatial_memory import SpatialMemory, principal_colors
from m3_ros.splat import Gaussians
from m3_ros.splat.gaussians import SH_C0
from m3_ros.splat.normals import normals
from m3_ros.types import Array
from m3_ros.view.overlay import draw_overlay
from m3_ros.view.pictures import depth_picture, heat_picture

COLOR, RELEVANCY, DEPTH, NORMALS = "colour", "relevancy", "distance", "normals"
FEATURES, RELIABILITY = "features", "reliability"
"""Of a model, whose name stands before them."""


def covariances(gaussians: Gaussians) -> NDArray[np.float32]:
    """Return `[N, 3, 3]`, in the square of the Gaussians' unit."""
    axes = (
        quat_to_matrix(gaussians.quats.numpy())
        * gaussians.scales.double().exp().numpy()[:, None, :]
    )
    return (axes @ axes.swapaxes(1, 2)).astype(np.float32)


def quantities(memory: SpatialMemory) -> list[str]:
    """Return what `colors` can show of a memory."""
    models = [f"{name} {what}" for name in memory.models for what in (FEATURES, RELIABILITY)]
    return [COLOR, RELEVANCY, DEPTH, NORMALS, *models]


def colors(
    memory: SpatialMemory,
    quantity: str,
    eye: Array,
    relevancy: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """Return colours `[N, 3]` of the Gaussians.

    Args:
        memory: with N Gaussians.
        quantity: one of `quantities`.
        eye: `[3]` from where it is seen, for distance and normals.
        relevancy: `[N]` probability 0..1 of the last request; None before the first.
    """
    gaussians = memory.gaussians
    camera = np.uint8(np.rint(255 * (SH_C0 * gaussians.sh0[:, 0] + 0.5).clamp(0, 1).numpy()))
    if quantity == COLOR or (quantity == RELEVANCY and relevancy is None):
        return camera
    if quantity == RELEVANCY:
        return draw_overlay(camera[:, None], relevancy[:, None])[:, 0]
    if quantity == DEPTH:
        distance = np.linalg.norm(gaussians.means.numpy() - eye, axis=1).astype(np.float32)
        near, far = np.percentile(distance, [1, 99])
        return depth_picture(distance[:, None], near, far)[:, 0]
    if quantity == NORMALS:
        viewmat = torch.eye(4)
        viewmat[:3, 3] = -torch.as_tensor(eye, dtype=torch.float32)
        return np.uint8(np.rint(127.5 * (normals(gaussians, viewmat[None])[0].numpy() + 1)))
    name, what = quantity.rsplit(" ", 1)
    model = memory.model(name)
    if what == FEATURES:  # the directions are orthonormal: the queries' components are theirs
        return np.uint8(np.rint(255 * principal_colors(model.queries[:, None])[:, 0]))
    return heat_picture(model.reliability.numpy()[:, None])[:, 0]
