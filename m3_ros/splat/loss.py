"""Losses of the fit: L1 and SSIM of colour, L1 of depth; and PSNR."""

from __future__ import annotations

from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

from m3_ros.splat import native
from m3_ros.splat.arguments import check_alike, check_tensor, describe

_RADIUS, _SIGMA = 5, 1.5  # the 11 x 11 window of Wang et al. 2004
_C1, _C2 = 0.01**2, 0.03**2  # of the same paper, for a range of 1


def ssim(image: Tensor, target: Tensor) -> Tensor:
    """Return the mean SSIM of images `[H, W, C]` in 0..1 (Wang et al. 2004), zero-padded.

    Raises:
        ValueError: they are no images of one size, type and device.
    """
    _check_images(image, target)
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=image.dtype, device=image.device)
    window = torch.exp(-0.5 * (offsets / _SIGMA) ** 2)
    window = window / window.sum()
    planes = torch.stack([image, target, image * image, target * target, image * target])
    planes = planes.permute(0, 3, 1, 2).flatten(0, 1)[:, None]
    planes = F.conv2d(planes, window[None, None, None], padding=(0, _RADIUS))
    planes = F.conv2d(planes, window[None, None, :, None], padding=(_RADIUS, 0))
    mx, my, xx, yy, xy = planes[:, 0].unflatten(0, (5, -1))
    numerator = (2 * mx * my + _C1) * (2 * (xy - mx * my) + _C2)
    return (numerator / ((mx * mx + my * my + _C1) * (xx - mx * mx + yy - my * my + _C2))).mean()


def photometric_loss(image: Tensor, target: Tensor, ssim_weight: float = 0.2) -> Tensor:
    """Return (1 - w) L1 + w (1 - SSIM) of images `[H, W, C]` in 0..1; the target gets no gradient.

    The colour loss of 3DGS (Kerbl et al. 2023). NaN in an image makes it NaN.

    Raises:
        ValueError: they are no images of one size, type and device, or w is not within 0..1.
    """
    _check_images(image, target)
    if (
        isinstance(ssim_weight, bool)
        or not isinstance(ssim_weight, Real)
        or not (0 <= ssim_weight <= 1)
    ):
        raise ValueError(f"ssim_weight must be a number from 0 to 1, got {describe(ssim_weight)}")
    if image.dtype == torch.float32 and image.device.type == "cpu":
        return _NativeLoss.apply(image, target, ssim_weight)
    l1 = (image - target).abs().mean()
    return (1 - ssim_weight) * l1 + ssim_weight * (1 - ssim(image, target))


class _NativeLoss(Function):
    """`photometric_loss` in C++, which computes value and gradient together."""

    @staticmethod
    def forward(ctx: FunctionCtx, image: Tensor, target: Tensor, ssim_weight: float) -> Tensor:
        image, target = image.contiguous(), target.contiguous()
        gradient = torch.empty_like(image)
        name, sizes = "m3_photometric_loss", image.shape
        value = native.call(name, image, target, *sizes, float(ssim_weight), gradient)
        ctx.save_for_backward(gradient)
        return image.new_tensor(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, v_loss: Tensor) -> tuple[Tensor | None, ...]:
        return ctx.saved_tensors[0] * v_loss, None, None


def _check_images(image: Tensor, target: Tensor) -> None:
    """Raise ValueError unless they are images `[H, W, C]` of one size, type and device."""
    check_tensor("image", image, ("H", "W", "C"))
    check_tensor("target", target, tuple(image.shape))
    check_alike("target", target, "image", image)
    if not image.numel():
        raise ValueError(f"image must have pixels, got {list(image.shape)}")


def depth_loss(depth: Tensor, measured: Tensor, alpha: Tensor) -> Tensor:
    """Return the mean L1 of depth `[H, W]`, m, where it is measured (> 0) and alpha is > 0.5."""
    valid = (measured > 0) & (alpha > 0.5)
    return ((depth - measured).abs() * valid).sum() / valid.sum().clamp_min(1)


def psnr(image: Tensor, target: Tensor) -> float:
    """Return the peak signal-to-noise ratio of images in 0..1, dB."""
    return float(-10 * torch.log10((image - target).square().mean().clamp_min(1e-12)))
