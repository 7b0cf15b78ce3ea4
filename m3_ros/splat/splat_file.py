"""Gaussians as a `.splat` file, which web viewers read (antimatter15/splat, SuperSplat).

32 bytes a Gaussian: position and standard deviations (float32), colour and opacity (uint8), and
the quaternion wxyz (uint8, 128 is 0). Colour is that of the constant spherical harmonic.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from m3_ros.splat.gaussians import SH_C0, Gaussians

SPLAT = np.dtype(
    [("position", "<f4", 3), ("scale", "<f4", 3), ("rgba", "u1", 4), ("rotation", "u1", 4)]
)


def save_splat(path: str | Path, gaussians: Gaussians) -> None:
    """Write the Gaussians, those that cover most first, as viewers load them.

    Raises:
        OSError: the file could not be written.
    """
    g = gaussians.detach().to("cpu")
    scales, opacities = g.scales.exp(), torch.sigmoid(g.opacities)
    order = torch.argsort(scales.prod(1) * opacities, descending=True)
    color = torch.cat([0.5 + SH_C0 * g.sh0[:, 0], opacities[:, None]], 1)
    quats = torch.nn.functional.normalize(g.quats, dim=1)
    table = np.zeros(len(g), SPLAT)
    table["position"], table["scale"] = g.means[order].numpy(), scales[order].numpy()
    table["rgba"] = (color[order] * 255).round().clamp(0, 255).byte().numpy()
    table["rotation"] = (quats[order] * 128 + 128).round().clamp(0, 255).byte().numpy()
    Path(path).write_bytes(table.tobytes())
