"""Base classes of extractors whose feature map is a grid over the full image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m3_ros.features.extractor import FeatureMap, check_image
from m3_ros.features.model_cards import ModelCard
from m3_ros.features.weights import weights_digest
from m3_ros.types import Image


class GridExtractor(ABC):
    """An extractor with a feature for every cell of the full image.

    A subclass implements `_features`.
    """

    def extract(self, rgb: Image) -> FeatureMap:
        """Return features of an image `[H, W, 3]`."""
        return self.extract_batch([rgb])[0]

    @torch.inference_mode()
    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return features of images `[H, W, 3]` of one size, in one batch.

        Raises:
            ValueError: one is no image, or their sizes differ.
        """
        for image in images:
            check_image(image)
        if len({image.shape for image in images}) > 1:
            raise ValueError(f"images are {[image.shape for image in images]}; give one size")
        return self._maps(images)

    def _maps(self, images: Sequence[Image]) -> list[FeatureMap]:
        maps = self._features(images).float().cpu().numpy()
        return [FeatureMap(found, np.ones(found.shape[:2], dtype=bool)) for found in maps]

    @abstractmethod
    def _features(self, images: Sequence[Image]) -> Tensor:
        """Return features `[b, h, w, d]` of images of one size."""


class PatchExtractor(GridExtractor):
    """An extractor whose network gives one feature a patch of the full image.

    The image is scaled, not cropped, to whole patches: cell (i, j) of a map `[h, w]` is the
    patch that covers image rows i*H/h..(i+1)*H/h. The network runs in the number type that
    its weights were loaded in. A subclass implements `_dense`.

    Args:
        card: the model.
        model: its network, on the CPU.
        patch: height and width of a patch, px.
        mean: of the channels of the pixels it was trained on, 0..1.
        std: their standard deviation.
        patches: patches along an image's longer side.
        device: torch device.
        settings: other settings that its features depend on, for the digest.
    """

    def __init__(
        self,
        card: ModelCard,
        model: nn.Module,
        patch: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
        patches: int,
        device: str,
        settings: str = "",
    ) -> None:
        if patches < 1:
            raise ValueError(f"patches = {patches}: it must be at least 1")
        self.name, self.degrees, self.threshold = card.name, card.degrees, card.threshold
        self.digest = weights_digest([model], f"{patches} patches{settings}")
        self._model, self._device = model.eval().to(device), torch.device(device)
        self._dtype = next(model.parameters()).dtype
        self._patch, self._patches = patch, patches
        self._mean, self._std = (torch.tensor(values)[:, None, None] for values in (mean, std))

    def _features(self, images: Sequence[Image]) -> Tensor:
        pixels = torch.stack([self._pixels(image) for image in images])
        return self._dense(pixels.to(self._device, self._dtype))

    @abstractmethod
    def _dense(self, pixels: Tensor) -> Tensor:
        """Return features `[b, h, w, d]` of normalised pixels `[b, 3, h * patch, w * patch]`."""

    def _pixels(self, rgb: Image) -> Tensor:
        """Return the image scaled to whole patches, normalised, `[3, h * patch, w * patch]`."""
        size = patch_grid(rgb.shape[:2], self._patches)
        pixels = resize(rgb, (size[0] * self._patch[0], size[1] * self._patch[1]))
        return (pixels - self._mean) / self._std


def patch_grid(shape: tuple[int, int], patches: int) -> tuple[int, int]:
    """Return rows and columns of patches for (height, width), `patches` on the longer side."""
    scale = patches / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def resize(rgb: Image, size: tuple[int, int], mode: str = "bicubic") -> Tensor:
    """Scale an image `[H, W, 3]` to (height, width): float32 `[3, height, width]` in 0..1.

    Antialiased, with corners at the pixels' outer edges (half-pixel centres).
    """
    image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(image, size=size, mode=mode, antialias=True).clamp(0, 1)[0]
