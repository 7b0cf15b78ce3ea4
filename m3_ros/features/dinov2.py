"""DINOv2 as a dense extractor (Oquab et al., TMLR 2024), through transformers.

A patch's feature is its token after the last layer and the final norm, as in M3's release; the
position embeddings are interpolated to the image's own grid, so no part of it is cropped away.
"""

from __future__ import annotations

from pathlib import Path

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from m3_ros.features.model_cards import MODELS
from m3_ros.features.patches import PatchExtractor
from m3_ros.features.weights import find_weights, load_pretrained, transformers_for


class Dinov2Extractor(PatchExtractor):
    """A DINOv2 vision transformer of any size.

    Args:
        weights: folder or name on the Hugging Face Hub of a `Dinov2Model`; else the giant one.
        device: torch device.
        patches: patches along an image's longer side; 37 is the grid it was trained on.

    Raises:
        FileNotFoundError: the weights are missing.
    """

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", patches: int = 37
    ) -> None:
        card = MODELS["dinov2"]
        transformers = transformers_for(card)
        folder = find_weights(card, weights)
        model = load_pretrained(transformers.Dinov2Model, folder, card)
        patch = (model.config.patch_size, model.config.patch_size)
        super().__init__(
            card, model, patch, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, patches, device
        )
        self.dim = int(model.config.hidden_size)

    def _dense(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        tokens = self._model(pixels).last_hidden_state[:, 1:]
        return tokens.reshape(
            len(pixels), height // self._patch[0], width // self._patch[1], self.dim
        )
