"""Faster training of the backbone on a CPU: the same results in a half to a third of the time.

Batch norms with fixed statistics are multiplied into the convolution before them at every step,
1 x 1 convolutions compute in bfloat16, and depthwise ones, whose kernels do not learn, get their
gradient by a convolution with the flipped kernel: oneDNN takes ten times as long for it.
"""

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from timm.layers import Conv2dSame
from timm.layers.padding import pad_same
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


class _Depthwise(torch.autograd.Function):
    """Depthwise convolution with a kernel that does not learn."""

    @staticmethod
    def forward(
        ctx: FunctionCtx, image: Tensor, kernel: Tensor, bias: Tensor, stride: int, padding: int
    ) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.size, ctx.stride, ctx.padding = image.shape[2:], stride, padding
        return F.conv2d(image, kernel, bias, stride, padding, groups=len(kernel))

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (kernel,), stride, padding = ctx.saved_tensors, ctx.stride, ctx.padding
        groups, reach = len(kernel), kernel.shape[2] - 1
        gradient = dense = gradient.contiguous(memory_format=torch.channels_last)
        if stride > 1:  # as if every place had been computed, the ones in between for nothing
            size = (*gradient.shape[:2], *(n + 2 * padding - reach for n in ctx.size))
            dense = gradient.new_zeros(size).contiguous(memory_format=torch.channels_last)
            dense[:, :, ::stride, ::stride] = gradient
        to_image = F.conv2d(dense, kernel.flip(2, 3), padding=reach - padding, groups=groups)
        return to_image, None, gradient.sum((0, 2, 3)), None, None


def depthwise(image: Tensor, kernel: Tensor, bias: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve each channel of `image [B, C, H, W]` with its fixed `kernel [C, 1, k, k]`."""
    return _Depthwise.apply(image, kernel, bias, stride, padding)


def quicken(module: nn.Module) -> None:
    """Fuse each convolution of a network with the batch norm behind it, in place.

    Parameters keep their names. The statistics must be fixed (`eval`), as those of the body are;
    depthwise kernels and the scales behind them are fixed, too.
    """
    children = [child for _, child in module.named_children()]
    for before, norm in pairwise(children):
        if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            if before.groups > 1:
                before.weight.requires_grad_(False)
                norm.weight.requires_grad_(False)
            before.forward = partial(_normalised, before, norm)
            norm.forward = getattr(norm, "act", nn.Identity()).forward  # timm's has its own
    for child in children:
        quicken(child)


def _normalised(layer: nn.Conv2d, norm: nn.BatchNorm2d, image: Tensor) -> Tensor:
    """Return batch norm (convolution (`image [B, C, H, W]`))."""
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    bias = norm.bias - norm.running_mean * scale
    kernel = layer.weight * scale[:, None, None, None]
    padding = layer.padding
    if isinstance(layer, Conv2dSame):
        image = pad_same(image, layer.kernel_size, layer.stride, layer.dilation)
        padding = (0, 0)
    if layer.groups > 1:
        return depthwise(image.float(), kernel, bias, layer.stride[0], padding[0])
    mixed = layer.kernel_size == (1, 1)
    with torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=mixed):
        return F.conv2d(image, kernel, bias, layer.stride, padding)
