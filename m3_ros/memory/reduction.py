"""Similarity reduction: Algorithm 1 of the M3 paper (arXiv 2503.16413), exactly."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.psc import BLOCK_ELEMENTS, MemoryBank


def similarity_reduction(features: Tensor, threshold: float, chunk_size: int = 5000) -> Tensor:
    """Return the indices `[t]` (int64) of the rows that Algorithm 1 of the paper keeps, in order.

    Rows are visited in order. A row already used is skipped; it is kept if no row within the
    threshold is used; then all rows within the threshold become used. The result does not depend
    on `chunk_size`, which only bounds the work done at once.

    Args:
        features: `[n, d]`, any floating dtype, any device.
        threshold: Least cosine of similar rows.
        chunk_size: Rows compared with all others at once.

    Raises:
        ValueError: Features are not a finite `[n, d]`, or chunk_size < 1.
    """
    if features.ndim != 2 or not torch.isfinite(features).all():
        raise ValueError(f"features {tuple(features.shape)} must be [n, d] and finite")
    if chunk_size < 1:
        raise ValueError(f"chunk_size = {chunk_size}: it must be at least 1")
    unit = normalize(features.float(), dim=-1)
    used = torch.zeros(len(unit), dtype=torch.bool, device=unit.device)
    step = max(1, min(chunk_size, BLOCK_ELEMENTS // max(len(unit), 1)))
    kept: list[int] = []
    for start in range(0, len(unit), step):
        rows = start + torch.nonzero(~used[start : start + step])[:, 0]
        similar = unit[rows] @ unit.T >= threshold
        for row, neighbours in zip(rows.tolist(), similar, strict=True):
            if used[row]:
                continue
            if not (used & neighbours).any():
                kept.append(row)
            used |= neighbours
    return torch.tensor(kept, dtype=torch.int64, device=features.device)


def paper_bank(
    store: FeatureStore, extractor: FeatureExtractor, device: str = "cpu"
) -> MemoryBank:
    """Return the bank of Algorithm 1 over all valid features, in the order of frames and cells."""
    rows, origins = [], []
    for frame in range(len(store)):
        features = store.read(frame, device)
        valid = torch.isfinite(features).all(-1) & (features.abs().amax(-1) > 0)
        cells = torch.nonzero(valid)
        rows.append(features[valid])
        origins.append(torch.nn.functional.pad(cells, (1, 0), value=frame))
    features, sources = torch.cat(rows), torch.cat(origins)
    kept = similarity_reduction(features, extractor.threshold)
    return MemoryBank.of(features[kept].cpu(), sources[kept].cpu(), extractor.threshold)
