"""Camera poses and exposures as parameters of the fit."""

from __future__ import annotations

import torch
from torch import Tensor


def so3_exp(rotvec: Tensor) -> Tensor:
    """Return rotation matrices `[..., 3, 3]` of rotation vectors `[..., 3]`, smooth at zero."""
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    return torch.linalg.matrix_exp(skew)


class CameraCorrections(torch.nn.Module):
    """Corrections to the given poses and exposures of n frames.

    A pose is corrected in the camera's own frame, viewmat = exp(delta) viewmat0; an exposure is
    a gain and an offset for each colour channel, applied to the rendered image.
    """

    def __init__(self, viewmats: Tensor) -> None:
        """Start without corrections at `viewmats [n, 4, 4]` (world to camera)."""
        super().__init__()
        self.register_buffer("initial", viewmats)
        self.rotations = torch.nn.Parameter(torch.zeros(len(viewmats), 3))
        self.translations = torch.nn.Parameter(torch.zeros(len(viewmats), 3))
        self.exposures = torch.nn.Parameter(torch.zeros(len(viewmats), 2, 3))

    def viewmat(self, i: int) -> Tensor:
        """Return the corrected world-to-camera transform `[4, 4]` of frame i."""
        top = torch.cat([so3_exp(self.rotations[i]), self.translations[i][:, None]], dim=1)
        bottom = self.initial[i, 3:]  # 0 0 0 1, on this device
        return torch.cat([top, bottom]) @ self.initial[i]

    def expose(self, i: int, image: Tensor) -> Tensor:
        """Return the rendered image `[H, W, 3]` with the exposure of frame i."""
        gain, offset = self.exposures[i]
        return image * gain.exp() + offset

    @torch.no_grad()
    def camtoworlds(self) -> Tensor:
        """Return the corrected poses `[n, 4, 4]`, float64."""
        viewmats = torch.stack([self.viewmat(i) for i in range(len(self.initial))])
        return torch.linalg.inv(viewmats.double())
