"""Autograd functions of the C++ rasterizer: projection and compositing.

All tensors are float32 on the CPU; `rasterization` has checked them.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

from m3_ros.splat import native
from m3_ros.splat.native_functions import ROW_FLOATS, TILE_SIZE, CameraStruct, SplatsStruct

EPS2D = 0.3  # px^2 added to every projected covariance, gsplat's default


def _camera(
    viewmat: Tensor, K: Tensor, width: int, height: int, near: float, far: float
) -> CameraStruct:
    """Return the camera of one view: world to camera `[4, 4]`, intrinsics `[3, 3]` in pixels."""
    return CameraStruct(
        tuple(viewmat.detach().flatten().tolist()),
        tuple(K.detach().flatten().tolist()),
        width,
        height,
        near,
        far,
        EPS2D,
    )


class Project(Function):
    """Project Gaussians to every view's image plane.

    Returns radii `[B, N, 2]` int32 px (0 = culled), means2d `[B, N, 2]` px, depths `[B, N]` m,
    conics `[B, N, 3]`, and rows `[B, N, 8]`, the rasterizer's input (`Row` of src/rasterizer.h).
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        means: Tensor,
        quats: Tensor,
        scales: Tensor,
        opacities: Tensor,
        viewmats: Tensor,
        Ks: Tensor,
        size: tuple[int, int],
        near: float,
        far: float,
    ) -> tuple[Tensor, ...]:
        means, quats, scales = means.contiguous(), quats.contiguous(), scales.contiguous()
        opacities = opacities.contiguous()
        views, n = len(viewmats), len(means)
        ctx.cameras = [_camera(*pose, *size, near, far) for pose in zip(viewmats, Ks, strict=True)]
        radii = torch.empty(views, n, 2, dtype=torch.int32)
        means2d, depths = torch.empty(views, n, 2), torch.empty(views, n)
        conics, rows = torch.empty(views, n, 3), torch.empty(views, n, ROW_FLOATS)
        for b, view in enumerate(ctx.cameras):
            outputs = radii[b], means2d[b], depths[b], conics[b], rows[b]
            native.call("m3_project", n, means, quats, scales, opacities, view, *outputs)
        ctx.save_for_backward(means, quats, scales, radii, conics)
        ctx.mark_non_differentiable(radii, rows)
        return radii, means2d, depths, conics, rows

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx,
        _radii: None,
        v_means2d: Tensor,
        v_depths: Tensor,
        v_conics: Tensor,
        _rows: None,
    ) -> tuple[Tensor | None, ...]:
        means, quats, scales, radii, conics = ctx.saved_tensors
        v_means, v_quats, v_scales = map(torch.zeros_like, (means, quats, scales))
        v_viewmats = torch.zeros(len(radii), 4, 4)
        v_Ks = torch.zeros(len(radii), 3, 3)
        v_means2d, v_depths = v_means2d.contiguous(), v_depths.contiguous()
        v_conics = v_conics.contiguous()
        for b, view in enumerate(ctx.cameras):
            cotangents = v_means2d[b], v_depths[b], v_conics[b]
            outputs = v_means, v_quats, v_scales, v_viewmats[b], v_Ks[b]
            native.call(
                "m3_project_backward",
                *(len(means), means, quats, scales, view, radii[b], conics[b]),
                *cotangents,
                *outputs,
            )
        return v_means, v_quats, v_scales, None, v_viewmats, v_Ks, None, None, None


