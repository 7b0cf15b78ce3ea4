"""Principal scene components (PSC): a small set of raw features that stands for all of them.

`similarity_reduction` is Algorithm 1 of the M3 paper (arXiv 2503.16413), exactly. `MemoryBank` is
what the memory uses: a streaming cover, frame by frame, bounded, and with a guarantee.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

BLOCK_ELEMENTS = 2**26
"""Similarities held at once, at most (256 MiB of float32)."""

HALF_MAX = torch.finfo(torch.float16).max

SELF_SIMILARITY = 1.0 - 1e-6
"""Largest usable threshold: rounding puts the cosine of a row with itself below one."""


def similarity_reduction(features: Tensor, threshold: float, chunk_size: int = 5000) -> Tensor:
    """Algorithm 1 of the paper: indices `[t]` (int64) of the rows kept, in the order kept.

    Rows are visited in order. A row already used is skipped; it is kept if no row within the
    threshold is used; then all rows within the threshold become used. The result does not depend
    on `chunk_size`, which only bounds the work done at once.

    Args:
        features: `[n, d]`, any floating dtype, any device.
        threshold: cosine from which two rows count as similar.
        chunk_size: rows compared with all others at once.

    Raises:
        ValueError: features are not a finite `[n, d]`, or chunk_size < 1.
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


