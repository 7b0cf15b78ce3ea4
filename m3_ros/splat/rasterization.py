"""One rasterization of 3D Gaussians: gsplat on CUDA, the C++ library of src/ on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor

from m3_ros.splat import gsplat_backend
from m3_ros.splat.cpu_backend import Project, Rasterize
from m3_ros.splat.request import Request
from m3_ros.splat.spherical_harmonics import sh_colors


def rasterization(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colors: Tensor,
    viewmats: Tensor,
    Ks: Tensor,
    width: int,
    height: int,
    *,
    near_plane: float = 0.01,
    far_plane: float = 1e10,
    sh_degree: int | None = None,
    backgrounds: Tensor | None = None,
    render_mode: str = "RGB",
) -> tuple[Tensor, Tensor, dict]:
    """Render N Gaussians into B views; arguments and results are those of gsplat.rasterization.

    Differentiable in all tensors (gsplat, on CUDA, has no gradient for `Ks`). The device of
    `means` chooses the backend; the CPU one computes in float32 and returns `means`' dtype.

    Args:
        means: Centres `[N, 3]`, world frame.
        quats: Orientations `[N, 4]`, wxyz, need not be normalised.
        scales: Standard deviations `[N, 3]`.
        opacities: `[N]`, 0..1.
        colors: Channels `[N, C]` or `[B, N, C]`, or with `sh_degree` spherical-harmonic
            coefficients `[N, K, 3]`. 1 <= C <= 512.
        viewmats: World to camera `[B, 4, 4]`, OpenCV axes.
        Ks: Intrinsics `[B, 3, 3]`, pixels; pixel (0, 0) has its centre at (0.5, 0.5).
        width: Pixels.
        height: Pixels.
        near_plane: Nearest drawn depth.
        far_plane: Farthest drawn depth.
        sh_degree: Highest band of the spherical harmonics, or None for plain channels.
        backgrounds: `[B, C]` colour of the background, or None for zeros.
        render_mode: "RGB" channels, "D" accumulated depth, "ED" expected depth (divided by
            alpha), or channels with depth as the last one: "RGB+D", "RGB+ED".

    Returns:
        renders `[B, H, W, C (+1)]`, alphas `[B, H, W, 1]`, and `info`: "means2d" `[B, N, 2]`
        (its gradient is kept after `retain_grad()`), "radii" `[B, N, 2]` (0 = culled), "depths",
        "conics", "opacities" and sizes, as gsplat's strategies read them.

    Raises:
        ValueError: An argument has a wrong shape, type, device or value; the message names it.
    """
    request = Request(
        *(means, quats, scales, opacities, colors, viewmats, Ks, width, height),
        *(near_plane, far_plane, sh_degree, backgrounds, render_mode),
    ).to_float32()
    backend = _on_cpu if means.device.type == "cpu" else gsplat_backend.rasterize
    renders, alphas, info = backend(request)
    return renders.to(means.dtype), alphas.to(means.dtype), info


def _on_cpu(request: Request) -> tuple[Tensor, Tensor, dict]:
    views, size, mode = len(request.viewmats), (request.width, request.height), request.render_mode
    radii, means2d, depths, conics, rows = Project.apply(
        *(request.means, request.quats, request.scales, request.opacities),
        *(request.viewmats, request.Ks, size, request.near_plane, request.far_plane),
    )
    opacities = request.opacities.expand(views, -1)
    colors, backgrounds = request.colors, request.backgrounds
    with_depth = mode.endswith("D")
    if mode in ("D", "ED"):
        colors, backgrounds = request.means.new_empty(len(request.means), 0), None
    elif request.sh_degree is not None:
        colors = sh_colors(request.sh_degree, request.means, colors, request.viewmats)
    if backgrounds is not None and with_depth:
        backgrounds = torch.nn.functional.pad(backgrounds, (0, 1))
    renders, alphas = Rasterize.apply(
        means2d, conics, opacities, colors, depths, backgrounds, radii, rows, size, with_depth
    )
    if mode.endswith("ED"):
        depth = renders[..., -1:] / alphas.clamp_min(1e-10)
        renders = torch.cat([renders[..., :-1], depth], dim=-1)
    info = {
        "radii": radii,
        "means2d": means2d,
        "depths": depths,
        "conics": conics,
        "opacities": opacities,
        "camera_ids": None,
        "gaussian_ids": None,
        "width": request.width,
        "height": request.height,
        "n_cameras": views,
    }
    return renders, alphas, info
