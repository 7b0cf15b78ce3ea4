"""The compact encoder: text-aligned dense features from weights of 21 megabytes.

Two branches, see MODEL_CARD.md: an open_clip model trained on renderings, whose feature has a
category half and a colour half; and ImageNet's EfficientNet-Lite0 as published, whose feature is a
direction in a space of words. Config and weights lie beside this file.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from m3_ros.features.compact import trunk
from m3_ros.features.compact.imagenet import WORD_DIM, ImagenetBranch, word_vectors
from m3_ros.features.compact.images import (
    COLOR_SIDE,
    DIM,
    FINE_SHARE,
    GATE_SIDE,
    OWN_DIM,
    PHOTOGRAPH_SIDE,
    WORD_FACTOR,
    joined,
    network_input,
    resized,
)
from m3_ros.features.compact.words import WordTable
from m3_ros.features.patches import GridExtractor
from m3_ros.types import Image

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
NAMES_FILE = "names.json"  # of the categories and colours that the model was trained on
IMAGENET_FILE, WORDS_FILE = "imagenet.safetensors", "words.json"
FILES = (CONFIG_FILE, WEIGHTS_FILE, NAMES_FILE, IMAGENET_FILE, WORDS_FILE)
CONTEXT_LENGTH, MERGES = 16, 6000
VOCABULARY = 512 + MERGES + 2
MIN_CATEGORY_NORM = 0.4
"""Norm of a text's category half above which the text names a category: it is trained to be 0
where a text names none (`compact_text.caption_targets`) and sqrt(1/2) where it names category and
colour; this is the middle between both, rounded up."""
MIN_CATEGORY_COSINE = 0.5
"""Least cosine of the category halves of a text in the vocabulary and of a category's name: 1 for
a synonym, at most 0 for the direction of all other words (`compact_text.foreign_direction`)."""
MAX_NEGATIVE = 0.85
"""Cosine from which a name is a synonym of the text: two texts that share the category, of which
one names a colour, reach sqrt(1/2) = .71, synonyms are trained towards 1; the middle."""
LOCALIZATION_SIDE = 160
"""Longer side, px, of the image in which the size of the foreground is measured first."""
FOREGROUND_SIZES = (56.0, 80.0)
"""Foreground sizes (square root of the area, px) at which the image is encoded: chosen on 270
pictures a split of seed 2 (MODEL_CARD.md), near the sizes of objects in training."""
MAX_WORD_COSINE = 0.5
"""Cosine in the space of words from which a name is a negative no more."""


class CompactTokenizer(SimpleTokenizer):
    """CLIP's tokenizer with its `MERGES` most frequent merges; rarer words become more tokens."""

    def __init__(self) -> None:
        super().__init__(context_length=CONTEXT_LENGTH)
        self.bpe_ranks = {pair: rank for pair, rank in self.bpe_ranks.items() if rank < MERGES}
        self.sot_token_id, self.eot_token_id = VOCABULARY - 2, VOCABULARY - 1
        self.vocab_size = VOCABULARY


