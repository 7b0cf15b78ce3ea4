"""DINOv2 (Oquab et al., TMLR 2024) and DINOv3 (Siméoni et al., 2025) as dense extractors.

Through transformers. A patch's feature is its token after the last layer and the final norm, as in
M3's release; position embeddings are interpolated to the image's own grid (DINOv3's are rotary and
need no interpolation), so no part of it is cropped away.
"""

from __future__ import annotations

from pathlib import Path

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor

from m3_ros.errors import UsageError
from m3_ros.features.model_cards import MODELS
from m3_ros.features.patches import PatchExtractor
from m3_ros.features.weights import find_weights, load_pretrained, model_type, transformers_for


class DinoExtractor(PatchExtractor):
    """A vision transformer of the DINO family, of any size; a subclass says which.

    Attributes:
        card_name: its model card.
        classes: of transformers, by the `model_type` of a folder's config.json.

    Args:
        weights: folder or name on the Hugging Face Hub; the card's own unless given.
        device: torch device.
        patches: patches along an image's longer side.

    Raises:
        FileNotFoundError: the weights are missing.
        UsageError: they are of another model.
    """

    card_name: str
    classes: dict[str, str]

    def __init__(self, weights: str | Path | None, device: str, patches: int) -> None:
        card = MODELS[self.card_name]
        transformers = transformers_for(card)
        folder = find_weights(card, weights)
        kind = model_type(folder, card)
        if kind not in self.classes:
            raise UsageError(
                f"weights of {card.name}: {folder}/config.json has model_type {kind!r}; it must "
                f"be {' or '.join(self.classes)}"
            )
        model = load_pretrained(getattr(transformers, self.classes[kind]), folder, card)
        patch = (model.config.patch_size, model.config.patch_size)
        super().__init__(
            card, model, patch, IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, patches, device
        )
        self.dim = int(model.config.hidden_size)
        self._prefix = 1 + int(getattr(model.config, "num_register_tokens", 0))

    def _dense(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        tokens = self._model(pixels).last_hidden_state[:, self._prefix :]
        return tokens.reshape(
            len(pixels), height // self._patch[0], width // self._patch[1], self.dim
        )


class Dinov2Extractor(DinoExtractor):
    """DINOv2, with or without register tokens; 37 patches are the grid it was trained on."""

    card_name = "dinov2"
    classes = {"dinov2": "Dinov2Model", "dinov2_with_registers": "Dinov2WithRegistersModel"}  # noqa: RUF012

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", patches: int = 37
    ) -> None:
        super().__init__(weights, device, patches)


class Dinov3Extractor(DinoExtractor):
    """DINOv3's transformers; 40 patches of 16 px are the usual camera picture of 640 px."""

    card_name = "dinov3"
    classes = {"dinov3_vit": "DINOv3ViTModel"}  # noqa: RUF012

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", patches: int = 40
    ) -> None:
        super().__init__(weights, device, patches)
