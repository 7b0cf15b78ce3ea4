"""What a memory holds, without what can be asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from m3_ros.config import M3Config
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View
from m3_ros.splat import Gaussians


@dataclass(frozen=True, eq=False)
class ModelMemory:
    """What the memory keeps of one foundation model.

    Attributes:
        queries: principal queries `[N, s]`, one row a Gaussian.
        projection: W `[s, d]` from queries to the model's space.
        reliability: `[N]` in 0..1, how well the views agree about a Gaussian; 0 = never seen.
        bank: principal scene components of the model's features.
        digest: of the model's weights; the same model must encode the questions.
        temperature: of the attention.
    """

    queries: Tensor
    projection: Tensor
    reliability: Tensor
    bank: MemoryBank
    digest: str
    temperature: float = 0.05


@dataclass(frozen=True, eq=False)
class MemoryData:
    """Gaussians and what each foundation model says of them.

    Attributes:
        gaussians: N Gaussians in the memory's frame, m.
        models: one entry a foundation model, by the model's name.
        views: the keyframes' poses and intrinsics, in order.
        config: settings it was built with.
        psnr_db: of the Gaussians against the keyframes, dB.
    """

    gaussians: Gaussians
    models: dict[str, ModelMemory]
    views: tuple[View, ...]
    config: M3Config = field(default_factory=M3Config)
    psnr_db: float = float("nan")

    def __post_init__(self) -> None:
        for name, model in self.models.items():
            if len(model.queries) != len(self.gaussians):
                raise ValueError(
                    f"models[{name!r}].queries has {len(model.queries)} rows; it must have one "
                    f"for each of the {len(self.gaussians)} Gaussians"
                )

    @property
    def frames(self) -> int:
        """Number of keyframes it was built from."""
        return len(self.views)

    @property
    def frame_id(self) -> str:
        """Frame in which the Gaussians are expressed."""
        return self.config.robot.world_frame

    @property
    def components(self) -> int:
        """Principal scene components of all models together."""
        return sum(len(model.bank) for model in self.models.values())

    def model(self, name: str) -> ModelMemory:
        """The part of one foundation model.

        Raises:
            ValueError: the memory was built without it.
        """
        if name not in self.models:
            raise ValueError(f"model {name!r} is not in this memory; it has {list(self.models)}")
        return self.models[name]