class CompactExtractor(GridExtractor):
    """Dense and text features of the compact encoder.

    Args:
        weights: folder with the files of this folder (`FILES`); the shipped ones unless given.
        device: torch device.
        longest_side: pixels to which an image's longer side is scaled before the network.

    Raises:
        FileNotFoundError: when the folder lacks one of the files.
    """

    name = "compact"
    dim = DIM
    degrees = 32
    threshold = 0.94

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", longest_side: int = 512
    ) -> None:
        folder = Path(__file__).parent if weights is None else Path(weights)
        for file in FILES:
            if not (folder / file).is_file():
                raise FileNotFoundError(
                    f"the compact encoder's {file} is not in {folder}; it ships with m3_ros, or "
                    "make it with tools/train_compact_encoder.py"
                )
        model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=device)
        trunk.fold_batch_norms(model.eval().visual.trunk)
        self._model = model.to(memory_format=torch.channels_last)
        self._tokenizer = CompactTokenizer()
        branch = ImagenetBranch.load(folder / IMAGENET_FILE)
        trunk.fold_batch_norms(branch.network)
        self._imagenet = branch.to(device, memory_format=torch.channels_last)
        words = json.loads((folder / WORDS_FILE).read_text())
        self._words = WordTable(words["names"], word_vectors(folder / IMAGENET_FILE).numpy())
        self._others: list[str] = words["negatives"]
        self._device, self._longest_side = torch.device(device), longest_side
        cpu = torch.backends.cpu.get_cpu_capability()
        self._mixed = self._device.type != "cpu" or cpu == "AVX512"  # else bfloat16 is emulated
        digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes())
        digest.update((folder / IMAGENET_FILE).read_bytes())
        self.digest = digest.hexdigest()
        self._names: dict[str, list[str]] = json.loads((folder / NAMES_FILE).read_text())
        self.rendered_scale = float(model.logit_scale.exp().detach())
        # a text's share of each branch makes its logits those that they have alone
        word_scale = WORD_FACTOR * 2.0**0.5  # words are half of a photograph's squared length
        self.logit_scale = float(np.hypot(self.rendered_scale, word_scale))
        self._shares = (self.rendered_scale / self.logit_scale, word_scale / self.logit_scale)
        self._kinds = self.encode_rendered_text(
            ["table", "unknown thing", *self._names["categories"]]
        )[:, : trunk.CATEGORY_DIM]

    def _input(self, rgb: Image, longest_side: float) -> Tensor:
        return network_input(rgb, longest_side, self._device)

    def _features(self, images: Sequence[Image]) -> Tensor:
        """Return unit features, one per 8 x 8 pixels of the scaled images."""
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._mixed):
            return torch.stack([self._dense(image) for image in images])

    def _dense(self, image: Image) -> Tensor:
        """Return unit features `[h, w, 240]` of an image."""
        coarse = self._imagenet.logits(self._input(image, GATE_SIDE))
        trust = self._imagenet.rendered(coarse.mean((2, 3)))
        pixels = self._input(image, self._longest_side)
        size = [side // trunk.STRIDE for side in pixels.shape[2:]]
        if float(trust) > 0.0:
            rendered = self._model.visual.trunk.dense(pixels)[0].float()
        else:
            rendered = self._model.visual.trunk.dense(self._input(image, COLOR_SIDE))[0].float()
            rendered = resized(rendered.permute(0, 3, 1, 2), size)
            rendered = trunk.normalize_halves(rendered)
        if float(trust) < 1.0:
            fine = self._imagenet.logits(self._input(image, PHOTOGRAPH_SIDE))
            words = FINE_SHARE * resized(self._imagenet.words(fine), size)
            words += (1.0 - FINE_SHARE) * resized(self._imagenet.words(coarse), size)
        else:
            words = rendered.new_zeros(*rendered.shape[:3], WORD_DIM)
        return joined(rendered, trust[:, None, None], words)[0]

    @torch.inference_mode()
    def encode_image(self, rgb: Image) -> NDArray[np.float32]:
        """Return the unit feature `[240]` of the foreground, whatever its size in the image."""
        _, objectness = self._model.visual.trunk.dense(self._input(rgb, LOCALIZATION_SIDE))
        size = trunk.STRIDE * float(objectness.sigmoid().sum()) ** 0.5
        sides = [min(LOCALIZATION_SIDE * s / size, self._longest_side) for s in FOREGROUND_SIZES]
        encoded = sum(self._model.encode_image(self._input(rgb, side)) for side in sides)
        logits = self._imagenet.logits(self._input(rgb, GATE_SIDE)).mean((2, 3), keepdim=True)
        trust = self._imagenet.rendered(logits.flatten(1))
        words = self._imagenet.words(logits).flatten(1)
        feature = joined(trunk.normalize_halves(encoded.float()), trust[:, None], words)
        return feature[0].cpu().numpy()

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, 240]` of texts.

        What a branch does not know is in the dimensions that images do not have: there, words of
        the ImageNet branch alone are told apart by their leading components.
        """
        rendered = self.encode_rendered_text(texts)
        found = np.zeros((len(texts), DIM), np.float32)
        own = trunk.DIM + WORD_DIM
        for row, text, feature in zip(found, texts, rendered, strict=True):
            row[: trunk.DIM] = self._shares[0] * feature
            meant = self._words.find(text)
            if meant is not None:
                row[trunk.DIM : own] = self._shares[1] * meant
                if not self._is_rendered(feature):
                    length = np.linalg.norm(row[: trunk.CATEGORY_DIM])
                    row[: trunk.CATEGORY_DIM] = 0.0
                    leading = meant[: OWN_DIM - 1]
                    row[own:-1] = length * leading / np.linalg.norm(leading)
            row[-1] = max(0.0, 1.0 - float(row @ row)) ** 0.5
        return found

    def _is_rendered(self, feature: NDArray[np.float32]) -> bool:
        """Return whether the rendered branch knows the kind that its text feature `[128]` names,
        or it names none."""
        kind = feature[: trunk.CATEGORY_DIM]
        length = np.linalg.norm(kind)
        return bool(
            length <= MIN_CATEGORY_NORM
            or (self._kinds @ kind).max() > MIN_CATEGORY_COSINE * length
        )

    @torch.inference_mode()
    def encode_rendered_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, 128]` of the open_clip model alone.

        The half that a text leaves open is near 0.
        """
        tokens = self._tokenizer(texts).to(self._device)
        return self._model.encode_text(tokens, normalize=True).float().cpu().numpy()

    def in_vocabulary(self, text: str) -> bool:
        """Return whether either branch knows what a text means, or it names a colour only.

        The text tower maps all other words to one direction.
        """
        known = self._is_rendered(self.encode_rendered_text([text])[0])
        return known or self._words.find(text) is not None

    def vocabulary(self) -> list[str]:
        """Return the names of all categories."""
        return self._names["categories"]

    def negatives(self, text: str) -> list[str]:
        """Return the names of all categories and of ImageNet's groups, or of all colours.

        Names without a colour suffice: where a text names both, a place that has only one of
        them is nearer to its own bare category than to the text. Synonyms of the text are left
        out.
        """
        query = self.encode_rendered_text([text])[0]
        if np.linalg.norm(query[: trunk.CATEGORY_DIM]) <= MIN_CATEGORY_NORM:
            names, others = ["table", *(f"{color} thing" for color in self._names["colors"])], []
        else:
            names = ["table", "unknown thing", *self._names["categories"]]
            others = self._others
        similarity = self.encode_rendered_text(names) @ query
        kept = [
            name for name, cosine in zip(names, similarity, strict=True) if cosine < MAX_NEGATIVE
        ]
        meant = self._words.find(text)
        if meant is None:
            return kept + others
        near = [] if self._is_rendered(query) else self._near(kept, meant)
        near += self._near(others, meant)
        return [name for name in kept + others if name not in near]

    def _near(self, names: Sequence[str], meant: NDArray[np.float32]) -> list[str]:
        """Return the names whose direction in the space of words is near `meant [95]`."""
        found = [(name, self._words.find(name)) for name in names]
        return [name for name, own in found if own is not None and own @ meant >= MAX_WORD_COSINE]
