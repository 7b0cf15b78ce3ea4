"""View-dependent colour: real spherical harmonics up to degree 3, order and signs of 3DGS."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

from m3_ros.splat import native
from m3_ros.splat.arguments import check_alike, check_integer, check_tensor


def sh_basis(degree: int, directions: Tensor) -> Tensor:
    """Return basis values `[..., (degree + 1)^2]` at unit `directions [..., 3]`.

    Polynomials of Sloan, "Efficient Spherical Harmonic Evaluation" (JCGT 2013).
    """
    x, y, z = directions.unbind(-1)
    basis = [torch.full_like(x, 0.28209479177387814)]
    if degree > 0:
        a = 0.4886025119029199
        basis += [-a * y, a * z, -a * x]
    if degree > 1:
        a, b = 1.0925484305920792, 0.5462742152960396
        zz = 0.9461746957575601 * z * z - 0.31539156525252005
        basis += [a * x * y, -a * y * z, zz, -a * x * z, b * (x * x - y * y)]
    if degree > 2:
        a, b, c = 0.5900435899266435, 2.890611442640554, 1.445305721320277
        fz = 0.4570457994644658 - 2.285228997322329 * z * z
        c1, s1 = x * x - y * y, 2 * x * y
        basis += [-a * (x * s1 + y * c1), b / 2 * z * s1, fz * y]
        basis += [z * (1.865881662950577 * z * z - 1.119528997770346), fz * x]
        basis += [c * z * c1, -a * (x * c1 - y * s1)]
    return torch.stack(basis, dim=-1)


def sh_colors(degree: int, means: Tensor, coefficients: Tensor, viewmats: Tensor) -> Tensor:
    """Return colours `[B, N, 3]` (>= 0) of Gaussians as seen from each view.

    Args:
        degree: Highest band used.
        means: Centres `[N, 3]`, world frame, m.
        coefficients: `[N, K, 3]`, K >= (degree + 1)^2.
        viewmats: World to camera `[B, 4, 4]`.

    Raises:
        ValueError: an argument has another shape, or the degree is not 0, 1, 2 or 3.
    """
    check_integer("degree", degree, 0, 3)
    check_tensor("means", means, ("N", 3))
    check_tensor("coefficients", coefficients, (len(means), "K", 3))
    check_tensor("viewmats", viewmats, ("B", 4, 4))
    check_alike("coefficients", coefficients, "means", means)
    check_alike("viewmats", viewmats, "means", means)
    if coefficients.shape[1] < (degree + 1) ** 2:
        raise ValueError(
            f"coefficients must be at least {(degree + 1) ** 2} for degree {degree}, got "
            f"{coefficients.shape[1]}"
        )
    positions = -torch.einsum("bji,bj->bi", viewmats[:, :3, :3], viewmats[:, :3, 3])
    if means.dtype == torch.float32 and means.device.type == "cpu":
        return _NativeColors.apply(means, positions, coefficients, degree)
    directions = torch.nn.functional.normalize(means - positions[:, None], dim=-1)
    basis = sh_basis(degree, directions)
    used = coefficients[:, : (degree + 1) ** 2]
    return (torch.einsum("bnk,nkc->bnc", basis, used) + 0.5).clamp_min(0)


def rotate_sh(coefficients: Tensor, rotation: Tensor) -> Tensor:
    """Return coefficients of the rotated colour function f'(d) = f(R^T d).

    A rotation maps every band onto itself: Y(R^T d) = Y(d) D for all directions d, and D follows
    from the values of the band at more directions than it has functions.

    Args:
        coefficients: `[N, K, 3]`, K = (degree + 1)^2.
        rotation: R `[3, 3]`.
    """
    degree = round(coefficients.shape[1] ** 0.5) - 1
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(64, 3, dtype=torch.float64, generator=generator)
    directions = torch.nn.functional.normalize(directions, dim=-1)
    before = sh_basis(degree, directions @ rotation.to(directions))
    after = sh_basis(degree, directions)
    bands = [coefficients[:, :1]]
    for band in range(1, degree + 1):
        own = slice(band**2, (band + 1) ** 2)
        D = torch.linalg.lstsq(after[:, own], before[:, own]).solution.to(coefficients.device)
        bands.append(torch.einsum("ij,njc->nic", D, coefficients[:, own].double()))
    return torch.cat([x.to(coefficients) for x in bands], dim=1)


class _NativeColors(Function):
    """`sh_colors` in C++, from camera positions `[B, 3]`."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, means: Tensor, positions: Tensor, coefficients: Tensor, degree: int
    ) -> Tensor:
        means, positions = means.contiguous(), positions.contiguous()
        coefficients = coefficients.contiguous()
        colors = means.new_empty(len(positions), len(means), 3)
        sizes = len(means), degree, coefficients.shape[1]
        for position, color in zip(positions, colors, strict=True):
            native.call("m3_sh_colors", *sizes, means, position, coefficients, color)
        ctx.save_for_backward(means, positions, coefficients, colors)
        ctx.sizes = sizes
        return colors

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, v_colors: Tensor) -> tuple[Tensor | None, ...]:
        inputs = means, positions, coefficients = ctx.saved_tensors[:3]
        v_means, v_positions, v_coefficients = map(torch.zeros_like, inputs)
        v_colors = v_colors.contiguous()
        for b, color in enumerate(ctx.saved_tensors[3]):
            native.call(
                "m3_sh_colors_backward",
                *(*ctx.sizes, means, positions[b], coefficients, color, v_colors[b]),
                *(v_means, v_positions[b], v_coefficients),
            )
        return v_means, v_positions, v_coefficients, None
