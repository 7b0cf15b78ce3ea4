"""3D Gaussians with spherical-harmonic colour (Kerbl et al. 2023)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from m3_ros.geometry import matrix_to_quat, split_similarity
from m3_ros.splat.rasterization import rasterization
from m3_ros.splat.spherical_harmonics import rotate_sh
from m3_ros.types import Array

SOLID_OPACITY = 0.5
"""Opacity above which a Gaussian is part of a surface: it hides more than it shows."""
SH_C0 = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))


@dataclass(frozen=True)
class Gaussians:
    """N Gaussians under gsplat's names, before activation, as they are optimised and stored.

    Attributes:
        means: Centres `[N, 3]`, world frame, m.
        quats: Orientations `[N, 4]`, wxyz, of any length above zero.
        scales: Natural logarithms of the standard deviations `[N, 3]` in m.
        opacities: Logits of the opacities `[N]`.
        sh0: Constant spherical-harmonic coefficient of the colour `[N, 1, 3]`.
        shN: Higher coefficients `[N, K - 1, 3]`, K = (degree + 1)^2; `[N, 0, 3]` for plain colour.
    """

    means: Tensor
    quats: Tensor
    scales: Tensor
    opacities: Tensor
    sh0: Tensor
    shN: Tensor

    def __post_init__(self) -> None:
        n = len(self.means)
        shapes = {"means": (n, 3), "quats": (n, 4), "scales": (n, 3), "opacities": (n,)}
        shapes |= {"sh0": (n, 1, 3), "shN": (n, self.shN.shape[1] if self.shN.ndim > 1 else 0, 3)}
        for name, shape in shapes.items():
            if tuple(getattr(self, name).shape) != shape:
                got = list(getattr(self, name).shape)
                raise ValueError(f"{name} must have shape {list(shape)}, got {got}")
        if self.sh_degree < 0:
            raise ValueError(f"shN must hold 0, 3, 8 or 15 coefficients, got {self.shN.shape[1]}")

    def __len__(self) -> int:
        return len(self.means)

    @property
    def sh_degree(self) -> int:
        """Degree of the spherical harmonics, 0 to 3; -1 for an invalid count."""
        return {0: 0, 3: 1, 8: 2, 15: 3}.get(self.shN.shape[1], -1)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name, as gsplat's strategies and optimizers take them."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def activated(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return `means [N, 3]` m, `quats [N, 4]`, `scales [N, 3]` m and `opacities [N]` 0..1."""
        return self.means, self.quats, self.scales.exp(), self.opacities.sigmoid()

    @property
    def sh(self) -> Tensor:
        """All spherical-harmonic coefficients `[N, K, 3]`."""
        return torch.cat([self.sh0, self.shN], dim=1)

    def to(self, device: str | torch.device) -> Gaussians:
        """Return the Gaussians on another device."""
        return Gaussians(**{name: x.to(device) for name, x in self.tensors.items()})

    def detach(self) -> Gaussians:
        """Return the Gaussians outside any autograd graph."""
        return Gaussians(**{name: x.detach() for name, x in self.tensors.items()})

    def join(self, other: Gaussians) -> Gaussians:
        """Return these Gaussians followed by the others."""
        pairs = zip(self.tensors.items(), other.tensors.values(), strict=True)
        return Gaussians(**{name: torch.cat([x, y]) for (name, x), y in pairs})

    def select(self, index: Tensor) -> Gaussians:
        """Return the Gaussians at `index` (int `[M]` or bool `[N]`)."""
        return Gaussians(**{name: x[index] for name, x in self.tensors.items()})

    def transformed(self, similarity: Array) -> Gaussians:
        """Return the Gaussians under a similarity `[4, 4]` (scale x rotation, translation).

        A render from the transformed camera is the same; its depth is multiplied by the scale.
        """
        scale, rotation, translation = split_similarity(similarity)
        R, t = (torch.from_numpy(x).to(self.means.device) for x in (rotation, translation))
        means = scale * self.means.double() @ R.T + t
        w, *v = torch.from_numpy(matrix_to_quat(rotation)).to(means).unbind()
        v, vectors = torch.stack(v), self.quats[:, 1:].double()
        real = w * self.quats[:, 0].double() - vectors @ v
        imaginary = w * vectors + self.quats[:, :1] * v
        imaginary = imaginary + torch.linalg.cross(v.expand_as(vectors), vectors)
        changed = {
            "means": means,
            "quats": torch.cat([real[:, None], imaginary], dim=1),
            "scales": self.scales.double() + math.log(scale),
            "shN": rotate_sh(self.sh, R)[:, 1:],
        }
        changed = {name: x.to(self.means) for name, x in changed.items()}
        return Gaussians(**self.tensors | changed)

    def render(
        self,
        viewmats: Tensor,
        Ks: Tensor,
        width: int,
        height: int,
        *,
        render_mode: str = "RGB+ED",
        near_plane: float = 0.01,
    ) -> tuple[Tensor, Tensor, dict]:
        """Render colour (0..1) and depth (m); returns as `rasterization`.

        Args:
            viewmats: World to camera `[B, 4, 4]`.
            Ks: Intrinsics `[B, 3, 3]`, pixels.
            width: Pixels.
            height: Pixels.
            render_mode: As in `rasterization`.
            near_plane: Metres.
        """
        colored = render_mode.startswith("RGB")
        return rasterization(
            *self.activated(),
            self.sh if colored else self.sh0,
            viewmats,
            Ks,
            width,
            height,
            sh_degree=self.sh_degree if colored else 0,
            render_mode=render_mode,
            near_plane=near_plane,
        )
