"""Feature maps of many keyframes, kept in a temporary file so that host memory stays bounded."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class _Entry:
    offset: int
    shape: tuple[int, int, int]


class FeatureStore:
    """Appends feature maps `[h, w, d]`, reads them back in any order; half precision on disk.

    The file has no name and vanishes with the object or the process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as self)
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(self, features: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Keep a map `[h, w, d]`; cells that are not valid `[h, w]` read back as NaN.

        Values beyond half precision's range are clipped to it.

        Raises:
            ValueError: the shapes do not fit, or d differs from the maps before.
        """
        if features.ndim != 3 or valid.shape != features.shape[:2]:
            raise ValueError(f"features {features.shape} and valid {valid.shape} do not fit")
        if self._entries and features.shape[2] != self._entries[0].shape[2]:
            raise ValueError(f"features {features.shape} must have the dimension of those before")
        limit = np.finfo(np.float16).max
        half = np.clip(features, -limit, limit).astype(np.float16)
        half[~valid] = np.nan
        offset = self._file.seek(0, 2)
        self._file.write(half.tobytes())
        self._entries.append(_Entry(offset, features.shape))

    def read(self, index: int) -> Tensor:
        """Map `[h, w, d]` float32 number `index`; NaN where not valid."""
        entry = self._entries[index]
        self._file.seek(entry.offset)
        data = self._file.read(2 * int(np.prod(entry.shape)))
        half = np.frombuffer(data, np.float16).reshape(entry.shape)
        return torch.from_numpy(half.astype(np.float32))

    def unit(self, index: int) -> tuple[Tensor, Tensor]:
        """Map `[h, w, d]` of unit rows, zero where not valid, and the valid cells `[h, w]`."""
        features = self.read(index)
        length = features.norm(dim=-1, keepdim=True)
        valid = torch.isfinite(length[..., 0]) & (length[..., 0] > 0)
        return torch.where(valid[..., None], features / length, 0.0), valid
