"""Llama 3 as a dense extractor: an LLM's hidden state for the caption of a region.

Regions are proposed, each is described by a captioner, and the LLM reads the description as a
user's message; a region's feature is the hidden state twelve layers before the last, averaged over
the description's tokens, as in M3's release (which asked Semantic-SAM and GPT-4o for the parts).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.errors import UsageError
from m3_ros.features.captioner import Captioner, ImageCaptioner
from m3_ros.features.extractor import FeatureMap, check_image
from m3_ros.features.model_cards import MODELS
from m3_ros.features.patches import patch_grid
from m3_ros.features.regions import RegionProposer, SuperpixelProposer, region_cells, relabel
from m3_ros.features.sam import SamProposer
from m3_ros.features.weights import (
    find_weights,
    load_pretrained,
    missing,
    transformers_for,
    weights_digest,
)
from m3_ros.types import Image, Mask

SYSTEM_PROMPT = "You read short descriptions of things and understand what they mean."
PROMPT_DATE = "26 Jul 2024"
"""Llama's chat formats tell the model a date; features must not change with it."""
PLACEHOLDER = "■"
"""Stands for a text; no format contains it."""
SUPERPIXELS = "superpixels"
"""Names the proposer that needs no weights."""
CROP_MARGIN = 0.1
"""A region is shown to the captioner with this share of its box's size around it."""


class Llama3Extractor:
    """Features of captioned regions.

    Args:
        weights: up to three parts joined by "+": LLM, captioner, region proposer; each a folder
            or a name on the Hugging Face Hub, the last also "superpixels". Parts left out or
            empty are the card's own.
        device: torch device.
        cells: cells along an image's longer side.
        layer: which hidden state, counted from the last.

    Raises:
        FileNotFoundError: weights of a part are missing.
        ValueError: more than three parts, or a model of fewer layers.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "cpu",
        cells: int = 80,
        layer: int = -12,
    ) -> None:
        card = MODELS["llama3"]
        parts = [part.strip() or None for part in str(weights or "").split("+")]
        if len(parts) > 3:
            raise UsageError(f"weights of llama3 are {weights!r}; at most LLM+CAPTIONER+PROPOSER")
        llm, captioner, proposer = parts + [None] * (3 - len(parts))
        self._words = WordFeatures(find_weights(card, llm), device, layer)
        self._captioner: Captioner = ImageCaptioner(
            card, find_weights(card, captioner, part=1), device
        )
        self._proposer: RegionProposer = (
            SuperpixelProposer()
            if proposer == SUPERPIXELS
            else SamProposer(card, find_weights(card, proposer, part=2), device)
        )
        self.name, self.degrees, self.threshold = card.name, card.degrees, card.threshold
        self.dim, self._cells = self._words.dim, cells
        digests = (self._words.digest, self._captioner.digest, self._proposer.digest)
        self.digest = weights_digest([], f"{' '.join(digests)} {cells} cells")

    def extract(self, rgb: Image) -> FeatureMap:
        """Return features of an image `[H, W, 3]`, one a region; not valid outside regions."""
        check_image(rgb)
        regions = self._proposer.propose(rgb)
        index = region_cells(regions, patch_grid(rgb.shape[:2], self._cells))
        shown = np.unique(index[index >= 0])
        pictures = [crop(rgb, regions == number) for number in shown]
        captions = self._captioner.describe(pictures)
        return FeatureMap.of_rows(
            self._words.encode(captions), relabel(index), captions=tuple(captions)
        )

    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return features of images; the regions of each are a batch."""
        return [self.extract(image) for image in images]


class WordFeatures:
    """Mean hidden states of an LLM over the tokens of a user's message.

    Args:
        folder: of a causal language model and its tokenizer.
        device: torch device.
        layer: which hidden state, counted from the last.
        batch: texts at once.
    """

    def __init__(self, folder: Path, device: str, layer: int, batch: int = 32) -> None:
        card = MODELS["llama3"]
        transformers = transformers_for(card)
        model = load_pretrained(transformers.AutoModel, folder, card)
        if not -model.config.num_hidden_layers <= layer < 0:
            raise UsageError(
                f"layer = {layer}: it must lie in -{model.config.num_hidden_layers}..-1"
            )
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, local_files_only=True
            )
        except (OSError, ValueError) as error:
            raise missing(card, f"{folder} has no usable tokenizer") from error
        self._tokenizer.pad_token = self._tokenizer.pad_token or self._tokenizer.eos_token
        self._model, self._layer, self._batch = model.to(device), layer, batch
        message = self._message(PLACEHOLDER)
        self._tail = (
            len(message) - message.rindex(PLACEHOLDER) - 1
        )  # what the format puts after a text
        self.dim = int(model.config.hidden_size)
        self.digest = weights_digest([model], f"{layer} {self._message('')}")

    @torch.inference_mode()
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return features `[m, d]` of texts; the empty text counts as "thing"."""
        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), self._batch):
            part = [text.strip() or "thing" for text in texts[start : start + self._batch]]
            rows.append(self._encode(part))
        return np.concatenate(rows)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        messages = [self._message(text) for text in texts]
        last = torch.tensor([len(message) - self._tail for message in messages])[:, None]
        first = last - torch.tensor([len(text) for text in texts])[:, None]
        tokens = self._tokenizer(
            messages,
            return_tensors="pt",
            padding=True,
            padding_side="right",
            return_offsets_mapping=True,
            add_special_tokens=False,
        )
        begin, end = tokens.pop("offset_mapping").unbind(-1)
        inside = (begin < last) & (end > first) & (end > begin)
        states = self._model(
            **tokens.to(self._model.device), output_hidden_states=True, use_cache=False
        ).hidden_states[self._layer]
        weight = inside.to(states.device, torch.float32)
        mean = torch.einsum("btd,bt->bd", states.float(), weight) / weight.sum(1, keepdim=True)
        return mean.cpu().numpy()

    def _message(self, text: str) -> str:
        """Return the text as a user's message in the model's chat format."""
        messages = [
            {"role": "system", "content": SYSTEM_PROMPT},
            {"role": "user", "content": text},
        ]
        return self._tokenizer.apply_chat_template(
            messages, tokenize=False, date_string=PROMPT_DATE
        )


def crop(rgb: Image, mask: Mask) -> NDArray[np.uint8]:
    """Return the box around a mask `[H, W]`, with a margin, of an image `[H, W, 3]`."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    dx, dy = round(CROP_MARGIN * width) + 1, round(CROP_MARGIN * height) + 1
    return rgb[max(0, y - dy) : y + height + dy, max(0, x - dx) : x + width + dx]
