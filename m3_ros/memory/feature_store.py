"""Feature maps of many keyframes: on a GPU while they fit, else in a temporary file.

So the memory of both is bounded: a GPU gives `DEVICE_SHARE` of what is free, the host the pages of
the file that the system keeps in its cache.
"""

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

DEVICE_SHARE = 0.25
"""Of a GPU's free memory that the maps of one model get: 2 of 8 GB hold 1000 maps of 30 x 40 x 768
(1.8 GB); two models leave more than half to the fit."""


@dataclass(frozen=True, eq=False)
class _Entry:
    """A map: its rows, and each cell's row, in the file from `offset`, or `kept` on the device."""

    offset: int
    rows: int
    shape: tuple[int, int, int]
    valid: Mask
    kept: tuple[Tensor, NDArray[np.int32]] | None


class FeatureStore:
    """Appends feature maps `[h, w, d]` and reads them in any order; kept in half precision.

    The file has no name; the system deletes it with the object or the process.

    Args:
        device: Of most readers; maps are kept there while they fit.
        room: Bytes of the maps that are kept there; `device_room` by default.
    """

    def __init__(self, device: str | torch.device = "cpu", room: int | None = None) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as self)
        self._entries: list[_Entry] = []
        self._device = torch.device(device)
        self._room = device_room(self._device) if room is None else room

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
        half = np.clip(rows, -limit, limit).astype(np.float16)
        offset, kept = self._file.seek(0, 2), None
        if half.nbytes <= self._room:
            self._room -= half.nbytes
            kept = _with_nan(half).to(self._device), index.ravel()
        else:
            self._file.write(index.tobytes())
            self._file.write(half.tobytes())
        self._entries.append(_Entry(offset, len(rows), features.shape, valid.copy(), kept))

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
        rows, cells = entry.kept or self._load(entry)
        cells = np.where(entry.valid.ravel(), cells, -1)
        half = rows.to(device)  # before it is float32, and one row a region
        return half.float()[torch.from_numpy(cells).to(device)].reshape(entry.shape)

    def _load(self, entry: _Entry) -> tuple[Tensor, NDArray[np.int32]]:
        """Return the rows and the cells' rows of a map in the file."""
        height, width, dim = entry.shape
        self._file.seek(entry.offset)
        cells = np.frombuffer(self._file.read(4 * height * width), np.int32)
        half = np.frombuffer(self._file.read(2 * entry.rows * dim), np.float16)
        return _with_nan(half.reshape(entry.rows, dim)), cells

    def read_unit(self, index: int, device: str | torch.device = "cpu") -> tuple[Tensor, Tensor]:
        """Return map `index` with unit rows (zero: not valid) and the valid cells `[h, w]`."""
        features = self.read(index, device)
        length = features.norm(dim=-1, keepdim=True)
        valid = torch.isfinite(length[..., 0]) & (length[..., 0] > 0)
        return torch.where(valid[..., None], features / length, 0.0), valid


def device_room(device: torch.device) -> int:
    """Return the bytes of feature maps that a device keeps; a CPU reads them from the file."""
    if device.type != "cuda":
        return 0
    free, _ = torch.cuda.mem_get_info(device)
    return int(DEVICE_SHARE * free)


def _with_nan(rows: NDArray[np.float16]) -> Tensor:
    """Return rows `[r + 1, d]`, the last of NaN, which cells without a feature read."""
    return torch.from_numpy(np.pad(rows, ((0, 1), (0, 0)), constant_values=np.nan))


def covered_cells(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return the cells `[h, w]` of a feature map that lie inside an image mask.

    Args:
        mask: `[H, W]`.
        size: Width and height of the feature map.
    """
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return share > 0.99  # 1 up to the rounding of the area filter
