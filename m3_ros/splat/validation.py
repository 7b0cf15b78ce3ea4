"""Refusal of bad input by name, shape and value."""

from __future__ import annotations

import torch
from torch import Tensor

from m3_ros.splat import native

RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")
MAX_CHANNELS = 512


def check_tensor(
    name: str, x: Tensor, device: torch.device, shape: str, *sizes: tuple[int, ...]
) -> None:
    """Refuses anything but a finite floating-point tensor of one of the `sizes`.

    Args:
        name: The argument's name.
        x: Its value.
        device: Where it must be.
        shape: The shape it should have, in words, for the message.
        sizes: Accepted shapes.

    Raises:
        ValueError: Names the argument, what it must be and what it is.
    """
    if not isinstance(x, Tensor):
        raise ValueError(f"{name} must be a tensor of shape {shape}, got {type(x).__name__}")
    if tuple(x.shape) not in sizes:
        raise ValueError(f"{name} must have shape {shape}, got {list(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {x.dtype}")
    if x.device != device:
        raise ValueError(f"{name} must be on {device} as means is, got {x.device}")
    if x.is_cuda:  # one reduction; the index is looked up only for the message
        finite = bool(torch.isfinite(x).all())
    else:
        finite = native.first_nonfinite(x.detach().to(torch.float32).contiguous()) < 0
    if not finite:
        where = torch.nonzero(~torch.isfinite(x.detach().to(torch.float32)))[0].tolist()
        raise ValueError(f"{name} must be finite, but {name}{where} is {x[tuple(where)].item()}")


def check_rasterization(
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
    near_plane: float,
    far_plane: float,
    sh_degree: int | None,
    backgrounds: Tensor | None,
    render_mode: str,
) -> None:
    """Checks the arguments of `rasterization`.

    Raises:
        ValueError: Names the argument, the rule and the value.
    """
    if render_mode not in RENDER_MODES:
        raise ValueError(f"render_mode must be one of {RENDER_MODES}, got {render_mode!r}")
    for name, size in (("width", width), ("height", height)):
        if not isinstance(size, int) or not 1 <= size <= 16384:
            raise ValueError(f"{name} must be an integer from 1 to 16384 pixels, got {size!r}")
    if not 0 < near_plane < far_plane:
        raise ValueError(
            f"near_plane and far_plane must satisfy 0 < near < far, got {near_plane}, {far_plane}"
        )
    if not isinstance(means, Tensor) or means.ndim != 2:
        raise ValueError(f"means must be a tensor of shape [N, 3], got {_describe(means)}")
    if not isinstance(viewmats, Tensor) or viewmats.ndim != 3 or not len(viewmats):
        raise ValueError(
            f"viewmats must be a tensor of shape [B, 4, 4], got {_describe(viewmats)}"
        )
    n, views, device = len(means), len(viewmats), means.device
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"means must be on a CPU or a CUDA device, got {device}")
    check_tensor("means", means, device, f"[N, 3], N = {n}", (n, 3))
    check_tensor("quats", quats, device, f"[N, 4], N = {n}", (n, 4))
    check_tensor("scales", scales, device, f"[N, 3], N = {n}", (n, 3))
    check_tensor("opacities", opacities, device, f"[N], N = {n}", (n,))
    check_tensor("viewmats", viewmats, device, f"[B, 4, 4], B = {views}", (views, 4, 4))
    check_tensor("Ks", Ks, device, f"[B, 3, 3], B = {views}", (views, 3, 3))
    channels = _check_colors(colors, device, n, views, sh_degree)
    if backgrounds is not None:
        shape = (views, channels)
        check_tensor("backgrounds", backgrounds, device, f"[B, C] = {list(shape)}", shape)
    lengths = quats.detach().square().sum(-1)
    if n and lengths.min() < 1e-20:
        raise ValueError(
            f"quats must not have zero length, but quats[{int(lengths.argmin())}] has"
        )
    if bool((Ks[:, (0, 1), (0, 1)] <= 0).any()):
        raise ValueError(f"Ks must have positive focal lengths, got {Ks.tolist()}")


def _check_colors(
    colors: Tensor, device: torch.device, n: int, views: int, sh_degree: int | None
) -> int:
    """Checks plain channels or spherical-harmonic coefficients; returns the channels rendered."""
    if not isinstance(colors, Tensor) or colors.ndim not in (2, 3):
        raise ValueError(f"colors must be a tensor of shape [N, C], got {_describe(colors)}")
    if sh_degree is None:
        channels = colors.shape[-1]
        shape = f"[N, C] or [B, N, C], N = {n}, B = {views}"
        check_tensor("colors", colors, device, shape, (n, channels), (views, n, channels))
        if not 1 <= channels <= MAX_CHANNELS:
            raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, got {channels}")
        return channels
    if sh_degree not in (0, 1, 2, 3):
        raise ValueError(f"sh_degree must be 0, 1, 2, 3 or None, got {sh_degree!r}")
    bands = colors.shape[1]
    check_tensor("colors", colors, device, f"[N, K, 3] with sh_degree, N = {n}", (n, bands, 3))
    if bands < (sh_degree + 1) ** 2:
        raise ValueError(
            f"colors must have at least {(sh_degree + 1) ** 2} coefficients for sh_degree "
            f"{sh_degree}, got {bands}"
        )
    return 3


def _describe(x: object) -> str:
    return str(list(x.shape)) if isinstance(x, Tensor) else type(x).__name__
