"""Segment Anything 3 (Carion et al., 2025): whether a picture shows what a text names.

Through transformers, from the published folder: one `Sam3VideoModel` that holds the detector,
which has a presence head, and the tracker, which takes points (`m3_ros.features.sam`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from m3_ros.errors import UsageError
from m3_ros.features.extractor import check_image
from m3_ros.features.model_cards import SAM3
from m3_ros.features.patches import resize
from m3_ros.features.weights import (
    find_weights,
    load_pretrained,
    missing,
    model_type,
    transformers_for,
)
from m3_ros.types import Image, Mask

SAM3_TYPE = "sam3_video"
"""`model_type` of the published folder."""
WORDS = 32
"""Tokens of a text, padding included, as the model was trained."""


@dataclass(frozen=True, eq=False)
class Presence:
    """What SAM 3 says of a text and a picture.

    Attributes:
        probability: 0..1, that the picture shows it at all.
        mask: `[H, W]` pixels of the instances that are likelier than not.
    """

    probability: float
    mask: Mask


class Sam3Verifier:
    """Says whether a picture shows what a text names.

    Args:
        weights: folder or name on the Hugging Face Hub; "facebook/sam3" of this machine's cache
            unless given.
        device: torch device.

    Raises:
        FileNotFoundError: the weights, or the tokenizer beside them, are missing.
        UsageError: they are of another model.
    """

    def __init__(self, weights: str | Path | None = None, device: str = "cpu") -> None:
        transformers = transformers_for(SAM3)
        folder = find_weights(SAM3, weights)
        kind = model_type(folder, SAM3)
        if kind != SAM3_TYPE:
            raise UsageError(
                f"weights of sam3: {folder}/config.json has model_type {kind!r}; it must be "
                f"{SAM3_TYPE}"
            )
        self._model = load_pretrained(transformers.Sam3Model, folder, SAM3).to(device)
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise missing(SAM3, f"{folder} has no usable tokenizer") from error
        self._side = int(self._model.config.vision_config.backbone_config.image_size)

    @torch.inference_mode()
    def see(self, rgb: Image, text: str) -> Presence:
        """Return whether and where a picture `[H, W, 3]` shows what a text names."""
        check_image(rgb)
        device, dtype = self._model.device, self._model.dtype
        words = self._tokenizer(
            text, return_tensors="pt", padding="max_length", max_length=WORDS, truncation=True
        )
        found = self._model(
            pixel_values=sam3_pixels(rgb, self._side).to(device, dtype),
            input_ids=words.input_ids.to(device),
            attention_mask=words.attention_mask.to(device),
        )
        present = float(found.presence_logits.sigmoid())
        likely = present * found.pred_logits[0].sigmoid() > 0.5
        logits = found.pred_masks[0, likely].float()
        large = torch.nn.functional.interpolate(logits[:, None], rgb.shape[:2], mode="bilinear")
        return Presence(present, (large[:, 0] > 0).any(0).cpu().numpy())


def sam3_pixels(rgb: Image, side: int) -> Tensor:
    """Return a picture stretched to a square, -1..1, `[1, 3, side, side]`."""
    return resize(rgb, (side, side), "bilinear")[None] * 2 - 1