class Rasterize(Function):
    """Composite the splats of every view.

    Values come from `rows` and `colors`; means2d, conics, opacities and depths, which the rows
    contain, are arguments so that they get gradients. `colors` is `[N, C]` or `[B, N, C]`,
    `backgrounds` `[B, C (+ 1)]` or None; with `with_depth` the depth is one more, last channel.
    Returns renders `[B, H, W, C (+ 1)]` and alphas `[B, H, W, 1]`.
    """

    @staticmethod
    def forward(
        ctx: FunctionCtx,
        means2d: Tensor,
        conics: Tensor,
        opacities: Tensor,
        colors: Tensor,
        depths: Tensor,
        backgrounds: Tensor | None,
        radii: Tensor,
        rows: Tensor,
        size: tuple[int, int],
        with_depth: bool,
    ) -> tuple[Tensor, Tensor]:
        width, height = size
        colors = colors.contiguous()
        views, channels = len(radii), colors.shape[-1] + with_depth
        renders = torch.empty(views, height, width, channels)
        transmittance = torch.empty(views, height, width)
        last = torch.empty(views, height, width, dtype=torch.int32)
        background = None if backgrounds is None else backgrounds.contiguous()
        ctx.size, ctx.with_depth, ctx.tiles = size, with_depth, []
        for b in range(views):
            splats = _view(radii, rows, colors, b, size, with_depth)
            offsets, ids = _sort_into_tiles(splats)
            ctx.tiles.append((offsets, ids))
            native.call(
                "m3_rasterize",
                *(splats, offsets, ids, None if background is None else background[b]),
                *(renders[b], transmittance[b], last[b]),
            )
        ctx.save_for_backward(colors, backgrounds, radii, rows, transmittance, last)
        return renders, (1 - transmittance)[..., None]

    @staticmethod
    @once_differentiable
    def backward(
        ctx: FunctionCtx, v_renders: Tensor, v_alphas: Tensor
    ) -> tuple[Tensor | None, ...]:
        colors, backgrounds, radii, rows, transmittance, last = ctx.saved_tensors
        v_renders = v_renders.contiguous()
        v_transmittance = -v_alphas[..., 0].contiguous()
        v_backgrounds = None
        if backgrounds is not None:
            v_transmittance = v_transmittance + torch.einsum(
                "bhwc,bc->bhw", v_renders, backgrounds
            )
            v_backgrounds = torch.einsum("bhwc,bhw->bc", v_renders, transmittance)
        v_colors, v_rows = torch.zeros_like(colors), torch.zeros_like(rows)
        for b, (offsets, ids) in enumerate(ctx.tiles):
            splats = _view(radii, rows, colors, b, ctx.size, ctx.with_depth)
            native.call(
                "m3_rasterize_backward",
                *(splats, offsets, ids, transmittance[b], last[b]),
                *(v_renders[b], v_transmittance[b]),
                *(v_colors if v_colors.ndim == 2 else v_colors[b], v_rows[b]),
            )
        v_means2d, v_conics, v_opacities, v_depths = v_rows[..., :-1].split([2, 3, 1, 1], dim=-1)
        gradients = v_means2d, v_conics, v_opacities[..., 0], v_colors, v_depths[..., 0]
        return *gradients, v_backgrounds, None, None, None, None


def _view(
    radii: Tensor, rows: Tensor, colors: Tensor, b: int, size: tuple[int, int], with_depth: bool
) -> SplatsStruct:
    """Return view `b` of the inputs of `Rasterize`; they must outlive the result."""
    channels = colors if colors.ndim == 2 else colors[b]
    return native.splats(radii[b], rows[b], channels, size, with_depth)


def _sort_into_tiles(splats: SplatsStruct) -> tuple[Tensor, Tensor]:
    """Return the start of each tile's list `[tiles + 1]` int64, and the lists, near to far."""
    across, down = (-(-x // TILE_SIZE) for x in (splats.width, splats.height))
    order = torch.empty(splats.n, dtype=torch.int32)
    threads = native.threads()
    counts = torch.empty(threads, across * down, dtype=torch.int32)
    offsets = torch.empty(across * down + 1, dtype=torch.int64)
    arguments = splats, order, counts, offsets
    total = native.call("m3_count_tiles", *arguments, thread_count=threads)
    ids = torch.empty(total, dtype=torch.int32)
    native.call("m3_fill_tiles", *arguments, ids, thread_count=threads)
    return offsets, ids
