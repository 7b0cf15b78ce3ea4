"""Arguments of one rasterization, checked: errors name the argument and its value."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from numbers import Real

import torch
from torch import Tensor

from m3_ros.errors import show
from m3_ros.splat import arguments, native
from m3_ros.splat.arguments import check_integer, check_tensor, describe

RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")
MAX_CHANNELS = 512  # with the depth 513, the most of one of gsplat's kernels
MAX_SIZE = 16384  # px; pixel indices then fit 32 bits
MIN_NEAR = 1e-18
"""Least near plane: the gradient divides by its square, which float32 then still holds."""
MAX_FAR = torch.finfo(torch.float32).max


@dataclass(frozen=True, eq=False)
class Request:
    """The arguments of `rasterization`, under their names."""

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    colors: Tensor
    viewmats: Tensor
    Ks: Tensor
    width: int
    height: int
    near_plane: float
    far_plane: float
    sh_degree: int | None
    backgrounds: Tensor | None
    render_mode: str

    def __post_init__(self) -> None:
        self._check_options()
        for name, dimensions in (("means", 2), ("viewmats", 3)):
            x = getattr(self, name)
            if not isinstance(x, Tensor) or x.ndim != dimensions:
                shape = "[N, 3]" if name == "means" else "[B, 4, 4]"
                raise ValueError(f"{name} must be a tensor of shape {shape}, got {describe(x)}")
        if not len(self.viewmats):
            raise ValueError("viewmats must hold at least one view, got none")
        if self.means.device.type not in arguments.DEVICES:
            raise ValueError(f"means must be on a CPU or CUDA device, got {self.means.device}")
        n, views = len(self.means), len(self.viewmats)
        self._check("means", (n, 3))
        self._check("quats", (n, 4))
        self._check("scales", (n, 3))
        self._check("opacities", (n,))
        self._check("viewmats", (views, 4, 4))
        self._check("Ks", (views, 3, 3))
        self._check_colors(n, views)
        self._check_values()

    def to_float32(self) -> Request:
        """Return the request in single precision, still differentiable."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        changed = {k: x.float() for k, x in tensors.items() if isinstance(x, Tensor)}
        if all(x is tensors[k] for k, x in changed.items()):
            return self
        return replace(self, **changed)

    def _check_options(self) -> None:
        if not isinstance(self.render_mode, str) or self.render_mode not in RENDER_MODES:
            raise ValueError(
                f"render_mode must be one of {RENDER_MODES}, got {describe(self.render_mode)}"
            )
        for name in ("width", "height"):
            check_integer(name, getattr(self, name), 1, MAX_SIZE)
        near, far = self.near_plane, self.far_plane
        for name, plane in (("near_plane", near), ("far_plane", far)):
            if isinstance(plane, bool) or not isinstance(plane, Real):
                raise ValueError(f"{name} must be a number, got {describe(plane)}")
        if not (MIN_NEAR <= near < far and (far <= MAX_FAR or far == math.inf)):
            raise ValueError(
                f"near_plane must be at least {MIN_NEAR:g} and below far_plane, which must be at "
                f"most {MAX_FAR:g} or infinite, got {show(near)}, {show(far)}"
            )

    def _check(self, name: str, *shapes: tuple[int, ...]) -> None:
        """Raise ValueError unless it is a finite floating-point tensor of one of the shapes."""
        x, device = getattr(self, name), self.means.device
        check_tensor(name, x, *shapes)
        if x.device != device:
            raise ValueError(f"{name} must be on {device} as means is, got {x.device}")
        if not _is_finite(x):
            where = torch.nonzero(~torch.isfinite(x.detach().float()))[0].tolist()
            raise ValueError(f"{name} must be finite, but {name}{where} is {x[tuple(where)]:g}")

    def _check_colors(self, n: int, views: int) -> None:
        """Check plain channels or spherical-harmonic coefficients, and the background."""
        degree, colors = self.sh_degree, self.colors
        if not isinstance(colors, Tensor) or colors.ndim not in (2, 3):
            raise ValueError(f"colors must have shape [{n}, C], got {describe(colors)}")
        if degree is None:
            channels = colors.shape[-1]
            self._check("colors", (n, channels), (views, n, channels))
            if not 1 <= channels <= MAX_CHANNELS:
                raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, got {channels}")
        else:
            check_integer("sh_degree", degree, 0, 3, " or None")
            channels, stored, used = 3, colors.shape[1], (degree + 1) ** 2
            self._check("colors", (n, stored, 3))
            if stored < used:
                raise ValueError(
                    f"colors must have {used} coefficients for sh_degree {degree}, got {stored}"
                )
        if self.backgrounds is not None:
            self._check("backgrounds", (views, channels))

    def _check_values(self) -> None:
        lengths = self.quats.detach().float().square().sum(-1)
        if len(lengths) and lengths.min() < 1e-20:
            worst = int(lengths.argmin())
            raise ValueError(f"quats must not have zero length, but quats[{worst}] has")
        if bool((self.Ks.diagonal(dim1=1, dim2=2)[:, :2] <= 0).any()):
            raise ValueError(f"Ks must have positive focal lengths, got {self.Ks.tolist()}")


def _is_finite(x: Tensor) -> bool:
    if x.device.type != "cpu":
        return bool(torch.isfinite(x).all())
    return native.first_nonfinite(x.detach().to(torch.float32).contiguous()) < 0
