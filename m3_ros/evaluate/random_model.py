"""A model of any dimension with random weights, to measure costs without downloads."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d, conv2d, interpolate, normalize, relu

from m3_ros.features.extractor import FeatureMap, check_image

WIDTH, CELL, PATCH = 640, 16, 4  # px: of a scaled picture, a cell, a filter
FILTERS, HIDDEN = 64, 512
BANDWIDTH = 1.0
"""Scale of the random Fourier frequencies: the larger, the less similar features become."""


class RandomModel:
    """Features `[30, 40, dim]` of a 640 x 480 image: no meaning, different by surface.

    Random filters, rectified and averaged over cells of 16 x 16 pixels, then random Fourier
    features (Rahimi and Recht, NeurIPS 2007), whose spectrum is as broad as a deep network's.

    Args:
        dim: of the features.
        degrees: principal-query channels, as `FeatureExtractor.degrees`.
        threshold: as `FeatureExtractor.threshold`.
        seed: of the weights.

    Raises:
        ValueError: dim < 1.
    """

    def __init__(self, dim: int, degrees: int = 16, threshold: float = 0.8, seed: int = 0) -> None:
        if dim < 1:
            raise ValueError(f"dim = {dim}: it must be at least 1")
        self.name = f"random{dim}"
        self.dim, self.degrees, self.threshold = dim, degrees, threshold
        self.digest = hashlib.sha256(f"{dim} {seed}".encode()).hexdigest()
        generator = torch.Generator().manual_seed(seed)
        self._filters = torch.randn(FILTERS, 3, PATCH, PATCH, generator=generator) / 5
        self._frequencies = BANDWIDTH * torch.randn(HIDDEN, FILTERS, generator=generator)
        self._phases = 2 * torch.pi * torch.rand(HIDDEN, generator=generator)
        self._output = torch.randn(dim, HIDDEN, generator=generator)

    @torch.inference_mode()
    def extract(self, rgb: NDArray[np.uint8]) -> FeatureMap:
        """Unit features of an image `[H, W, 3]`."""
        check_image(rgb)
        height = max(1, round(rgb.shape[0] / rgb.shape[1] * WIDTH / CELL)) * CELL
        image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None] / 127.5 - 1.0
        responses = relu(
            conv2d(interpolate(image, (height, WIDTH), mode="area"), self._filters, stride=PATCH)
        )
        cells = avg_pool2d(responses, CELL // PATCH)[0].permute(1, 2, 0)
        waves = torch.cos(cells @ self._frequencies.T + self._phases)
        features = normalize(waves @ self._output.T, dim=-1).numpy()
        return FeatureMap(features, np.ones(features.shape[:2], dtype=bool))
