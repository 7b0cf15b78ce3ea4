"""What a memory keeps of a model's keyframes besides the features of their cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m3_ros.features.extractor import FeatureMap
from m3_ros.memory.manifest import TensorFile
from m3_ros.memory.psc import MemoryBank
from m3_ros.schema import MAX_SIDE


@dataclass(frozen=True, eq=False)
class Sources:
    """What a model gave of F keyframes besides their features.

    Attributes:
        grids: Rows and columns `[F, 2]` (int64) of the feature map of each.
        captions: Words that the feature of each component stands for, "" where unknown; empty
            where the model has none.
        summaries: Features `[F, g, d]` (float16) of whole pictures, zero where a picture has
            fewer than g; None where the model has none.
    """

    grids: Tensor
    captions: tuple[str, ...] = ()
    summaries: Tensor | None = None

    def summary(self, frame: int) -> NDArray[np.float32]:
        """Return the features `[g, d]` of a whole keyframe; g is 0 where there are none."""
        if self.summaries is None:
            return np.zeros((0, 0), np.float32)
        rows = self.summaries[frame].float()
        return rows[rows.abs().amax(-1) > 0].numpy()


class SourceCollector:
    """Collects the sources of a model's features while keyframes arrive."""

    def __init__(self) -> None:
        self._grids: list[tuple[int, int]] = []
        self._words: list[tuple[NDArray[np.int32], tuple[str, ...]] | None] = []
        self._summaries: list[NDArray[np.float32]] = []

    def add(self, found: FeatureMap) -> None:
        """Add what a model gave of the next keyframe."""
        self._grids.append(found.valid.shape)
        captioned = found.captions is not None and found.regions is not None
        self._words.append((found.regions, found.captions) if captioned else None)
        if found.summary is not None:
            self._summaries.append(found.summary)

    def of(self, bank: MemoryBank) -> Sources:
        """Return the sources of the components of a bank."""
        captions = tuple(self._caption(*origin) for origin in bank.origins.tolist())
        known = captions if any(captions) else ()
        return Sources(torch.tensor(self._grids), known, self._stacked())

    def _caption(self, frame: int, row: int, column: int) -> str:
        words = self._words[frame] if frame >= 0 else None
        if words is None:
            return ""
        regions, captions = words
        return captions[regions[row, column]]

    def _stacked(self) -> Tensor | None:
        if len(self._summaries) < len(self._grids):
            return None
        most = max(len(rows) for rows in self._summaries)
        padded = [np.pad(rows, ((0, most - len(rows)), (0, 0))) for rows in self._summaries]
        return torch.from_numpy(np.stack(padded)).half()


def source_tensors(name: str, sources: Sources | None) -> dict[str, Tensor]:
    """Return what is written of the sources of a model, besides the captions."""
    if sources is None:
        return {}
    found = {f"{name}.grids": sources.grids}
    return found if sources.summaries is None else found | {f"{name}.summaries": sources.summaries}


def read_sources(
    file: TensorFile, name: str, frames: int, bank: MemoryBank, captions: tuple[str, ...]
) -> Sources | None:
    """Return the sources of a model; None in a memory of an older version, which has none.

    Raises:
        MemoryFileError: a tensor is of another type or shape, or has other numbers.
    """
    if f"{name}.grids" not in file:
        return None
    grids = file.take(f"{name}.grids", (frames, 2), False, 1, MAX_SIDE)
    summaries = None
    if f"{name}.summaries" in file:
        summaries = file.take(f"{name}.summaries", (frames, None, bank.dim))
    return Sources(grids, captions, summaries)
