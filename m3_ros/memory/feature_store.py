"""Feature maps of many keyframes, kept in a temporary file so that host memory stays bounded."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m3_ros.features.extractor import FeatureMap


@dataclass(frozen=True)
class _Entry:
    offset: int
    rows: int
    shape: tuple[int, int, int]
    valid: NDArray[np.bool_]


class FeatureStore:
    """Appends feature maps `[h, w, d]`, reads them back in any order; half precision on disk.

    The file has no name and vanishes with the object or the process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as self)
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(
        self,
        features: NDArray[np.float32],
        valid: NDArray[np.bool_],
        regions: NDArray[np.int32] | None = None,
    ) -> None:
        """Keep a map `[h, w, d]`; cells that are not valid `[h, w]` read back as NaN.

        Values beyond half precision's range are clipped to it. Where cells belong to `regions
        [h, w]`, see `FeatureMap`, each region is kept once.

        Raises:
            ValueError: the shapes do not fit, or d differs from the maps before.
        """
        rows, index = FeatureMap(features, valid, regions).as_rows()
        if self._entries and features.shape[2] != self._entries[0].shape[2]:
            raise ValueError(f"features {features.shape} must have the dimension of those before")
        limit = np.finfo(np.float16).max
        offset = self._file.seek(0, 2)
        self._file.write(index.tobytes())
        self._file.write(np.clip(rows, -limit, limit).astype(np.float16).tobytes())
        self._entries.append(_Entry(offset, len(rows), features.shape, valid.copy()))

    def size(self, index: int) -> tuple[int, int]:
        """Width and height of map number `index`."""
        height, width, _ = self._entries[index].shape
        return width, height

    def restrict(self, index: int, cells: NDArray[np.bool_]) -> None:
        """Forget the cells of map number `index` that are not among `cells [h, w]`."""
        self._entries[index].valid[...] &= cells

    def read(self, index: int) -> Tensor:
        """Map `[h, w, d]` float32 number `index`; NaN where not valid."""
        entry = self._entries[index]
        height, width, dim = entry.shape
        self._file.seek(entry.offset)
        cells = np.frombuffer(self._file.read(4 * height * width), np.int32)
        rows = np.full((entry.rows + 1, dim), np.nan, np.float32)
        half = np.frombuffer(self._file.read(2 * entry.rows * dim), np.float16)
        rows[:-1] = half.reshape(entry.rows, dim)
        cells = np.where(entry.valid.ravel(), cells, -1)
        return torch.from_numpy(rows[cells].reshape(entry.shape))

    def read_unit(self, index: int) -> tuple[Tensor, Tensor]:
        """Map `[h, w, d]` of unit rows, zero where not valid, and the valid cells `[h, w]`."""
        features = self.read(index)
        length = features.norm(dim=-1, keepdim=True)
        valid = torch.isfinite(length[..., 0]) & (length[..., 0] > 0)
        return torch.where(valid[..., None], features / length, 0.0), valid
