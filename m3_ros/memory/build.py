"""Build a memory from keyframes, all at once or while they arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from m3_ros.capture.ego_mask import estimate_ego_mask, in_units
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.features.extractor import FeatureExtractor, FeatureMap
from m3_ros.memory.feature_store import FeatureStore, covered_cells
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import (
    View,
    attention_decoder,
    lift_queries,
    principal_directions,
    refine,
)
from m3_ros.memory.reduction import paper_bank
from m3_ros.memory.registration import transform_memory, without_distant
from m3_ros.memory.separation import suited
from m3_ros.memory.sources import SourceCollector
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat import Gaussians
from m3_ros.splat.device import choose_device
from m3_ros.splat.fitter import Fitter
from m3_ros.splat.held_out import HeldOutScores
from m3_ros.splat.processes import ALONE, Processes
from m3_ros.splat.scale import NOMINAL_DISTANCE, scaled, working_distance
from m3_ros.splat.seeding import SparsePoints
from m3_ros.types import Mask, Progress, no_progress


class MemoryBuilder:
    """Builds a memory incrementally.

    `add` extracts a frame's features. `step`, called in spare time, adds pending frames to the
    banks and fits Gaussians to them at half resolution. `finish` does the rest. Frames may be
    added, and `finish` called again, at any time.

    Lengths inside are of a scan at the nominal distance (`m3_ros.splat.scale`).

    Args:
        config: Settings of every stage.
        extractors: Foundation models; text queries use the first.
        points: Sparse points of the scan.
        metric: Whether the scan's lengths are metres.
        processes: That extract and fit together; the first one keeps features and the memory.
    """

    def __init__(
        self, config: M3Config, extractors: Sequence[FeatureExtractor],
        points: SparsePoints | None = None, metric: bool = True, processes: Processes = ALONE,
    ) -> None:  # fmt: skip
        if not extractors:
            raise ValueError("extractors is empty; a memory needs at least one model")
        self._config = config
        self._extractors = {extractor.name: extractor for extractor in extractors}
        device = self._device = choose_device(config.features.device)
        self._processes = processes
        kept = self._extractors if processes.rank == 0 else ()
        self._stores = {name: FeatureStore(device) for name in kept}
        self._sources = {name: SourceCollector() for name in self._extractors}
        bound = config.memory.max_components
        self._banks = {
            name: MemoryBank(extractor.dim, extractor.threshold, bound, device)
            for name, extractor in self._extractors.items()
        }
        self._fitter = Fitter(config.splat, self._device, processes)
        self._points, self._metric = points, metric
        self._unit = 0.0  # of the scan's lengths, in lengths at the nominal distance; 0: unknown
        self._batch = 2 * config.ego_mask.min_frames  # that `step` processes together
        self._pending: list[RgbdFrame] = []  # not yet in banks and fitter
        self._mask: Mask | None = None  # the ego mask

    def __len__(self) -> int:
        """Number of frames added."""
        return len(self._fitter.frames) + len(self._pending)

    def add(self, frame: RgbdFrame) -> None:
        """Add one keyframe and extract its features."""
        self._keep(self._extract(frame))
        self._pending.append(frame)

    def _extract(self, frame: RgbdFrame) -> dict[str, FeatureMap]:
        return {name: model.extract(frame.rgb) for name, model in self._extractors.items()}

    def _keep(self, maps: dict[str, FeatureMap]) -> None:
        """Keep the features of the next frame."""
        for name, result in maps.items():
            self._stores[name].append(result.features, result.valid, result.regions)
            self._sources[name].add(result)

    def build(
        self, frames: Iterable[RgbdFrame], progress: Progress = no_progress
    ) -> SpatialMemory | None:
        """Add all frames and return their memory; see `build_memory` and `finish`."""
        frames, processes = list(frames), self._processes
        for start in range(0, len(frames), processes.count):
            several = frames[start : start + processes.count]
            own = [self._extract(frame) for frame in processes.own(several)]
            for maps in processes.collect(own):
                for each in maps:
                    self._keep(each)
            self._pending += several
            progress("features", len(self) / len(frames))
        frames.clear()  # their unscaled depth
        return self.finish(progress)

    def step(self) -> bool:
        """Do a bounded piece of work on the frames so far; return False when there is none."""
        coarse_share = self._config.splat.coarse_share
        if len(self._pending) >= self._batch:
            self._process_pending()
            self._fitter.cap_budget_used(0.0)
            return True
        self._fitter.cap_budget_used(coarse_share)  # full resolution is for `finish`
        if not self._fitter.frames or self._fitter.budget_used >= coarse_share:
            return False
        self._fitter.step()
        return True

    def finish(self, progress: Progress = no_progress) -> SpatialMemory | None:
        """Return the memory of all frames so far; None in another process than the first.

        Steps of the fit that `step` has done count as used, up to `incremental_share`.

        Args:
            progress: Called with the stages "fit" and, for each model, "lift" and its name.

        Raises:
            ValueError: No frame was added.
        """
        if not len(self):
            raise ValueError("the memory has no frames; add at least one")
        fitter = self._fitter
        fitter.cap_budget_used(self._config.memory.incremental_share)
        if self._pending:
            self._process_pending()
        fitter.run(progress)
        if self._processes.rank:
            return None
        fitted = fitter.result()
        progress("fit", 1.0)
        views = tuple(
            View.of(frame, camtoworld)
            for frame, camtoworld in zip(fitter.frames, fitted.camtoworlds, strict=True)
        )
        parts = fitted.gaussians, views, progress
        models = {name: self._build_model(name, *parts) for name in self._extractors}
        frame_id = self._config.robot.world_frame
        state = fitted.gaussians, models, views, self._config, fitted.psnr_db, frame_id
        memory = SpatialMemory(*state, metric=self._metric)
        memory = transform_memory(memory, np.diag([*[self._unit] * 3, 1.0]), frame_id)
        return without_distant(memory)

    def _process_pending(self) -> None:
        """Mask the robot in the pending frames, and add them to banks and fitter."""
        if not self._unit:
            self._set_unit()
        pending = [scaled(frame, 1 / self._unit) for frame in self._pending]
        self._pending = []
        if self._mask is None and self._metric:  # no robot holds a camera of unknown scale
            settings = in_units(self._config.ego_mask, self._unit)
            self._mask = estimate_ego_mask([*self._fitter.frames, *pending], settings)
        frames = [apply_mask(frame, self._mask) for frame in pending]
        for index, frame in enumerate(frames, len(self._fitter.frames)):
            for name, store in self._stores.items():
                if frame.mask is not None:
                    store.restrict(index, covered_cells(frame.mask, store.size(index)))
                features = store.read(index, self._device)
                valid = torch.isfinite(features).all(-1)
                bank = self._banks[name] = suited(self._banks[name], features[valid])
                bank.add(features[valid], index, torch.nonzero(valid))
        self._fitter.add(frames)

    def scores(self) -> HeldOutScores:
        """Return how well the last memory renders held-out frames; lengths are the scan's."""
        return self._fitter.scores().scaled(self._unit)

    def _set_unit(self) -> None:
        """Find the scan's working distance."""
        positions = None if self._points is None else self._points[0]
        quantile = self._config.splat.near_quantile
        distance = working_distance(self._pending, positions, quantile)
        self._unit = distance / NOMINAL_DISTANCE
        if self._points is not None:
            self._fitter.points = self._points[0] / self._unit, self._points[1]

    def _build_model(
        self, name: str, gaussians: Gaussians, views: Sequence[View], progress: Progress
    ) -> ModelMemory:
        """Lift and refine the principal queries of one model."""
        settings, extractor = self._config.memory, self._extractors[name]
        store = self._stores[name]
        bank = (
            self._banks[name]
            if settings.method == "cover"
            else paper_bank(store, extractor, self._device)
        )
        if not len(bank):
            raise DataError(f"model {name!r} gave no valid feature in any frame")
        projection = principal_directions(bank.components, extractor.degrees, bank.counts)
        projection = projection.to(self._device)
        start = lift_queries(gaussians, views, store, projection, settings.temperature)
        progress("lift", 1.0)
        result = refine(
            *(gaussians, views, store, start),
            attention_decoder(bank.components.to(self._device)),
            settings.refine_steps,
            settings.refine_points,
            progress=progress,
            stage=name,
            rates=settings.refine_rates,
        )
        state = result.queries, result.projection, result.reliability, bank, extractor.digest
        return ModelMemory(*state, float(result.temperature))


def build_memory(
    frames: Iterable[RgbdFrame],
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    progress: Progress = no_progress,
    points: SparsePoints | None = None,
    metric: bool = True,
) -> SpatialMemory:
    """Return the memory of a scan, or of any posed frames.

    Args:
        frames: Keyframes in order, for instance a `Scan`.
        config: Settings of every stage.
        extractors: Foundation models; text queries use the first.
        progress: Called with the stages "features", "fit" and, for each model, "lift" and its
            name.
        points: Sparse points of the scan.
        metric: Whether the scan's lengths are metres.

    Raises:
        ValueError: No frames, no extractor, or no valid feature.
    """
    return MemoryBuilder(config, extractors, points, metric).build(frames, progress)
