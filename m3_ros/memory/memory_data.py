"""The data of a memory: Gaussians, keyframe poses, and one entry per foundation model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from m3_ros.config import M3Config, RobotConfig
from m3_ros.errors import DataError
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View
from m3_ros.memory.sources import Sources
from m3_ros.splat import Gaussians
from m3_ros.splat.scale import NOMINAL_DISTANCE


@dataclass(frozen=True, eq=False)
class ModelMemory:
    """The memory of one foundation model.

    Attributes:
        queries: Principal queries `[N, s]`, one row a Gaussian.
        projection: W `[s, d]` from queries to the model's space.
        reliability: `[N]` in 0..1, agreement of the views about a Gaussian; 0: not seen.
        bank: Principal scene components of the model's features.
        digest: Of the model's weights; the same weights must encode the queries.
        temperature: Of the attention.
        sources: What is kept of the keyframes; None in a memory of an older version.
    """

    queries: Tensor
    projection: Tensor
    reliability: Tensor
    bank: MemoryBank
    digest: str
    temperature: float = 0.05
    sources: Sources | None = None

    @cached_property
    def components(self) -> Tensor:
        """The bank's components `[t, d]` float32, on the device of the queries."""
        return self.bank.components.to(self.queries.device)

    def to(self, device: str | torch.device) -> ModelMemory:
        """Return the memory on another device; the bank, which files keep, stays on the host."""
        names = ("queries", "projection", "reliability")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


@dataclass(frozen=True, eq=False)
class MemoryData:
    """A memory: Gaussians with the principal queries of each foundation model.

    Attributes:
        gaussians: N Gaussians in the memory's frame, m.
        models: One entry a foundation model, by the model's name.
        views: The keyframes' poses and intrinsics, in order.
        config: Settings it was built with; a memory that is read has those of
            `serialization.SHAPING`, and defaults in the other groups.
        psnr_db: PSNR on the held-out keyframes, dB.
        frame_id: Coordinate frame of the Gaussians and keyframes.
        metric: Whether lengths are metres; False after structure from motion alone.
        working_distance: Distance at which the cameras saw most detail, in the memory's unit.
    """

    gaussians: Gaussians
    models: dict[str, ModelMemory]
    views: tuple[View, ...]
    config: M3Config = field(default_factory=M3Config)
    psnr_db: float = float("nan")
    frame_id: str = RobotConfig.world_frame
    metric: bool = True
    working_distance: float = NOMINAL_DISTANCE

    def __post_init__(self) -> None:
        if not self.frame_id.strip():
            raise DataError.at("frame_id", self.frame_id, "the name of a frame")
        for name, model in self.models.items():
            if len(model.queries) != len(self.gaussians):
                raise DataError(
                    f"models[{name!r}].queries has {len(model.queries)} rows; it must have one "
                    f"for each of the {len(self.gaussians)} Gaussians"
                )

    def to(self, device: str | torch.device) -> Self:
        """Return the memory on another device, on which queries and pictures are computed."""
        models = {name: model.to(device) for name, model in self.models.items()}
        return replace(self, gaussians=self.gaussians.to(device), models=models)

    @property
    def device(self) -> torch.device:
        """The device of the tensors."""
        return self.gaussians.means.device

    @property
    def frames(self) -> int:
        """Number of keyframes."""
        return len(self.views)

    @property
    def components(self) -> int:
        """Number of principal scene components over all models."""
        return sum(len(model.bank) for model in self.models.values())

    def model(self, name: str) -> ModelMemory:
        """Return the memory of one foundation model.

        Raises:
            ValueError: The memory was built without it.
        """
        if name not in self.models:
            raise DataError(f"model {name!r} is not in this memory; it has {list(self.models)}")
        return self.models[name]

    def model_of(self, extractor: FeatureExtractor) -> ModelMemory:
        """Return what is remembered for a model.

        Raises:
            DataError: The memory lacks the model, or was built with other weights of it.
        """
        model = self.model(extractor.name)
        if model.digest != extractor.digest:
            raise DataError(
                f"the memory was built with weights {model.digest[:12]} of {extractor.name!r}, "
                f"but {extractor.digest[:12]} is loaded; build the memory again"
            )
        return model
