"""Frames as the tensors that a fit compares its renders with."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import scale_intrinsics
from m3_ros.types import Depth


class TrainingView:
    """A frame at full and at half resolution.

    Attributes:
        levels: For full and half resolution: colour `[h, w, 3]` uint8, depth `[h, w]` m (0: none),
            intrinsics `[3, 3]` px and mask `[h, w]`, False where the image does not show the
            scene. A frame narrower than `coarse_width` px has its full resolution twice.
        estimated: For both, depth `[h, w]` m (0: none) that is not measured, or None.
    """

    def __init__(
        self, frame: RgbdFrame, coarse_width: int, device: str, estimated: Depth | None = None
    ) -> None:
        rgb, depth = torch.from_numpy(frame.rgb), torch.from_numpy(frame.depth)
        mask = torch.ones(depth.shape, dtype=torch.bool)
        if frame.mask is not None:
            mask = torch.from_numpy(frame.mask)
        K = torch.from_numpy(frame.K).float()
        levels: list[tuple[Tensor, ...]] = [(rgb, depth, K, mask)] * 2
        if frame.width >= coarse_width:
            half = frame.rgb[: frame.height // 2 * 2, : frame.width // 2 * 2]
            half = half.reshape(frame.height // 2, 2, frame.width // 2, 2, 3).astype(np.float32)
            half = torch.from_numpy(half.mean((1, 3))).round().byte()
            K = torch.from_numpy(scale_intrinsics(frame.K, 0.5, 0.5)).float()
            levels[1] = (half, depth[1::2, 1::2], K, mask[1::2, 1::2])
        self.estimated: list[Tensor | None] = [None, None]
        if estimated is not None and estimated.any():
            full = torch.from_numpy(estimated)
            halved = full if levels[1][1].shape == depth.shape else full[1::2, 1::2]
            self.estimated = [x.to(device).contiguous() for x in (full, halved)]
        self.levels = [tuple(x.to(device).contiguous() for x in level) for level in levels]
