"""The memory of a place, asked for texts, features and pictures; what `M3` is about."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from m3_ros.features.extractor import LanguageExtractor, probability
from m3_ros.memory.attention import (
    attention_weights,
    gaussian_memory_attention,
    read_values,
    relevancy,
)
from m3_ros.memory.memory_data import MemoryData
from m3_ros.memory.queries import View
from m3_ros.memory.serialization import load_memory, save_memory
from m3_ros.splat import rasterization
from m3_ros.splat.normals import render_normals

PICTURES = ("rgb", "depth", "normals", "features", "pca")


@dataclass(frozen=True)
class Trace:
    """One component that a pixel reads: its share, and the keyframe and cell it came from."""

    component: int
    weight: float
    frame: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class Relevance:
    """What a text means to a memory.

    Attributes:
        values: `[N]` in 0..1, probability that a Gaussian shows the text; `render_values` of
            `values[:, None]` is its heat map from any pose.
        best: indices `[k]` of the opaque Gaussians that show it most, the best first.
        positions: their centres `[k, 3]`, m.
    """

    values: Tensor
    best: Tensor
    positions: Tensor


class SpatialMemory(MemoryData):
    """A place as M3 remembers it: what can be asked of it, and seen in it."""

    @classmethod
    def load(cls, folder: str | Path) -> SpatialMemory:
        """Read a memory folder; see `m3_ros.memory.serialization`.

        Raises:
            MemoryFileError: there is none, a file is missing, cut short, altered or newer.
        """
        return cls(**vars(load_memory(folder)))

    def save(self, folder: str | Path) -> None:
        """Write a memory folder, whole or not at all; see `m3_ros.memory.serialization`.

        Raises:
            MemoryFileError: `folder` exists and is no memory.
            OSError: it cannot be written.
        """
        save_memory(self, folder)

    def query(self, text: str, extractor: LanguageExtractor, count: int = 100) -> Relevance:
        """Where the memory shows what a text says; `Localizer` makes objects and doubts of it.

        Each component has a probability to show the text rather than one of the model's
        contrasts to it; a Gaussian has the mean of those that it reads.

        Args:
            text: what to look for.
            extractor: the model that the memory was built with.
            count: of the best Gaussians.

        Raises:
            ValueError: the memory lacks the model, or was built with other weights of it.
        """
        model = self.model(extractor.name)
        if model.digest != extractor.digest:
            raise ValueError(
                f"the memory was built with weights {model.digest[:12]} of {extractor.name!r}, "
                f"but {extractor.digest[:12]} is loaded; build the memory again"
            )
        target, *others = extractor.encode_text([text, *extractor.negatives(text)])
        negatives = np.array(others, np.float32).reshape(-1, len(target))
        bank = model.bank.components
        shown = probability(
            normalize(bank, dim=-1).numpy(), target, negatives, extractor.logit_scale
        )
        values = read_values(
            model.queries, model.projection, bank, torch.from_numpy(shown)[:, None],
            model.temperature,
        )[:, 0]  # fmt: skip
        solid = self.gaussians.opacities.sigmoid() * (model.reliability > 0)
        best = (values * solid).topk(min(count, len(values))).indices
        return Relevance(values, best, self.gaussians.means[best])

    def relevancy(self, name: str, text: NDArray[np.float32]) -> Tensor:
        """Mean cosine `[N, m]` of what each Gaussian remembers with unit rows `text [m, d]`.

        Every component counts with its direction only: `E[cos(P, text)]` under the attention.
        """
        model = self.model(name)
        unit = normalize(model.bank.components, dim=-1)
        return relevancy(
            model.queries, model.projection, unit, torch.as_tensor(text), model.temperature
        )

    def features(self, name: str) -> Tensor:
        """Decoded features `[N, d]` of every Gaussian in the model's own space."""
        return self._decode(name, self.model(name).queries)

    def render_values(
        self, values: Tensor, camtoworld: NDArray[np.float64], K: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Alpha-composited image `[H, W, m]` of any values `[N, m]` of the Gaussians.

        Args:
            values: one row a Gaussian.
            camtoworld: `[4, 4]` in the memory's frame.
            K: `[3, 3]` pixels.
            size: width and height in pixels.
        """
        viewmat, intrinsics = View(camtoworld, K, *size).at(*size)
        renders, _, _ = rasterization(
            *self.gaussians.activated(), values, viewmat[None], intrinsics[None], *size
        )
        return renders[0].numpy()

    def render(
        self, camtoworld: NDArray[np.float64], K: NDArray[np.float64], size: tuple[int, int],
        what: str = "rgb", model: str | None = None,
    ) -> NDArray[np.float32]:  # fmt: skip
        """What the memory would see from a pose.

        Args:
            camtoworld: `[4, 4]` in the memory's frame.
            K: `[3, 3]` pixels.
            size: width and height in pixels.
            what: "rgb" `[H, W, 3]` 0..1, "depth" `[H, W]` m (0 = nothing there), "normals"
                `[H, W, 3]` of unit length in the memory's frame, "features" `[H, W, d]` of a
                model, or "pca" `[H, W, 3]` 0..1, their three main directions.
            model: for features and pca; None = the first.

        Raises:
            ValueError: an unknown `what` or model.
        """
        if what not in PICTURES:
            raise ValueError(f"what = {what!r}: it must be one of {', '.join(PICTURES)}")
        viewmat, intrinsics = View(camtoworld, K, *size).at(*size)
        if what == "normals":
            view = viewmat[None], intrinsics[None]
            return render_normals(self.gaussians, *view, *size)[0].numpy()
        if what in ("rgb", "depth"):
            renders, alphas, _ = self.gaussians.render(viewmat[None], intrinsics[None], *size)
            if what == "rgb":
                return renders[0, ..., :3].clamp(0, 1).numpy()
            return torch.where(alphas[0] > 0.5, renders[0, ..., 3:], 0.0)[..., 0].numpy()
        name = model or next(iter(self.models))
        queries = torch.from_numpy(
            self.render_values(self.model(name).queries, camtoworld, K, size)
        )
        if what == "features":
            return self._decode(name, queries).numpy()
        return principal_colors(queries @ self.model(name).projection)

    def trace(
        self, name: str, camtoworld: NDArray[np.float64], K: NDArray[np.float64],
        pixel: tuple[int, int], count: int = 8,
    ) -> list[Trace]:  # fmt: skip
        """The components that one pixel (row, column) reads most, and where they came from."""
        model = self.model(name)
        one_pixel = K - [[0, 0, pixel[1]], [0, 0, pixel[0]], [0, 0, 0]]
        query = torch.from_numpy(self.render_values(model.queries, camtoworld, one_pixel, (1, 1)))
        weights = attention_weights(
            query[0, 0], model.projection, model.bank.components, model.temperature
        )
        top = weights.topk(min(count, len(weights)))
        origins = model.bank.origins[top.indices].tolist()
        return [
            Trace(index, weight, *origin)
            for index, weight, origin in zip(
                top.indices.tolist(), top.values.tolist(), origins, strict=True
            )
        ]

    def _decode(self, name: str, queries: Tensor) -> Tensor:
        model = self.model(name)
        return gaussian_memory_attention(
            queries, model.projection, model.bank.components, model.temperature
        )


def principal_colors(features: Tensor) -> NDArray[np.float32]:
    """Three main directions of `[H, W, d]` as colours `[H, W, 3]` in 0..1 (2 % clipped)."""
    flat = features.reshape(-1, features.shape[-1])
    flat = flat - flat.mean(0)
    _, directions = torch.linalg.eigh(flat.T @ flat)
    colors = flat @ directions[:, -3:].flip(1)
    low, high = torch.quantile(
        colors[:: max(1, len(colors) // 10_000)], torch.tensor([0.02, 0.98]), dim=0
    )
    colors = ((colors - low) / (high - low).clamp_min(1e-9)).clamp(0, 1)
    return colors.reshape(*features.shape[:-1], 3).numpy()
