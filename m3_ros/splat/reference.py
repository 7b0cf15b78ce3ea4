"""Reference rasterization in plain PyTorch, in any precision: slow and short.

Tests and `m3 bench splat` compare the C++ rasterizer with it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from m3_ros.splat.cpu_backend import EPS2D
from m3_ros.splat.spherical_harmonics import sh_colors


def reference_rasterization(
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
    tile: int = 16,
) -> tuple[Tensor, Tensor, Tensor]:
    """Render like `rasterization`; gradients come from autograd alone.

    Returns:
        renders `[B, H, W, C (+1)]`, alphas `[B, H, W, 1]` and margins `[B, H, W]`: a pixel's
        least relative distance to a threshold (draw at alpha 1/255, stop at transmittance 1e-4,
        clamp at alpha 0.999). Where it is within rounding error, another precision may give
        another result.
    """
    renders, alphas, margins = [], [], []
    if sh_degree is not None:
        colors = sh_colors(sh_degree, means, colors, viewmats)
    for b, (viewmat, K) in enumerate(zip(viewmats, Ks, strict=True)):
        mean2d, conic, depth, radius = _project(
            *(means, quats, scales, opacities, viewmat, K, (width, height)),
            *(near_plane, far_plane),
        )
        channels = colors if colors.ndim == 2 else colors[b]
        if render_mode in ("D", "ED"):
            channels = depth[:, None]
        elif render_mode.endswith("D"):
            channels = torch.cat([channels, depth[:, None]], dim=1)
        render, transmittance, margin = _composite(
            mean2d, conic, opacities, channels, depth, radius, (width, height), tile
        )
        if backgrounds is not None and render_mode not in ("D", "ED"):
            extra = channels.shape[1] - backgrounds.shape[1]
            background = torch.nn.functional.pad(backgrounds[b], (0, extra))
            render = render + transmittance[..., None] * background
        if render_mode.endswith("ED"):
            expected = render[..., -1:] / (1 - transmittance[..., None]).clamp_min(1e-10)
            render = torch.cat([render[..., :-1], expected], dim=-1)
        renders.append(render)
        alphas.append(1 - transmittance[..., None])
        margins.append(margin)
    return torch.stack(renders), torch.stack(alphas), torch.stack(margins)


def _rotations(quats: Tensor) -> Tensor:
    w, x, y, z = torch.nn.functional.normalize(quats, dim=-1).unbind(-1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, dim=-1).reshape(-1, 3, 3)


def _project(
    means: Tensor,
    quats: Tensor,
    scales: Tensor,
    opacities: Tensor,
    viewmat: Tensor,
    K: Tensor,
    size: tuple[int, int],
    near: float,
    far: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return mean `[N, 2]`, conic `[N, 2, 2]`, depth `[N]` and radius `[N, 2]` (0: culled), px."""
    width, height = size
    x, y, z = (means @ viewmat[:3, :3].T + viewmat[:3, 3]).unbind(-1)
    inside = (z >= near) & (z <= far)
    safe = torch.where(inside, z, torch.ones_like(z))
    (fx, _, cx), (_, fy, cy) = K[0], K[1]

    def limited(ratio: Tensor, focal: Tensor, centre: Tensor, pixels: int) -> Tensor:
        margin = 0.15 * pixels / focal
        return torch.clamp(ratio, -centre / focal - margin, (pixels - centre) / focal + margin)

    zero = torch.zeros_like(safe)
    tx, ty = limited(x / safe, fx, cx, width), limited(y / safe, fy, cy, height)
    jacobian = torch.stack([fx / safe, zero, -fx * tx / safe, zero, fy / safe, -fy * ty / safe], 1)
    root = viewmat[:3, :3] @ (_rotations(quats) * scales[:, None, :])
    root = jacobian.reshape(-1, 2, 3) @ root
    covariance = root @ root.transpose(1, 2) + EPS2D * torch.eye(2, dtype=means.dtype)
    mean2d = torch.stack([fx * x / safe + cx, fy * y / safe + cy], dim=1)
    with torch.no_grad():
        extend = (2 * (255 * opacities).clamp_min(1).log()).sqrt().clamp_max(3.33)
        radius = (extend[:, None] * covariance.diagonal(dim1=1, dim2=2).sqrt()).ceil()
        corner = torch.tensor([width, height], dtype=means.dtype)
        drawn = inside & (opacities >= 1 / 255)
        drawn &= ((mean2d + radius > 0) & (mean2d - radius < corner)).all(1)
        radius[~drawn] = 0
    return mean2d, torch.linalg.inv(covariance), z, radius


def _composite(
    mean2d: Tensor,
    conic: Tensor,
    opacities: Tensor,
    channels: Tensor,
    depth: Tensor,
    radius: Tensor,
    size: tuple[int, int],
    tile: int,
) -> list[Tensor]:
    """Blend near to far; return render `[H, W, C]`, transmittance and margin `[H, W]`."""
    width, height = size
    order = torch.argsort(depth, stable=True)
    order = order[radius[order, 0] > 0]
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            corner = mean2d.new_tensor([left, top])
            low, high = mean2d[order] - radius[order], mean2d[order] + radius[order]
            near = order[((high > corner) & (low < corner + tile)).all(1)]
            v, u = torch.meshgrid(
                torch.arange(top, min(top + tile, height), dtype=mean2d.dtype) + 0.5,
                torch.arange(left, min(left + tile, width), dtype=mean2d.dtype) + 0.5,
                indexing="ij",
            )
            delta = mean2d[near][:, None] - torch.stack([u, v], -1).reshape(1, -1, 2)
            blended = _blend(delta, conic[near], opacities[near], channels[near])
            row.append([x.reshape(*u.shape, *x.shape[1:]) for x in blended])
        rows.append([torch.cat(parts, dim=1) for parts in zip(*row, strict=True)])
    return [torch.cat(parts, dim=0) for parts in zip(*rows, strict=True)]


def _blend(
    delta: Tensor, conic: Tensor, opacities: Tensor, channels: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return render `[P, C]`, transmittance and margin `[P]` of sorted splats.

    `delta [n, P, 2]` is the offset of each mean from each pixel, px.
    """
    raw = opacities[:, None] * torch.exp(
        -0.5 * torch.einsum("npi,nij,npj->np", delta, conic, delta)
    )
    alpha = torch.where(raw >= 1 / 255, raw.clamp_max(0.999), torch.zeros_like(raw))
    after = torch.cumprod(1 - alpha, dim=0)
    kept = torch.where(after > 1e-4, alpha, torch.zeros_like(alpha))
    after_kept = torch.cumprod(1 - kept, dim=0)
    first = alpha.new_ones(1, alpha.shape[1])
    weights = kept * torch.cat([first, after_kept[:-1]])[: len(kept)]
    margin = torch.full_like(first[0], torch.inf)
    if len(raw):
        distances = [(raw * 255 - 1).abs(), (after * 1e4 - 1).abs(), (raw / 0.999 - 1).abs()]
        margin = torch.stack(distances).amin((0, 1)).detach()
    return weights.T @ channels, torch.cat([first, after_kept])[-1], margin
