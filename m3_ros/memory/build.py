"""Build a memory: watch keyframes as they come, then finish in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.ego_mask import apply_mask, estimate_ego_mask
from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import M3Config
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.psc import MemoryBank, similarity_reduction
from m3_ros.memory.queries import (
    View,
    attention_decoder,
    lift_queries,
    principal_directions,
    refine,
)
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat import Gaussians
from m3_ros.splat.fit import COARSE_SHARE, Fitter
from m3_ros.types import Mask, Progress, no_progress

BATCH = 16
"""Frames that `grow` takes into banks and Gaussians at once; enough to estimate the ego mask."""
GROWN_SHARE = 0.5
"""Of the fit's budget that growing can save: the last frames need some of it for themselves."""


class MemoryBuilder:
    """Grows a memory while the robot scans.

    `add` extracts a frame's features. `grow`, called in spare time, takes frames into the banks
    and fits Gaussians to them, coarsely. `finish` does what is left. Frames may be added, and
    `finish` called again, at any time.
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
        self._fitter = Fitter(config.splat)
        self._waiting: list[RgbdFrame] = []  # not yet in banks and Gaussians
        self._mask: Mask | None = None  # the ego mask

    def __len__(self) -> int:
        """Number of frames added."""
        return len(self._fitter.frames) + len(self._waiting)

    def add(self, frame: RgbdFrame) -> None:
        """Remember one keyframe."""
        for name, extractor in self._extractors.items():
            result = extractor.extract(frame.rgb)
            self._stores[name].append(result.features, result.valid, result.regions)
        self._waiting.append(frame)

    def grow(self) -> bool:
        """Do a bounded piece of work on the frames so far; False when there is none to do."""
        if len(self._waiting) >= BATCH:
            self._take_in()
            self._fitter.rewind(0.0)
            return True
        self._fitter.rewind(COARSE_SHARE)  # the rest is for the time after the scan
        if not self._fitter.frames or self._fitter.used >= COARSE_SHARE:
            return False
        self._fitter.advance()
        return True

    def finish(self, progress: Progress = no_progress) -> SpatialMemory:
        """The memory of all frames so far.

        What growing has done of the fit is not done again: the rest of its budget is left.

        Raises:
            ValueError: no frame was added.
        """
        if not len(self):
            raise ValueError("the memory has no frames; add at least one")
        fitter = self._fitter
        fitter.rewind(GROWN_SHARE)
        if self._waiting:
            self._take_in()
        fitter.run(lambda share, _: progress("fit", share))
        fitted = fitter.result()
        progress("fit", 1.0)
        views = tuple(
            View(camtoworld, frame.K, frame.width, frame.height)
            for camtoworld, frame in zip(fitted.camtoworlds, fitter.frames, strict=True)
        )
        models = {}
        for name in self._extractors:
            models[name] = self._remember(name, fitted.gaussians, views, progress)
        return SpatialMemory(fitted.gaussians, models, views, self._config, fitted.psnr_db)

    def _take_in(self) -> None:
        """Mask the robot in the waiting frames, and give them to banks and Gaussians."""
        known = len(self._fitter.frames)
        if self._mask is None:
            every = [*self._fitter.frames, *self._waiting]
            self._mask = estimate_ego_mask(every, self._config.ego_mask)
        frames = [apply_mask(frame, self._mask) for frame in self._waiting]
        for index, frame in enumerate(frames, known):
            for name, store in self._stores.items():
                if frame.mask is not None:
                    store.restrict(index, covered_cells(frame.mask, store.size(index)))
                features = store.read(index)
                valid = torch.isfinite(features).all(-1)
                self._banks[name].add(features[valid], index, torch.nonzero(valid))
        self._fitter.add(frames)
        self._waiting = []

    def _remember(
        self,
        name: str,
        gaussians: Gaussians,
        views: Sequence[View],
        progress: Progress,
    ) -> ModelMemory:
        """Lift and refine the queries of one model."""
        settings, extractor = self._config.memory, self._extractors[name]
        store = self._stores[name]
        bank = self._banks[name] if settings.method == "cover" else paper_bank(store, extractor)
        if not len(bank):
            raise ValueError(f"model {name!r} gave no valid feature in any frame")
        projection = principal_directions(bank.components, extractor.degrees, bank.counts)
        start = lift_queries(gaussians, views, store, projection, settings.temperature)
        progress("lift", 1.0)
        result = refine(
            gaussians,
            views,
            store,
            start,
            attention_decoder(bank.components),
            settings.refine_steps,
            settings.refine_points,
            progress=lambda share: progress(name, share),
        )
        return ModelMemory(
            result.queries,
            result.projection,
            result.reliability,
            bank,
            extractor.digest,
            float(result.temperature),
        )


def build_memory(
    frames: Iterable[RgbdFrame],
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    progress: Progress = no_progress,
) -> SpatialMemory:
    """Memory of a scan, or of any posed RGB-D frames.

    Args:
        frames: keyframes in order; a `Scan` is one such iterable.
        config: settings of every stage.
        extractors: foundation models; the first answers texts.
        progress: told the stages "features", "fit" and, for each model, "lift" and its name.

    Raises:
        ValueError: no frames, no extractor, or no valid feature.
    """
    builder = MemoryBuilder(config, extractors)
    frames = list(frames)
    for count, frame in enumerate(frames, 1):
        builder.add(frame)
        progress("features", count / len(frames))
    return builder.finish(progress)


def covered_cells(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which cells of a feature grid of size (w, h) lie wholly inside an image mask `[H, W]`."""
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
