"""Captions of image regions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from m3_ros.features.model_cards import ModelCard
from m3_ros.features.weights import load_pretrained, missing, transformers_for, weights_digest


class Captioner(Protocol):
    """Describes images in words.

    Attributes:
        digest: of what decides its words.
    """

    digest: str

    def describe(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """Return a short text for each image `[H, W, 3]`; sizes may differ."""
        ...


class ImageCaptioner:
    """An image-to-text model of transformers, such as BLIP; greedy, so deterministic.

    Args:
        card: the model that it is part of.
        folder: with the model, its preprocessing and its tokenizer.
        device: torch device.
        tokens: longest text.
        batch: pictures at once.
    """

    def __init__(
        self, card: ModelCard, folder: Path, device: str = "cpu", tokens: int = 24, batch: int = 16
    ) -> None:
        transformers = transformers_for(card)
        model = load_pretrained(transformers.AutoModelForImageTextToText, folder, card, part=1)
        try:
            self._processor = transformers.AutoProcessor.from_pretrained(
                folder, local_files_only=True
            )
        except (OSError, ValueError) as error:
            cause = next(iter(str(error).splitlines()), type(error).__name__)
            what = f"{folder} has no usable processor ({cause})"
            raise missing(card, what, part=1) from error
        self._model, self._tokens, self._batch = model.to(device), tokens, batch
        self.digest = weights_digest([model], f"{tokens} tokens")

    @torch.inference_mode()
    def describe(self, pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
        """Return a short text for each image `[H, W, 3]`."""
        texts: list[str] = []
        for start in range(0, len(pictures), self._batch):
            images = [Image.fromarray(p) for p in pictures[start : start + self._batch]]
            pixels = self._processor(images=images, return_tensors="pt").pixel_values
            words = self._model.generate(
                pixel_values=pixels.to(self._model.device, self._model.dtype),
                max_new_tokens=self._tokens,
                num_beams=1,
                do_sample=False,
            )
            texts += self._processor.batch_decode(words, skip_special_tokens=True)
        return [text.strip() for text in texts]
