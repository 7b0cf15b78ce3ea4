"""Segment Anything, the first and the third, as region proposers, through transformers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from m3_ros.features.model_cards import ModelCard
from m3_ros.features.patches import patch_grid, resize
from m3_ros.features.regions import best_masks, paint, relabel
from m3_ros.features.sam3 import SAM3_TYPE, sam3_pixels
from m3_ros.features.weights import (
    load_pretrained,
    model_type,
    transformers_for,
    weights_digest,
)
from m3_ros.types import Image

POINT_BATCH = 64
"""Points that go through the mask decoder at once; bounds memory, changes no result."""


class SamProposer:
    """Regions by Segment Anything, prompted with a grid of points.

    SAM (Kirillov et al., ICCV 2023) sees the picture in the corner of a square, SAM 3 (Carion et
    al., 2025) stretched to a square. Each point's best mask is kept if the model trusts it and it
    is stable; masks that repeat a better one are dropped; where masks overlap, the smaller one is
    on top.

    Args:
        card: the model that it is part of.
        folder: of a `SamModel`, or of SAM 3 as published (`Sam3VideoModel`).
        device: torch device.
        points: points along each side of the grid.
        trust: least IoU that the model predicts of a mask.
        stability: least IoU of a mask at a higher and at a lower cut.
        repeat: masks of a larger IoU repeat each other.
    """

    def __init__(
        self,
        card: ModelCard,
        folder: Path,
        device: str = "cpu",
        points: int = 16,
        trust: float = 0.88,
        stability: float = 0.92,
        repeat: float = 0.7,
    ) -> None:
        self._stretched = model_type(folder, card, part=2) == SAM3_TYPE
        name = "Sam3TrackerModel" if self._stretched else "SamModel"
        model = load_pretrained(getattr(transformers_for(card), name), folder, card, part=2)
        shape = model.config.vision_config
        shape = shape.backbone_config if self._stretched else shape
        self._model = model.to(device)
        self._side = int(shape.image_size)
        self._mask_side = 4 * self._side // int(shape.patch_size)
        self._points, self._trust = points, trust
        self._stability, self._repeat = stability, repeat
        self.digest = weights_digest([model], f"{points} {trust} {stability} {repeat}")

    @torch.inference_mode()
    def propose(self, rgb: Image) -> NDArray[np.int32]:
        """Return the regions `[H, W]` of an image."""
        pixels, (height, width), shown = self._pixels(rgb)
        embedding = self._model.get_image_embeddings(
            pixels.to(self._model.device, self._model.dtype)
        )
        steps = (torch.arange(self._points) + 0.5) / self._points
        points = torch.cartesian_prod(steps * height, steps * width).flip(1) - 0.5  # pixels x, y
        found = [self._masks(embedding, part) for part in points.split(POINT_BATCH)]
        logits, scores = (torch.cat(part) for part in zip(*found, strict=True))
        logits = logits[:, : shown[0], : shown[1]]
        kept = best_masks(logits > 0, scores, self._repeat)
        full = F.interpolate(logits[kept, None], size=rgb.shape[:2], mode="bilinear")
        return relabel(paint((full[:, 0] > 0).cpu().numpy(), rgb.shape[:2]))

    def _pixels(self, rgb: Image) -> tuple[Tensor, tuple[int, int], tuple[int, int]]:
        """Return the model's input, and the picture's size in it (px) and in a mask (cells)."""
        if self._stretched:
            square, cells = (self._side, self._side), (self._mask_side, self._mask_side)
            return sam3_pixels(rgb, self._side), square, cells
        stride = self._side // self._mask_side
        shown = patch_grid(rgb.shape[:2], self._mask_side)
        height, width = size = (stride * shown[0], stride * shown[1])
        mean, std = torch.tensor(IMAGENET_DEFAULT_MEAN), torch.tensor(IMAGENET_DEFAULT_STD)
        pixels = resize(rgb, size, "bilinear")
        pixels = (pixels - mean[:, None, None]) / std[:, None, None]
        pixels = F.pad(pixels, (0, self._side - width, 0, self._side - height))[None]
        return pixels, size, shown

    def _masks(self, embedding: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits `[n, h, w]` and predicted IoU `[n]` of good masks of points `[m, 2]`."""
        prompts = points[None, :, None].to(self._model.device)
        output = self._model(image_embeddings=embedding, input_points=prompts)
        scores, best = output.iou_scores[0].float().max(dim=1)
        logits = output.pred_masks[0].float()[torch.arange(len(best)), best]
        high, low = ((logits > cut).flatten(1).sum(1) for cut in (1.0, -1.0))
        good = (scores >= self._trust) & (high >= self._stability * low) & (high > 0)
        return logits[good], scores[good]
