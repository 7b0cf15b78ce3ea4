"""Build a memory: watch keyframes as they come, then finish in seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.frame import Frame
from m3_ros.capture.self_mask import without_carrier
from m3_ros.config import M3Config
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.psc import MemoryBank, similarity_reduction
from m3_ros.memory.queries import (
    View,
    attention_decoder,
    lift_queries,
    principal_directions,
    refine,
)
from m3_ros.memory.spatial_memory import ModelMemory, SpatialMemory
from m3_ros.memory.store import FeatureStore
from m3_ros.splat import Gaussians
from m3_ros.splat.fit import fit

Progress = Callable[[str, float], None]
"""Called with the stage's name and the share of it that is done, 0..1."""


def silent(stage: str, share: float) -> None:
    """Progress that nobody watches."""


class MemoryBuilder:
    """Grows a memory frame by frame while the robot scans.

    `add` extracts features and updates the banks; `finish` fits the Gaussians and the queries.
    More frames may be added, and `finish` called again, at any time.
    """

    def __init__(self, config: M3Config, extractors: Sequence[FeatureExtractor]) -> None:
        if not extractors:
            raise ValueError("extractors is empty; a memory needs at least one model")
        self._config = config
        self._extractors = {extractor.name: extractor for extractor in extractors}
        self._stores = {name: FeatureStore() for name in self._extractors}
        self._banks = {
            name: MemoryBank(extractor.dim, extractor.threshold, config.memory.max_components)
            for name, extractor in self._extractors.items()
        }
        self._frames: list[Frame] = []

    def add(self, frame: Frame) -> None:
        """Remember one keyframe."""
        for name, extractor in self._extractors.items():
            result = extractor.extract(frame.rgb)
            if frame.mask is not None:
                result = replace(result, valid=result.valid & cells(frame.mask, result.valid))
            self._stores[name].append(result.features, result.valid)
            pixels = torch.nonzero(torch.from_numpy(result.valid))
            rows = torch.from_numpy(result.features[result.valid])
            self._banks[name].add(rows, len(self._frames), pixels)
        self._frames.append(frame)

    def finish(self, progress: Progress = silent) -> SpatialMemory:
        """The memory of all frames so far.

        Raises:
            ValueError: no frame was added.
        """
        if not self._frames:
            raise ValueError("the memory has no frames; add at least one")
        fitted = fit(self._frames, self._config.splat, lambda share, _: progress("fit", share))
        progress("fit", 1.0)
        views = tuple(
            View(camtoworld, frame.K, frame.width, frame.height)
            for camtoworld, frame in zip(fitted.camtoworlds, self._frames, strict=True)
        )
        models = {}
        for name in self._extractors:
            models[name] = self._remember(
                name, fitted.gaussians, views, lambda share, name=name: progress(name, share)
            )
        return SpatialMemory(fitted.gaussians, models, views, self._config, fitted.psnr_db)

    def _remember(
        self,
        name: str,
        gaussians: Gaussians,
        views: Sequence[View],
        progress: Callable[[float], None],
    ) -> ModelMemory:
        """Lift and refine the queries of one model."""
        settings, extractor, store = (
            self._config.memory,
            self._extractors[name],
            self._stores[name],
        )
        bank = self._banks[name] if settings.method == "cover" else paper_bank(store, extractor)
        if not len(bank):
            raise ValueError(f"model {name!r} gave no valid feature in any frame")
        projection = principal_directions(bank.components, extractor.degrees)
        start = lift_queries(gaussians, views, store, projection)
        result = refine(
            gaussians,
            views,
            store,
            start,
            attention_decoder(bank.components, settings.temperature),
            settings.refine_steps,
            settings.refine_points,
            progress=progress,
        )
        return ModelMemory(
            result.queries, result.projection, result.reliability, bank, extractor.digest
        )


def build_memory(
    frames: Iterable[Frame],
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    progress: Progress = silent,
) -> SpatialMemory:
    """Memory of a scan, or of any posed RGB-D frames.

    Args:
        frames: keyframes in order; a `Scan` is one such iterable.
        config: settings of every stage.
        extractors: foundation models; the first answers texts.
        progress: told the stages "features", "fit" and each model's name.

    Raises:
        ValueError: no frames, no extractor, or no valid feature.
    """
    builder = MemoryBuilder(config, extractors)
    frames = without_carrier(list(frames))
    for count, frame in enumerate(frames, 1):
        builder.add(frame)
        progress("features", count / len(frames))
    return builder.finish(progress)


def cells(mask: NDArray[np.bool_], grid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells of a feature grid `[h, w]` lie wholly inside an image mask `[H, W]`."""
    size = grid.shape[::-1]
    return cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99


def paper_bank(store: FeatureStore, extractor: FeatureExtractor) -> MemoryBank:
    """The bank of Algorithm 1 over all valid features, in the order of frames and cells."""
    rows, origins = [], []
    for frame in range(len(store)):
        features = store.read(frame)
        valid = torch.isfinite(features).all(-1) & (features.abs().amax(-1) > 0)
        cells = torch.nonzero(valid)
        rows.append(features[valid])
        origins.append(torch.cat([torch.full((len(cells), 1), frame), cells], 1))
    features, places = torch.cat(rows), torch.cat(origins)
    kept = similarity_reduction(features, extractor.threshold)
    return MemoryBank.of(features[kept], places[kept], extractor.threshold)
