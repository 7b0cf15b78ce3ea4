"""Surface normals of Gaussians, and images of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.rasterization import rasterization


def normals(gaussians: Gaussians, viewmats: Tensor) -> Tensor:
    """Return unit normals `[B, N, 3]`, world frame, towards the camera of each view.

    A Gaussian's normal is its shortest axis (as in Cheng et al., "GaussianPro", 2024, Section
    3.3), which starts along the normal of the measured surface.

    Args:
        gaussians: N Gaussians.
        viewmats: World to camera `[B, 4, 4]`.
    """
    w, xyz = F.normalize(gaussians.quats, dim=-1).split([1, 3], dim=-1)
    axis = F.one_hot(gaussians.scales.argmin(-1), 3).to(xyz)
    turned = 2 * torch.linalg.cross(xyz, axis)
    axes = axis + w * turned + torch.linalg.cross(xyz, turned)  # rotated by the quaternion
    centres = torch.linalg.inv(viewmats)[:, None, :3, 3]
    away = ((gaussians.means - centres) * axes).sum(-1, keepdim=True) > 0
    return torch.where(away, -axes, axes)


def render_normals(
    gaussians: Gaussians,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    near_plane: float = 0.01,
) -> Tensor:
    """Render unit normals `[B, H, W, 3]`, world frame; zero where there is no Gaussian.

    Args:
        gaussians: N Gaussians.
        viewmats: World to camera `[B, 4, 4]`.
        Ks: Intrinsics `[B, 3, 3]`, pixels.
        width: Pixels.
        height: Pixels.
        near_plane: Nearest depth that is drawn.
    """
    colors = normals(gaussians, viewmats)
    renders, _, _ = rasterization(
        *gaussians.activated(), colors, viewmats, Ks, width, height, near_plane=near_plane
    )
    return F.normalize(renders, dim=-1)
