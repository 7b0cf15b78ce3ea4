"""Arguments of one rasterization, checked: errors name the argument and its value."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from m3_ros.splat import native

RENDER_MODES = ("RGB", "D", "ED", "RGB+D", "RGB+ED")
MAX_CHANNELS = 512  # with the depth 513, the most of one of gsplat's kernels
MAX_SIZE = 16384  # px; pixel indices then fit 32 bits


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
                raise ValueError(f"{name} must be a tensor of shape {shape}, got {_describe(x)}")
        if not len(self.viewmats):
            raise ValueError("viewmats must hold at least one view, got none")
        if self.means.device.type not in ("cpu", "cuda"):
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
        if self.render_mode not in RENDER_MODES:
            raise ValueError(
                f"render_mode must be one of {RENDER_MODES}, got {self.render_mode!r}"
            )
        for name in ("width", "height"):
            size = getattr(self, name)
            if not isinstance(size, int) or not 1 <= size <= MAX_SIZE:
                raise ValueError(f"{name} must be an integer from 1 to {MAX_SIZE}, got {size!r}")
        near, far = self.near_plane, self.far_plane
        if not 0 < near < far:
            raise ValueError(f"near_plane must be above 0 and below far_plane, got {near}, {far}")

    def _check(self, name: str, *shapes: tuple[int, ...]) -> None:
        """Raise ValueError unless it is a finite floating-point tensor of one of the shapes."""
        x, device = getattr(self, name), self.means.device
        if not isinstance(x, Tensor) or tuple(x.shape) not in shapes:
            wanted = " or ".join(str(list(shape)) for shape in shapes)
            raise ValueError(f"{name} must have shape {wanted}, got {_describe(x)}")
        if not x.is_floating_point():
            raise ValueError(f"{name} must be floating point, got {x.dtype}")
        if x.device != device:
            raise ValueError(f"{name} must be on {device} as means is, got {x.device}")
        if not _is_finite(x):
            where = torch.nonzero(~torch.isfinite(x.detach().float()))[0].tolist()
            raise ValueError(f"{name} must be finite, but {name}{where} is {x[tuple(where)]:g}")

    def _check_colors(self, n: int, views: int) -> None:
        """Check plain channels or spherical-harmonic coefficients, and the background."""
        degree, colors = self.sh_degree, self.colors
        if not isinstance(colors, Tensor) or colors.ndim not in (2, 3):
            raise ValueError(f"colors must have shape [{n}, C], got {_describe(colors)}")
        if degree is None:
            channels = colors.shape[-1]
            self._check("colors", (n, channels), (views, n, channels))
            if not 1 <= channels <= MAX_CHANNELS:
                raise ValueError(f"colors must have 1 to {MAX_CHANNELS} channels, got {channels}")
        else:
            if degree not in (0, 1, 2, 3):
                raise ValueError(f"sh_degree must be 0, 1, 2, 3 or None, got {degree!r}")
            channels, stored, used = 3, colors.shape[1], (degree + 1) ** 2
            self._check("colors", (n, stored, 3))
            if stored < used:
                raise ValueError(
                    f"colors must have {used} coefficients for sh_degree {degree}, got {stored}"
                )
        if self.backgrounds is not None:
            self._check("backgrounds", (views, channels))

    def _check_values(self) -> None:
        lengths = self.quats.detach().square().sum(-1)
        if len(lengths) and lengths.min() < 1e-20:
            worst = int(lengths.argmin())
            raise ValueError(f"quats must not have zero length, but quats[{worst}] has")
        if bool((self.Ks[:, (0, 1), (0, 1)] <= 0).any()):
            raise ValueError(f"Ks must have positive focal lengths, got {self.Ks.tolist()}")


def _is_finite(x: Tensor) -> bool:
    if x.is_cuda:
        return bool(torch.isfinite(x).all())
    return native.first_nonfinite(x.detach().to(torch.float32).contiguous()) < 0


def _describe(x: object) -> str:
    return str(list(x.shape)) if isinstance(x, Tensor) else type(x).__name__
