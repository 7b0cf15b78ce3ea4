"""Call the rasterizer, its losses and its optimizer with arguments changed at random."""

from __future__ import annotations

import math

import numpy as np
import torch

from m3_ros.splat import rasterization
from m3_ros.splat.loss import photometric_loss
from m3_ros.splat.optimizer import Adam
from m3_ros.splat.spherical_harmonics import sh_colors

VALUES = (
    None, True, False, -1, 0, 1, 2, 3, 1.0, 2.5, 1e-30, 1e30, 1e300, 2**31, 2**63, 10**400,
    math.nan, math.inf, -math.inf, "RGB", "ED", "RGB+D", "x", "", [], [1], {}, b"RGB", 1j,
    np.float32(1), np.int64(2), torch.float32, object,
)  # fmt: skip
NUMBERS = (0.0, -0.0, -1.0, 1e-45, 1e-38, 1e-20, 1e-10, 1e10, 1e19, 1e38, math.nan, math.inf)
TYPES = (torch.float64, torch.float16, torch.bfloat16, torch.int32, torch.bool, torch.complex64)


def call_at_random(rng: np.random.Generator) -> None:
    """Call one of the functions, and its gradient, with up to three arguments changed.

    Raises:
        ValueError: as the function documents, or the sum of its results has no gradient.
    """
    function = (_rasterize, _rasterize, _rasterize, _loss, _colors, _optimize)[rng.integers(6)]
    function(rng)


def _rasterize(rng: np.random.Generator) -> None:
    n, views, channels = int(rng.integers(0, 20)), int(rng.integers(1, 3)), int(rng.integers(1, 6))
    degree = int(rng.integers(0, 4)) if rng.random() < 0.5 else None
    arguments = {
        "means": _random(rng, n, 3) + torch.tensor([0.0, 0.0, 3.0]),
        "quats": _random(rng, n, 4) + 0.1,
        "scales": _random(rng, n, 3).exp() * 0.1,
        "opacities": _random(rng, n).sigmoid(),
        "colors": _random(rng, n, channels) if degree is None else _random(rng, n, 16, 3),
        "viewmats": torch.eye(4).repeat(views, 1, 1),
        "Ks": torch.tensor([[20.0, 0, 16], [0, 20, 12], [0, 0, 1]]).repeat(views, 1, 1),
        "width": int(rng.integers(1, 70)),
        "height": int(rng.integers(1, 70)),
        "near_plane": 0.01,
        "far_plane": 1e10,
        "sh_degree": degree,
        "render_mode": str(rng.choice(["RGB", "D", "ED", "RGB+D", "RGB+ED"])),
    }
    if degree is None and rng.random() < 0.3:
        arguments["backgrounds"] = _random(rng, views, channels)
    arguments = _changed(arguments, rng)
    render, alpha, info = rasterization(**arguments)
    if render.requires_grad:
        (render.square().sum() + alpha.sum() + info["depths"].sum()).backward()


def _loss(rng: np.random.Generator) -> None:
    size = [int(x) for x in rng.integers(1, 40, 2)]
    images = {name: _random(rng, *size, 3).sigmoid() for name in ("image", "target")}
    arguments = _changed({**images, "ssim_weight": 0.2}, rng)
    loss = photometric_loss(**arguments)
    if loss.requires_grad:
        loss.backward()


def _colors(rng: np.random.Generator) -> None:
    n = int(rng.integers(0, 20))
    arguments = {"degree": int(rng.integers(0, 4)), "means": _random(rng, n, 3)}
    arguments |= {"coefficients": _random(rng, n, 16, 3), "viewmats": torch.eye(4)[None]}
    colors = sh_colors(**_changed(arguments, rng))
    if colors.requires_grad:
        colors.sum().backward()


def _optimize(rng: np.random.Generator) -> None:
    x = _changed({"x": _random(rng, int(rng.integers(0, 50)))}, rng)["x"]
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        return
    if x.layout != torch.strided or x.device.type != "cpu":
        return
    x = x.detach().clone()
    optimizer = Adam(x, float(NUMBERS[rng.integers(len(NUMBERS))]))
    x.grad = torch.ones_like(x) * NUMBERS[rng.integers(len(NUMBERS))]
    optimizer.step()
    optimizer.step()


def _changed(arguments: dict, rng: np.random.Generator) -> dict:
    """Return arguments of which up to three are changed, and half the tensors need gradients."""
    changed = dict(arguments)
    for _ in range(rng.integers(0, 4)):
        name = list(changed)[rng.integers(len(changed))]
        value = changed[name]
        if isinstance(value, torch.Tensor) and rng.random() < 0.85:
            changed[name] = _damaged(value, rng)
        else:
            changed[name] = VALUES[rng.integers(len(VALUES))]
    for name, value in changed.items():
        if isinstance(value, torch.Tensor) and value.is_floating_point() and rng.random() < 0.5:
            changed[name] = value.detach().requires_grad_()
    return changed


def _damaged(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Return a tensor of other values, another shape, type, layout or device."""
    if x.layout != torch.strided or x.device.type != "cpu":
        return x
    match rng.integers(8):
        case 0 | 1 if x.numel() and x.is_floating_point():
            x = x.contiguous().clone()
            x.view(-1)[int(rng.integers(x.numel()))] = float(rng.choice(NUMBERS))
            return x
        case 2 if x.is_floating_point():
            return x * float(rng.choice(NUMBERS))
        case 3:
            return x.to(TYPES[rng.integers(len(TYPES))])
        case 4:
            return x[..., :-1] if x.ndim else x
        case 5:
            return x[None] if rng.random() < 0.5 else x.flatten()
        case 6 if x.ndim >= 2:
            return x.transpose(0, -1).contiguous().transpose(0, -1)
        case _:
            return x.to("meta") if rng.random() < 0.5 else x.to_sparse()


def _random(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.normal(size=shape)).float()