class MemoryBank:
    """A bounded, streaming cover of all features ever added.

    While there is room, every row added has a component whose cosine with it is at least
    `threshold`. Once the bank is full, a row that no component covers makes the closest pair
    among components and row merge; rows that are then no longer provably covered are counted in
    `uncovered`. So at most `uncovered` of the rows added lack a component within the threshold.

    Attributes:
        rows: finite, non-zero rows added so far.
        skipped: rows that were zero or not finite; the bank ignores them.
    """

    def __init__(self, dim: int, threshold: float, max_components: int = 4096) -> None:
        for name, value in (("dim", dim), ("max_components", max_components)):
            if value < 1:
                raise ValueError(f"{name} = {value}: it must be at least 1")
        if not -1.0 <= threshold <= 1.0:
            raise ValueError(f"threshold = {threshold}: it must lie in [-1, 1]")
        self.dim, self.threshold, self.max_components = dim, threshold, max_components
        self.rows = self.skipped = self._size = 0
        self._table = {
            "components": torch.zeros(0, dim, dtype=torch.float16),
            "unit": torch.zeros(0, dim),
            "counts": torch.zeros(0, dtype=torch.int64),
            "held": torch.zeros(0, dtype=torch.int64),  # rows provably within the threshold
            "farthest": torch.zeros(0),  # lowest cosine of a held row with its component
            "origins": torch.zeros(0, 3, dtype=torch.int64),
        }
        self._nearest: tuple[Tensor, Tensor] | None = None  # closest other; only once full

    def __len__(self) -> int:
        return self._size

    @property
    def components(self) -> Tensor:
        """Raw features `[t, d]` float32, of half precision."""
        return self._column("components").float()

    @property
    def size_bytes(self) -> int:
        """Of the raw features, as they are kept in memory and in files."""
        return 2 * len(self) * self.dim

    @property
    def counts(self) -> Tensor:
        """Rows `[t]` (int64) that each component stands for."""
        return self._column("counts")

    @property
    def origins(self) -> Tensor:
        """Provenance `[t, 3]` (int64): frame, row and column of the feature map; -1 unknown."""
        return self._column("origins")

    @property
    def uncovered(self) -> int:
        """Upper bound of the rows added that have no component within the threshold."""
        return self.rows - int(self._column("held").sum())

    def add(self, features: Tensor, frame: int = -1, pixels: Tensor | None = None) -> None:
        """Add rows `[n, d]` of frame number `frame`, from cells `pixels [n, 2]` (row, column).

        Values are rounded to half precision, and clipped to its range.

        Raises:
            ValueError: a shape does not fit.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ValueError(f"features {tuple(features.shape)} must be [n, {self.dim}]")
        if pixels is None:
            pixels = torch.full((len(features), 2), -1)
        if pixels.shape != (len(features), 2):
            raise ValueError(f"pixels {tuple(pixels.shape)} must be [{len(features)}, 2]")
        features = features.detach().cpu().float()
        good = torch.isfinite(features).all(-1) & (features.abs().amax(-1) > 0)
        self.skipped += int((~good).sum())
        frames = torch.full((len(features), 1), frame)
        origins = torch.cat([frames, pixels.cpu()], 1)[good]
        features = features[good].clamp(-HALF_MAX, HALF_MAX).half().float()
        step = max(1, min(4096, BLOCK_ELEMENTS // self.max_components))
        for start in range(0, len(features), step):
            self._add(features[start : start + step], origins[start : start + step])

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs, as tensors for a safetensors file."""
        names = ("components", "counts", "held", "farthest", "origins")
        totals = torch.tensor([self.rows, self.skipped, self.max_components])
        return {name: self._column(name).clone() for name in names} | {"totals": totals}

    @classmethod
    def restore(cls, state: dict[str, Tensor], threshold: float) -> MemoryBank:
        """A bank that goes on where the one whose `state()` this is stopped."""
        rows, skipped, max_components = state["totals"].tolist()
        bank = cls(state["components"].shape[1], threshold, max_components)
        bank.rows, bank.skipped, bank._size = rows, skipped, len(state["components"])
        bank._table = {name: state[name].clone() for name in bank._table if name != "unit"}
        bank._table["unit"] = normalize(bank.components, dim=-1)
        return bank

    @classmethod
    def of(cls, components: Tensor, origins: Tensor, threshold: float) -> MemoryBank:
        """A bank of given components `[t, d]` from `origins [t, 3]`, each standing for itself."""
        ones = torch.ones(len(components), dtype=torch.int64)
        state = {"components": components.half(), "origins": origins, "counts": ones, "held": ones}
        totals = torch.tensor([len(components), 0, max(1, len(components))])
        return cls.restore(state | {"farthest": ones.float(), "totals": totals}, threshold)

    def _column(self, name: str) -> Tensor:
        return self._table[name][: self._size]

    def _add(self, features: Tensor, origins: Tensor) -> None:
        """Cover a block of good rows: by the components there are, then by new ones."""
        self.rows += len(features)
        unit = normalize(features, dim=-1)
        limit = min(self.threshold, SELF_SIMILARITY)
        best, owner = self._closest(unit)
        covered = best >= limit
        self._hold(owner[covered], best[covered])
        left = torch.nonzero(~covered)[:, 0]
        unit, best, owner = unit[left], best[left], owner[left]
        similar = unit @ unit.T
        for row, source in enumerate(left.tolist()):
            if best[row] >= limit:  # a row before this one has become a component
                self._hold(owner[row, None], best[row, None])
                continue
            full = self._size == self.max_components
            if full and best[row] >= self._nearest_pairs()[0].max():
                self._table["counts"][owner[row]] += 1  # joins the closest, which is too far
                continue
            index = self._make_room(limit) if full else self._append()
            self._set(index, features[source], unit[row], origins[source])
            self._hold(torch.tensor([index]), torch.ones(1))
            if full:
                self._renew_nearest(index)
                orphans = owner == index
                best[orphans], owner[orphans] = self._closest(unit[orphans])
            closer = similar[row] > best
            best[closer], owner[closer] = similar[row, closer], index

    def _closest(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine `[n]` and index `[n]` of the component closest to each unit row `[n, d]`."""
        if not self._size:
            return torch.full((len(unit),), -2.0), torch.zeros(len(unit), dtype=torch.int64)
        return (unit @ self._column("unit").T).max(dim=1)

    def _append(self) -> int:
        """Index of a new component that is still to be set."""
        if self._size == len(self._table["unit"]):
            capacity = min(self.max_components, max(64, 2 * self._size))
            for name, column in self._table.items():
                larger = column.new_zeros(capacity, *column.shape[1:])
                larger[: len(column)] = column
                self._table[name] = larger
        self._size += 1
        return self._size - 1

    def _set(self, index: int, feature: Tensor, unit: Tensor, origin: Tensor) -> None:
        """Make a component of a row; it stands for none yet."""
        table = self._table
        table["components"][index], table["unit"][index] = feature, unit
        table["origins"][index], table["farthest"][index] = origin, 1.0
        table["counts"][index] = table["held"][index] = 0

    def _hold(self, owner: Tensor, cosine: Tensor) -> None:
        """Count rows, within the threshold, for the components that own them."""
        ones = torch.ones_like(owner)
        self._table["counts"].index_add_(0, owner, ones)
        self._table["held"].index_add_(0, owner, ones)
        self._table["farthest"].scatter_reduce_(0, owner, cosine, "amin")

    def _nearest_pairs(self) -> tuple[Tensor, Tensor]:
        """Cosine `[t]` and index `[t]` of every component's closest other one."""
        if self._nearest is None:
            self._nearest = self._nearest_to(torch.arange(self._size))
        return self._nearest

    def _nearest_to(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and index of the closest other component, for components `indices [k]`."""
        similarity = self._table["unit"][indices] @ self._column("unit").T
        similarity[torch.arange(len(indices)), indices] = -2.0
        return similarity.max(dim=1)

    def _renew_nearest(self, index: int) -> None:
        """Component `index` is another one now: who is closest to whom?"""
        cosine, other = self._nearest_pairs()
        similarity = self._column("unit") @ self._table["unit"][index]
        closer = similarity > cosine
        cosine[closer], other[closer] = similarity[closer], index
        stale = (other == index) & ~closer
        stale[index] = True
        indices = torch.nonzero(stale)[:, 0]
        cosine[indices], other[indices] = self._nearest_to(indices)

    def _make_room(self, limit: float) -> int:
        """Merge the closest pair of components; return the index that is free."""
        cosine, other = self._nearest_pairs()
        first = int(cosine.argmax())
        return self._merge(first, int(other[first]), float(cosine[first]), limit)

    def _merge(self, a: int, b: int, cosine: float, limit: float) -> int:
        """Let the more used of two components stand for both; return the other one's index.

        Angles add up at most: rows within angle r of the one that goes, at angle s from the one
        that stays, lie within r + s of it.
        """
        table = self._table
        keep, gone = (a, b) if table["counts"][a] >= table["counts"][b] else (b, a)
        table["counts"][keep] += table["counts"][gone]
        angle = math.acos(min(1.0, float(table["farthest"][gone]))) + math.acos(min(1.0, cosine))
        if angle <= math.acos(limit):
            table["held"][keep] += table["held"][gone]
            table["farthest"][keep] = min(float(table["farthest"][keep]), math.cos(angle))
        return gone
