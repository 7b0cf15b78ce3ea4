"""Checks of the tensors that callers of the rasterizer and its losses pass."""

from __future__ import annotations

import torch
from torch import Tensor

from m3_ros.errors import show

DEVICES = ("cpu", "cuda")
"""Types of devices whose tensors are drawn."""


def check_tensor(name: str, x: object, *shapes: tuple[int | str, ...]) -> None:
    """Raise ValueError unless `x` is a dense floating-point tensor of one of the shapes.

    Args:
        name: of the argument.
        x: its value.
        shapes: sizes; a text such as "N" stands for any.
    """
    fits = isinstance(x, Tensor) and any(
        len(shape) == x.ndim
        and all(isinstance(a, str) or a == b for a, b in zip(shape, x.shape, strict=True))
        for shape in shapes
    )
    if not fits:
        wanted = " or ".join(f"[{', '.join(map(str, shape))}]" for shape in shapes)
        raise ValueError(f"{name} must have shape {wanted}, got {describe(x)}")
    if not x.is_floating_point() or x.layout != torch.strided:
        raise ValueError(f"{name} must be dense and floating point, got {x.dtype}, {x.layout}")
    if x.device.type not in DEVICES:
        raise ValueError(f"{name} must be on a CPU or CUDA device, got {x.device}")


def check_alike(name: str, x: Tensor, other: str, y: Tensor) -> None:
    """Raise ValueError unless `x` has the type and device of `y`."""
    if (x.dtype, x.device) != (y.dtype, y.device):
        raise ValueError(
            f"{name} must be {y.dtype} on {y.device} as {other} is, got {x.dtype} on {x.device}"
        )


def check_integer(name: str, value: object, low: int, high: int, remedy: str = "") -> None:
    """Raise ValueError unless `value` is an integer from `low` to `high`."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(
            f"{name} must be an integer from {low} to {high}{remedy}, got {describe(value)}"
        )


def describe(x: object) -> str:
    """Return the shape of a tensor, or another value as a message shows it."""
    if isinstance(x, Tensor):
        return str(list(x.shape))
    return show(x) if x is None or isinstance(x, str | int | float) else type(x).__name__
