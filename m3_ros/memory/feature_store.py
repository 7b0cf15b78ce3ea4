"""Feature maps of many keyframes, in a temporary file so that host memory stays bounded."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m3_ros.features.extractor import FeatureMap
from m3_ros.types import Mask


@dataclass(frozen=True)
class _Entry:
    offset: int
    rows: int
    shape: tuple[int, int, int]
    valid: Mask


class FeatureStore:
    """Appends feature maps `[h, w, d]` and reads them in any order; half precision on disk.

    The file has no name; the system deletes it with the object or the process.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as self)
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def append(
        self,
        features: NDArray[np.float32],
        valid: Mask,
        regions: NDArray[np.int32] | None = None,
    ) -> None:
        """Store a feature map, its values clipped to the range of half precision.

        Args:
            features: `[h, w, d]`.
            valid: `[h, w]`; other cells are read as NaN.
            regions: `[h, w]`, see `FeatureMap`; the feature of a region is stored once.

        Raises:
            ValueError: The shapes do not fit, or d differs from that of earlier maps.
        """
        rows, index = FeatureMap(features, valid, regions).as_rows()
        if self._entries and features.shape[2] != self._entries[0].shape[2]:
            d = self._entries[0].shape[2]
            raise ValueError(f"features {features.shape} must be of dimension {d} as earlier maps")
        limit = np.finfo(np.float16).max
        offset = self._file.seek(0, 2)
        self._file.write(index.tobytes())
        self._file.write(np.clip(rows, -limit, limit).astype(np.float16).tobytes())
        self._entries.append(_Entry(offset, len(rows), features.shape, valid.copy()))

    def size(self, index: int) -> tuple[int, int]:
        """Return width and height of map `index`."""
        height, width, _ = self._entries[index].shape
        return width, height

    def restrict(self, index: int, cells: Mask) -> None:
        """Mark the cells of map `index` that are not in `cells [h, w]` as not valid."""
        self._entries[index].valid[...] &= cells

    def read(self, index: int, device: str | torch.device = "cpu") -> Tensor:
        """Return map `index` `[h, w, d]` float32 on a device; NaN where not valid."""
        entry = self._entries[index]
        height, width, dim = entry.shape
        self._file.seek(entry.offset)
        cells = np.frombuffer(self._file.read(4 * height * width), np.int32)
        rows = np.full((entry.rows + 1, dim), np.nan, np.float16)
        half = np.frombuffer(self._file.read(2 * entry.rows * dim), np.float16)
        rows[:-1] = half.reshape(entry.rows, dim)
        cells = np.where(entry.valid.ravel(), cells, -1)
        half = torch.from_numpy(rows).to(device)  # before it is float32, and one row a region
        return half.float()[torch.from_numpy(cells).to(device)].reshape(entry.shape)

    def read_unit(self, index: int, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]:
        """Return map `index` with unit rows (zero: not valid) and the valid cells `[h, w]`."""
        features = self.read(index, device)
        length = features.norm(dim=-1, keepdim=True)
        valid = torch.isfinite(length[..., 0]) & (length[..., 0] > 0)
        return torch.where(valid[..., None], features / length, 0.0), valid


def covered_cells(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return the cells `[h, w]` of a feature map that lie inside an image mask.

    Args:
        mask: `[H, W]`.
        size: Width and height of the feature map.
    """
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return share > 0.99  # 1 up to the rounding of the area filter
