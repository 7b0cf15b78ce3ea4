"""Principal scene components (PSC): a small set of raw features that represents all of them.

The M3 paper (arXiv 2503.16413) selects them by its Algorithm 1, see `similarity_reduction`. The
`MemoryBank`, which the memory uses by default, is a bounded streaming cover with a guarantee.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize

BLOCK_ELEMENTS = 2**26
"""Most similarities in memory at once (256 MiB of float32)."""
BLOCK_ROWS = 4096
"""Most rows that are added together; bounds the similarities among them to 64 MiB."""
HALF_MAX = torch.finfo(torch.float16).max
SELF_SIMILARITY = 1.0 - 1e-6
"""Largest usable threshold: rounding can put the cosine of a float32 row with itself below 1."""


class MemoryBank:
    """A bounded, streaming cover of all features ever added.

    A component covers a row if their cosine is at least `threshold`. While there is room, every
    row is covered: a row that no component covers becomes one. In a full bank the closest pair
    among components and row is merged; `uncovered` counts the rows for which coverage is then no
    longer proven, so it is an upper bound of the rows without a component.

    Attributes:
        device: Of the products of rows and components; single rows are decided on the host.
        rows: Finite, non-zero rows added so far.
        skipped: Rows that were not finite, or zero in half precision; the bank ignores them.
    """

    def __init__(
        self, dim: int, threshold: float, max_components: int = 4096,
        device: str | torch.device = "cpu",
    ) -> None:  # fmt: skip
        for name, value in (("dim", dim), ("max_components", max_components)):
            if value < 1:
                raise ValueError(f"{name} = {value}: it must be at least 1")
        if not -1.0 <= threshold <= 1.0:
            raise ValueError(f"threshold = {threshold}: it must lie in [-1, 1]")
        self.dim, self.threshold, self.max_components = dim, threshold, max_components
        self.device = torch.device(device)
        self.rows = self.skipped = self._size = 0
        self._table = {
            "components": torch.zeros(0, dim, dtype=torch.float16),
            "unit": torch.zeros(0, dim, device=device),
            "counts": torch.zeros(0, dtype=torch.int64),
            "covered": torch.zeros(0, dtype=torch.int64),  # rows proven to be covered
            "farthest": torch.zeros(0),  # least cosine of a covered row
            "origins": torch.zeros(0, 3, dtype=torch.int64),
        }
        self._nearest: tuple[Tensor, Tensor] | None = None  # closest other one; of a full bank

    def __len__(self) -> int:
        return self._size

    @property
    def components(self) -> Tensor:
        """Raw features `[t, d]` float32, rounded to half precision."""
        return self._column("components").float()

    @property
    def size_bytes(self) -> int:
        """Bytes of the raw features, in memory and in files."""
        return 2 * len(self) * self.dim

    @property
    def counts(self) -> Tensor:
        """Number of rows `[t]` (int64) that each component represents."""
        return self._column("counts")

    @property
    def origins(self) -> Tensor:
        """Source `[t, 3]` (int64): frame, row and column in the feature map; -1: unknown."""
        return self._column("origins")

    @property
    def uncovered(self) -> int:
        """Upper bound of the number of rows added that no component covers."""
        return self.rows - int(self._column("covered").sum())

    def add(self, features: Tensor, frame: int = -1, pixels: Tensor | None = None) -> None:
        """Add rows, rounded to half precision and clipped to its range.

        Args:
            features: `[n, d]`.
            frame: Number of their frame.
            pixels: Their cells `[n, 2]` (row, column) in the feature map.

        Raises:
            ValueError: A shape does not fit.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ValueError(f"features {tuple(features.shape)} must be [n, {self.dim}]")
        if pixels is None:
            pixels = torch.full((len(features), 2), -1)
        if pixels.shape != (len(features), 2):
            raise ValueError(f"pixels {tuple(pixels.shape)} must be [{len(features)}, 2]")
        features = features.detach().to(self.device).float()
        finite = torch.isfinite(features).all(-1)
        features = features.clamp(-HALF_MAX, HALF_MAX).half().float()
        usable = finite & (features.abs().amax(-1) > 0)
        self.skipped += int((~usable).sum())
        frames = torch.full((len(features), 1), frame)
        origins = torch.cat([frames, pixels.cpu()], 1)[usable.cpu()]
        features = features[usable]
        step = max(1, min(BLOCK_ROWS, BLOCK_ELEMENTS // self.max_components))
        for start in range(0, len(features), step):
            self._add(features[start : start + step], origins[start : start + step])

    def state(self) -> dict[str, Tensor]:
        """Return the state, as tensors for a safetensors file; see `restore`."""
        names = ("components", "counts", "covered", "farthest", "origins")
        totals = torch.tensor([self.rows, self.skipped, self.max_components])
        return {name: self._column(name).clone() for name in names} | {"totals": totals}

    @classmethod
    def restore(cls, state: dict[str, Tensor], threshold: float) -> MemoryBank:
        """Return the bank with a saved `state()`."""
        rows, skipped, max_components = state["totals"].tolist()
        bank = cls(state["components"].shape[1], threshold, max_components)
        bank.rows, bank.skipped, bank._size = rows, skipped, len(state["components"])
        bank._table = {name: state[name].clone() for name in bank._table if name != "unit"}
        bank._table["unit"] = normalize(bank.components, dim=-1)
        return bank

    @classmethod
    def of(cls, components: Tensor, origins: Tensor, threshold: float) -> MemoryBank:
        """Return a bank of components `[t, d]` from `origins [t, 3]`, each representing itself."""
        ones = torch.ones(len(components), dtype=torch.int64)
        state = {"components": components.half(), "origins": origins}
        state |= {"counts": ones, "covered": ones}
        totals = torch.tensor([len(components), 0, max(1, len(components))])
        return cls.restore(state | {"farthest": ones.float(), "totals": totals}, threshold)

    def _column(self, name: str) -> Tensor:
        return self._table[name][: self._size]

    def _add(self, features: Tensor, origins: Tensor) -> None:
        """Cover a block of usable rows by the present components, then by new ones."""
        self.rows += len(features)
        unit = normalize(features, dim=-1)
        limit = min(self.threshold, SELF_SIMILARITY)
        best, owner = self._closest(unit)
        covered = best >= limit
        self._count_covered(owner[covered], best[covered])
        left = torch.nonzero(~covered)[:, 0]
        unit, best, owner = unit[left], best[left], owner[left]
        similar = (unit @ unit.T).cpu()
        for row, source in enumerate(left.tolist()):
            if best[row] >= limit:  # an earlier row of the block became a component
                self._count_covered(owner[row, None], best[row, None])
                continue
            full = self._size == self.max_components
            if full and best[row] >= self._nearest_pairs()[0].max():
                self._table["counts"][owner[row]] += 1  # the closest's, but not covered
                continue
            index = self._make_room(limit) if full else self._append()
            self._set(index, features[source], unit[row], origins[source])
            self._count_covered(torch.tensor([index]), torch.ones(1))
            if full:
                self._update_nearest(index)
                orphans = owner == index
                best[orphans], owner[orphans] = self._closest(unit[orphans])
            closer = similar[row] > best
            best[closer], owner[closer] = similar[row, closer], index

    def _closest(self, unit: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and index, `[n]` on the host, of the component closest to each row."""
        if not self._size:
            return torch.full((len(unit),), -2.0), torch.zeros(len(unit), dtype=torch.int64)
        return tuple(x.cpu() for x in (unit @ self._column("unit").T).max(dim=1))

    def _append(self) -> int:
        """Make room for a component at the end; return its index."""
        if self._size == len(self._table["unit"]):
            capacity = min(self.max_components, max(64, 2 * self._size))
            for name, column in self._table.items():
                larger = column.new_zeros(capacity, *column.shape[1:])
                larger[: len(column)] = column
                self._table[name] = larger
        self._size += 1
        return self._size - 1

    def _set(self, index: int, feature: Tensor, unit: Tensor, origin: Tensor) -> None:
        """Make a row component `index`, which represents no row yet."""
        table = self._table
        table["components"][index], table["unit"][index] = feature, unit
        table["origins"][index], table["farthest"][index] = origin, 1.0
        table["counts"][index] = table["covered"][index] = 0

    def _count_covered(self, owner: Tensor, cosine: Tensor) -> None:
        """Count rows that components `owner` cover at `cosine`."""
        ones = torch.ones_like(owner)
        self._table["counts"].index_add_(0, owner, ones)
        self._table["covered"].index_add_(0, owner, ones)
        self._table["farthest"].scatter_reduce_(0, owner, cosine, "amin")

    def _nearest_pairs(self) -> tuple[Tensor, Tensor]:
        """Return cosine `[t]` and index `[t]` of every component's closest other one."""
        if self._nearest is None:
            self._nearest = self._nearest_to(torch.arange(self._size))
        return self._nearest

    def _nearest_to(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Return cosine and index of the closest other one, for components `indices [k]`."""
        similarity = self._table["unit"][indices] @ self._column("unit").T
        similarity[torch.arange(len(indices)), indices] = -2.0
        return tuple(x.cpu() for x in similarity.max(dim=1))

    def _update_nearest(self, index: int) -> None:
        """Update the closest pairs after component `index` has changed."""
        cosine, other = self._nearest_pairs()
        similarity = (self._column("unit") @ self._table["unit"][index]).cpu()
        closer = similarity > cosine
        cosine[closer], other[closer] = similarity[closer], index
        stale = (other == index) & ~closer
        stale[index] = True
        indices = torch.nonzero(stale)[:, 0]
        cosine[indices], other[indices] = self._nearest_to(indices)

    def _make_room(self, limit: float) -> int:
        """Merge the closest pair of components; return the index that becomes free."""
        cosine, other = self._nearest_pairs()
        first = int(cosine.argmax())
        return self._merge(first, int(other[first]), float(cosine[first]), limit)

    def _merge(self, a: int, b: int, cosine: float, limit: float) -> int:
        """Merge two components into the one with more rows; return the index of the other.

        By the triangle inequality of angles, rows within angle r of the removed component lie
        within r + s of the kept one if the two are s apart.
        """
        table = self._table
        kept, removed = (a, b) if table["counts"][a] >= table["counts"][b] else (b, a)
        table["counts"][kept] += table["counts"][removed]
        angle = math.acos(min(1.0, float(table["farthest"][removed])))
        angle += math.acos(min(1.0, cosine))
        if angle <= math.acos(limit):
            table["covered"][kept] += table["covered"][removed]
            table["farthest"][kept] = min(float(table["farthest"][kept]), math.cos(angle))
        return removed
