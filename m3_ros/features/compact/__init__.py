"""The compact encoder: text-aligned dense features from weights of a few megabytes.

An open_clip model; config and weights lie beside this file, see MODEL_CARD.md. A feature has a
category half and a colour half; the text tower regresses the same directions.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from m3_ros.features.compact import trunk
from m3_ros.features.extractor import check_image
from m3_ros.features.patches import GridExtractor
from m3_ros.types import Image

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
NAMES_FILE = "names.json"  # of the categories and colours that the model was trained on
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
MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
LOCALIZATION_SIDE = 160
"""Longer side, px, of the image in which the size of the foreground is measured first."""
FOREGROUND_SIZES = (56.0, 80.0)
"""Foreground sizes (square root of the area, px) at which the image is encoded: chosen on 270
pictures a split of seed 2 (MODEL_CARD.md), near the sizes of objects in training."""


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
        weights: folder with the config, the weights and the names of this folder; the
            shipped one unless given.
        device: torch device.
        longest_side: pixels to which an image's longer side is scaled before the network.

    Raises:
        FileNotFoundError: when the folder lacks one of the three files.
    """

    name = "compact"
    dim = trunk.DIM
    degrees = 32
    threshold = 0.94

    def __init__(
        self, weights: str | Path | None = None, device: str = "cpu", longest_side: int = 512
    ) -> None:
        folder = Path(__file__).parent if weights is None else Path(weights)
        for file in (CONFIG_FILE, WEIGHTS_FILE, NAMES_FILE):
            if not (folder / file).is_file():
                raise FileNotFoundError(
                    f"the compact encoder's {file} is not in {folder}; it ships with m3_ros, or "
                    "make it with tools/train_compact_encoder.py"
                )
        model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", device=device)
        trunk.fold_batch_norms(model.eval().visual.trunk)
        self._model = model.to(memory_format=torch.channels_last)
        self._tokenizer = CompactTokenizer()
        self._device, self._longest_side = torch.device(device), longest_side
        cpu = torch.backends.cpu.get_cpu_capability()
        self._mixed = self._device.type != "cpu" or cpu == "AVX512"  # else bfloat16 is emulated
        self.digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
        self._names: dict[str, list[str]] = json.loads((folder / NAMES_FILE).read_text())
        self.logit_scale = float(model.logit_scale.exp().detach())

    def _input(self, rgb: Image, longest_side: float) -> Tensor:
        """Scale the full image to multiples of the stride and normalise it, `[1, 3, h, w]`."""
        check_image(rgb)
        height, width = rgb.shape[:2]
        scale = longest_side / max(height, width)
        size = [max(2, round(side * scale / 32)) * 32 for side in (width, height)]
        scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        image = (scaled.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
        tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(self._device)
        return tensor.contiguous(memory_format=torch.channels_last)

    def _features(self, images: Sequence[Image]) -> Tensor:
        """Return unit features, one per 8 x 8 pixels of the scaled images."""
        pixels = torch.cat([self._input(image, self._longest_side) for image in images])
        with torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self._mixed):
            return self._model.visual.trunk.dense(pixels)[0]

    @torch.inference_mode()
    def encode_image(self, rgb: Image) -> NDArray[np.float32]:
        """Return the unit feature `[128]` of the foreground, whatever its size in the image."""
        _, objectness = self._model.visual.trunk.dense(self._input(rgb, LOCALIZATION_SIDE))
        size = trunk.STRIDE * float(objectness.sigmoid().sum()) ** 0.5
        sides = [min(LOCALIZATION_SIDE * s / size, self._longest_side) for s in FOREGROUND_SIZES]
        encoded = sum(self._model.encode_image(self._input(rgb, side)) for side in sides)
        return trunk.normalize_halves(encoded)[0].float().cpu().numpy()

    @torch.inference_mode()
    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, 128]` of texts; the half that a text leaves open is near 0."""
        tokens = self._tokenizer(texts).to(self._device)
        return self._model.encode_text(tokens, normalize=True).float().cpu().numpy()

    def in_vocabulary(self, text: str) -> bool:
        """Return whether a text means one of the categories, or a colour only.

        The text tower maps all other words to one direction.
        """
        texts = [text, "table", *self._names["categories"]]
        kind, *names = self.encode_text(texts)[:, : trunk.CATEGORY_DIM]
        length = np.linalg.norm(kind)
        return bool(
            length <= MIN_CATEGORY_NORM or (names @ kind).max() > MIN_CATEGORY_COSINE * length
        )

    def vocabulary(self) -> list[str]:
        """Return the names of all categories."""
        return self._names["categories"]

    def negatives(self, text: str) -> list[str]:
        """Return the names of all categories, or of all colours for "the red thing".

        Names without a colour suffice: where a text names both, a place that has only one of
        them is nearer to its own bare category than to the text. Synonyms of the text are left
        out.
        """
        query = self.encode_text([text])[0]
        named = np.linalg.norm(query[: trunk.CATEGORY_DIM]) > MIN_CATEGORY_NORM
        if named:
            names = ["table", "unknown thing", *self._names["categories"]]
        else:
            names = ["table", *(f"{color} thing" for color in self._names["colors"])]
        similarity = self.encode_text(names) @ query
        return [
            name for name, cosine in zip(names, similarity, strict=True) if cosine < MAX_NEGATIVE
        ]
