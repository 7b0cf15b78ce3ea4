"""Llama 3.2 Vision as a dense extractor: its image tower and the projector to its words.

As M3's release: the tower's last state with its five intermediate ones, through
`multi_modal_projector`, a feature a patch. The tower sees up to four tiles of 560 x 560 px; they
are stitched back to one map of the full image (transformers' Mllama, and Meta's model card of
Llama 3.2 for the tiling: keep the aspect, fill the rest of the canvas with black).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors import safe_open
from torch import Tensor, nn

from m3_ros.features.extractor import FeatureMap
from m3_ros.features.model_cards import MODELS
from m3_ros.features.patches import GridExtractor, resize
from m3_ros.features.weights import (
    find_weights,
    load_pretrained,
    missing,
    transformers_for,
    weights_digest,
)
from m3_ros.types import Image


class LlamavExtractor(GridExtractor):
    """The image side of a Mllama model; the language model is not loaded.

    Args:
        weights: folder or name on the Hugging Face Hub of a `MllamaForConditionalGeneration`.
        device: torch device.

    Raises:
        FileNotFoundError: the weights are missing.
    """

    def __init__(self, weights: str | Path | None = None, device: str = "cpu") -> None:
        card = MODELS["llamav"]
        transformers = transformers_for(card)
        folder = find_weights(card, weights)
        tower = load_pretrained(transformers.MllamaVisionModel, folder, card)
        projector = _projector(folder).to(tower.dtype)
        self.name, self.degrees, self.threshold = card.name, card.degrees, card.threshold
        self.dim = projector.out_features
        self.digest = weights_digest([tower, projector], "tiles")
        self._tower, self._projector = tower.to(device), projector.to(device)
        self._tile, self._patch = int(tower.config.image_size), int(tower.config.patch_size)
        self._arrangements = [tuple(pair) for pair in tower.config.supported_aspect_ratios]
        self._max_tiles = int(tower.config.max_num_tiles)

    def _maps(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return the maps; a map's summary is the class token of each tile."""
        maps, classes = (part.float().cpu().numpy() for part in self._states(images))
        return [
            FeatureMap(found, np.ones(found.shape[:2], dtype=bool), summary=summary)
            for found, summary in zip(maps, classes, strict=True)
        ]

    def _features(self, images: Sequence[Image]) -> Tensor:
        return self._states(images)[0]

    def _states(self, images: Sequence[Image]) -> tuple[Tensor, Tensor]:
        """Return features `[b, h, w, d]` of the cells and `[b, tiles, d]` of the class tokens."""
        shape = images[0].shape[:2]
        tiles = best_arrangement(shape, self._tile, self._arrangements)
        grid = self._grid(shape, tiles)
        pixels = torch.stack([self._tiles(image, tiles, grid) for image in images])
        ids = torch.full((len(images), 1), self._arrangements.index(tiles) + 1)
        mask = (torch.arange(self._max_tiles) < tiles[0] * tiles[1]).long()
        device = self._tower.device
        states = self._tower(
            pixels[:, None].to(device, self._tower.dtype),
            ids.to(device),
            mask.expand(len(images), 1, -1).to(device),
        ).last_hidden_state[:, 0, : tiles[0] * tiles[1]]
        projected = self._projector(states)
        cells = self._stitch(projected[:, :, 1:], tiles)[:, : grid[0], : grid[1]]
        return cells, projected[:, :, 0]

    def _grid(self, shape: tuple[int, int], tiles: tuple[int, int]) -> tuple[int, int]:
        """Return rows and columns of whole patches of the image on its canvas of tiles."""
        side = self._tile // self._patch
        scale = min(tiles[0] * side / shape[0], tiles[1] * side / shape[1])
        return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))

    def _tiles(self, rgb: Image, tiles: tuple[int, int], grid: tuple[int, int]) -> Tensor:
        """Return the image on its canvas as normalised tiles `[max_tiles, 3, tile, tile]`."""
        canvas = torch.zeros(3, tiles[0] * self._tile, tiles[1] * self._tile)
        height, width = grid[0] * self._patch, grid[1] * self._patch
        canvas[:, :height, :width] = resize(rgb, (height, width), "bilinear")
        # CLIP's statistics, which the published preprocessing of Llama 3.2 Vision names.
        mean, std = torch.tensor(OPENAI_DATASET_MEAN), torch.tensor(OPENAI_DATASET_STD)
        canvas = (canvas - mean[:, None, None]) / std[:, None, None]
        cut = canvas.reshape(3, tiles[0], self._tile, tiles[1], self._tile)
        result = torch.zeros(self._max_tiles, 3, self._tile, self._tile)
        result[: tiles[0] * tiles[1]] = cut.permute(1, 3, 0, 2, 4).flatten(0, 1)
        return result

    def _stitch(self, states: Tensor, tiles: tuple[int, int]) -> Tensor:
        """Return features `[b, tiles, side * side, d]` as one map `[b, rows, columns, d]`."""
        side = self._tile // self._patch
        cut = states.reshape(len(states), *tiles, side, side, self.dim)
        return cut.permute(0, 1, 3, 2, 4, 5).reshape(
            len(states), tiles[0] * side, tiles[1] * side, self.dim
        )


def best_arrangement(
    shape: tuple[int, int], tile: int, arrangements: Sequence[tuple[int, int]]
) -> tuple[int, int]:
    """Return rows and columns of tiles for an image of (height, width), as in training.

    The least enlargement if the image can be enlarged, else the least reduction; among equals
    the smallest canvas.
    """

    def cost(tiles: tuple[int, int]) -> tuple[bool, float, int]:
        scale = min(tiles[0] * tile / shape[0], tiles[1] * tile / shape[1])
        return scale < 1, scale if scale >= 1 else -scale, tiles[0] * tiles[1]

    return min(arrangements, key=cost)


def _projector(folder: Path) -> nn.Linear:
    """Load the linear map from the tower's states to the language model's width."""
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for key in file.keys():  # noqa: SIM118 (no mapping)
                if "multi_modal_projector." in key:
                    found[key.rpartition(".")[2]] = file.get_tensor(key)
    if set(found) != {"weight", "bias"}:
        raise missing(MODELS["llamav"], f"multi_modal_projector is not in {folder}")
    layer = nn.Linear(*reversed(found["weight"].shape), dtype=found["weight"].dtype)
    layer.load_state_dict(found)
    return layer.eval().requires_grad_(False)
