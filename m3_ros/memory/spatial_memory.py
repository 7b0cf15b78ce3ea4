"""The memory of a place: text queries, features, and images from any pose."""

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
    similarity,
)
from m3_ros.memory.memory_data import MemoryData
from m3_ros.memory.queries import View
from m3_ros.memory.serialization import load_memory, save_memory
from m3_ros.splat import rasterization
from m3_ros.splat.device import choose_device
from m3_ros.splat.normals import render_normals
from m3_ros.splat.scale import NEAR_PLANE
from m3_ros.types import Array

IMAGES = ("rgb", "depth", "normals", "features", "pca")


@dataclass(frozen=True)
class Trace:
    """A component that a pixel attends to, its weight, and the keyframe and cell it is from."""

    component: int
    weight: float
    frame: int
    row: int
    column: int


@dataclass(frozen=True, eq=False)
class TextMatch:
    """Match of a text with a memory.

    Attributes:
        values: `[N]` in 0..1, probability that a Gaussian shows the text; `render_values` of
            `values[:, None]` is its heat map from any pose.
        best: Indices `[k]` of the opaque Gaussians with the highest values, in falling order.
        positions: Their centres `[k, 3]`, m.
    """

    values: Tensor
    best: Tensor
    positions: Tensor


class SpatialMemory(MemoryData):
    """The memory of a place, with queries and rendering."""

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> SpatialMemory:
        """Read a memory folder; see `m3_ros.memory.serialization`.

        Args:
            folder: Written on any device.
            device: That answers queries and renders, see `choose_device`.

        Raises:
            UsageError: The device is not there.
            MemoryFileError: There is none, or a file is missing, damaged or of another version.
        """
        device = choose_device(device)
        return cls(**vars(load_memory(folder))).to(device)

    def save(self, folder: str | Path) -> None:
        """Write a memory folder atomically; see `m3_ros.memory.serialization`.

        Raises:
            MemoryFileError: `folder` exists and is no memory.
            WriteError: It cannot be written; a memory that was there is as it was.
        """
        save_memory(self, folder)

    def query(self, text: str, extractor: LanguageExtractor, count: int = 100) -> TextMatch:
        """Return the probability of each Gaussian to show a text; `Localizer` finds objects.

        Each component has a probability to match the text rather than one of the model's
        negatives; a Gaussian has the attention-weighted mean over the components.

        Args:
            text: The text query.
            extractor: The model that the memory was built with.
            count: Number of best Gaussians.

        Raises:
            ValueError: The memory lacks the model, or was built with other weights of it.
        """
        model = self.model_of(extractor)
        target, *others = extractor.encode_text([text, *extractor.negatives(text)])
        negatives = np.array(others, np.float32).reshape(-1, len(target))
        unit = normalize(model.bank.components, dim=-1).numpy()
        matches = torch.from_numpy(probability(unit, target, negatives, extractor.logit_scale))
        values = read_values(
            *(model.queries, model.projection, model.components),
            matches[:, None].to(self.device),
            model.temperature,
        )[:, 0]
        solid = self.gaussians.opacities.sigmoid() * (model.reliability > 0)
        best = (values * solid).topk(min(count, len(values))).indices
        return TextMatch(values, best, self.gaussians.means[best])

    def similarity(self, name: str, text: NDArray[np.float32]) -> Tensor:
        """Return the mean cosine `[N, m]` of each Gaussian with unit rows `text [m, d]`.

        It is the mean of `cos(P, text)` over the components P under the attention.
        """
        model = self.model(name)
        unit, texts = normalize(model.components, dim=-1), torch.as_tensor(text).to(self.device)
        return similarity(model.queries, model.projection, unit, texts, model.temperature)

    def features(self, name: str) -> Tensor:
        """Return decoded features `[N, d]` of every Gaussian in the model's space."""
        return self._decode(name, self.model(name).queries)

    def _cameras(
        self, camtoworld: Array, K: Array, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return world to camera `[1, 4, 4]` and intrinsics `[1, 3, 3]` on the memory's device."""
        viewmat, intrinsics = View(camtoworld, K, *size).at(*size)
        return viewmat[None].to(self.device), intrinsics[None].to(self.device)

    @property
    def near_plane(self) -> float:
        """Nearest depth that is rendered, in the memory's unit."""
        return NEAR_PLANE * self.working_distance

    def render_values(
        self, values: Tensor, camtoworld: Array, K: Array,
        size: tuple[int, int],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Return the alpha-composited image `[H, W, m]` of any values `[N, m]` of the Gaussians.

        Args:
            values: One row a Gaussian, on any device.
            camtoworld: `[4, 4]` in the memory's frame.
            K: `[3, 3]`, px.
            size: Width and height, px.
        """
        return self.composite(values, camtoworld, K, size).cpu().numpy()

    def composite(
        self, values: Tensor, camtoworld: Array, K: Array, size: tuple[int, int]
    ) -> Tensor:
        """Return what `render_values` returns, on the memory's device."""
        renders, _, _ = rasterization(
            *self.gaussians.activated(),
            values.to(self.device),
            *self._cameras(camtoworld, K, size),
            *size,
            near_plane=self.near_plane,
        )
        return renders[0]

    def render(
        self, camtoworld: Array, K: Array, size: tuple[int, int],
        what: str = "rgb", model: str | None = None,
    ) -> NDArray[np.float32]:  # fmt: skip
        """Render the memory from a pose.

        Args:
            camtoworld: `[4, 4]` in the memory's frame.
            K: `[3, 3]`, px.
            size: Width and height, px.
            what: "rgb" `[H, W, 3]` 0..1, "depth" `[H, W]` m (0 where alpha is below 0.5),
                "normals" `[H, W, 3]` of unit length in the memory's frame, "features"
                `[H, W, d]` of a model, or "pca" `[H, W, 3]` 0..1, their principal components.
            model: For features and pca; None: the first.

        Raises:
            ValueError: An unknown `what` or model.
        """
        if what not in IMAGES:
            raise ValueError(f"what = {what!r}: it must be one of {', '.join(IMAGES)}")
        return self._picture(camtoworld, K, size, what, model).cpu().numpy()

    def _picture(
        self, camtoworld: Array, K: Array, size: tuple[int, int], what: str, model: str | None
    ) -> Tensor:
        """Return what `render` returns, on the memory's device."""
        view = *self._cameras(camtoworld, K, size), *size
        if what == "normals":
            return render_normals(self.gaussians, *view, self.near_plane)[0]
        if what in ("rgb", "depth"):
            mode = "RGB" if what == "rgb" else "ED"
            renders, alphas, _ = self.gaussians.render(
                *view, render_mode=mode, near_plane=self.near_plane
            )
            if what == "rgb":
                return renders[0].clamp(0, 1)
            return torch.where(alphas[0] > 0.5, renders[0], 0.0)[..., 0]
        name = model or next(iter(self.models))
        queries = self.composite(self.model(name).queries, camtoworld, K, size)
        if what == "features":
            return self._decode(name, queries)
        return principal_colors(queries @ self.model(name).projection)

    def trace(
        self, name: str, camtoworld: Array, K: Array,
        pixel: tuple[int, int], count: int = 8,
    ) -> list[Trace]:  # fmt: skip
        """Return the components with the largest weights at a pixel (row, column)."""
        model = self.model(name)
        one_pixel = K - [[0, 0, pixel[1]], [0, 0, pixel[0]], [0, 0, 0]]
        query = self.composite(model.queries, camtoworld, one_pixel, (1, 1))
        weights = attention_weights(
            query[0, 0], model.projection, model.components, model.temperature
        )
        top = weights.cpu().topk(min(count, len(weights)))
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
            queries, model.projection, model.components, model.temperature
        )


def principal_colors(features: Tensor) -> Tensor:
    """Return the three principal components of `[H, W, d]` as colours `[H, W, 3]` in 0..1.

    2 % of the values are clipped at each end, so that outliers do not compress the rest.
    """
    flat = features.reshape(-1, features.shape[-1])
    flat = flat - flat.mean(0)
    _, directions = torch.linalg.eigh(flat.T @ flat)
    colors = flat @ directions[:, -3:].flip(1)
    some = colors[:: max(1, len(colors) // 10_000)]
    low, high = (torch.quantile(some, share, dim=0) for share in (0.02, 0.98))
    colors = ((colors - low) / (high - low).clamp_min(1e-9)).clamp(0, 1)
    return colors.reshape(*features.shape[:-1], 3)
