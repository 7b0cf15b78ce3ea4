"""Principal queries: s numbers on every Gaussian that read the memory bank.

They start from lifting (closed form: the alpha-weighted mean of the feature maps, reduced to the
bank's leading directions) and are refined, with the projection W, by the paper's loss on points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from m3_ros.geometry import inverse, scale_intrinsics
from m3_ros.memory.attention import gaussian_memory_attention
from m3_ros.memory.store import FeatureStore
from m3_ros.splat import Gaussians, rasterization
from m3_ros.splat.lift import lift

Decoder = Callable[[Tensor, Tensor], Tensor]
"""Features `[..., d]` of rendered queries `[..., s]` and the projection `[s, d]`."""


@dataclass(frozen=True, eq=False)
class View:
    """Where a feature map was seen from: pose, intrinsics and size of its image."""

    camtoworld: NDArray[np.float64]
    K: NDArray[np.float64]
    width: int
    height: int

    def at(self, width: int, height: int) -> tuple[Tensor, Tensor]:
        """`viewmat [4, 4]` and `K [3, 3]` (float32) of the same view with another image size."""
        K = scale_intrinsics(self.K, width / self.width, height / self.height)
        viewmat = inverse(self.camtoworld)
        return torch.from_numpy(viewmat).float(), torch.from_numpy(K).float()


@dataclass(frozen=True, eq=False)
class PrincipalQueries:
    """What one foundation model left on the Gaussians.

    Attributes:
        queries: `[N, s]`.
        projection: W `[s, d]`.
        reliability: `[N]` in 0..1: how much all views agree about a Gaussian, 0 = never seen.
    """

    queries: Tensor
    projection: Tensor
    reliability: Tensor


def principal_directions(components: Tensor, degrees: int) -> Tensor:
    """Orthonormal leading directions `[degrees, d]` of the unit components `[t, d]`.

    Not centred, so that cosines survive the projection; zero rows where t or d is too small.
    """
    unit = normalize(components, dim=-1)
    rank = min(degrees, *unit.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        basis = torch.svd_lowrank(unit, q=min(rank + 16, *unit.shape), niter=4)[2].T[:rank]
    return torch.cat([basis, basis.new_zeros(degrees - rank, unit.shape[1])])


def lift_queries(
    gaussians: Gaussians, views: Sequence[View], store: FeatureStore, projection: Tensor
) -> PrincipalQueries:
    """Closed-form queries: every Gaussian gets the mean of what the pixels it colours show."""
    height, width, _ = store.read(0).shape
    placed = [view.at(width, height) for view in views]
    maps = (store.unit(index)[0] @ projection.T for index in range(len(views)))
    valid = (store.unit(index)[1] for index in range(len(views)))
    stacked = torch.stack([v for v, _ in placed]), torch.stack([K for _, K in placed])
    queries, weight = lift(gaussians, stacked, maps, valid)
    seen = weight > 1e-3
    reliability = torch.where(seen, queries.norm(dim=-1), 0.0).clamp(0.0, 1.0)
    return PrincipalQueries(torch.where(seen[:, None], queries, 0.0), projection, reliability)


def render_queries(gaussians: Gaussians, queries: Tensor, view: View, size: tuple) -> Tensor:
    """Alpha-composited queries `[height, width, s]` for an image of size (width, height)."""
    viewmat, K = view.at(*size)
    renders, _, _ = rasterization(*gaussians.activated(), queries, viewmat[None], K[None], *size)
    return renders[0]


def refine(
    gaussians: Gaussians,
    views: Sequence[View],
    store: FeatureStore,
    start: PrincipalQueries,
    decode: Decoder,
    steps: int,
    points: int = 2000,
    learn_projection: bool = True,
    progress: Callable[[float], None] = lambda _: None,
    seed: int = 0,
) -> PrincipalQueries:
    """Train queries and projection: 1 - cosine plus relative squared error on random points.

    Maps are rendered at the size of the feature maps, so that a cell's centre is a pixel's
    centre and nothing is interpolated. The Gaussians themselves get no gradient.
    """
    gaussians = gaussians.detach()
    queries = start.queries.clone().requires_grad_()
    projection = start.projection.clone().requires_grad_(learn_projection)
    scale = float(queries.detach().square().mean().sqrt().clamp_min(1e-6))
    groups = [{"params": [queries], "lr": 0.05 * scale}]
    if learn_projection:
        typical = float(projection.detach().square().mean().sqrt().clamp_min(1e-6))
        groups.append({"params": [projection], "lr": 0.02 * typical})
    optimizer = torch.optim.Adam(groups)
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for step in range(steps):
        order = order or torch.randperm(len(views), generator=generator).tolist()
        index = order.pop()
        target = store.read(index)
        cells = torch.nonzero(torch.isfinite(target).all(-1).flatten())[:, 0]
        if not len(cells):
            continue
        cells = cells[torch.randperm(len(cells), generator=generator)[:points]]
        size = (target.shape[1], target.shape[0])
        rendered = render_queries(gaussians, queries, views[index], size).flatten(0, 1)[cells]
        loss = point_loss(decode(rendered, projection), target.flatten(0, 1)[cells])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress((step + 1) / steps)
    return replace(start, queries=queries.detach(), projection=projection.detach())


def point_loss(features: Tensor, target: Tensor) -> Tensor:
    """1 - cosine plus the squared error relative to the target's: each 0 when equal."""
    cosine = cosine_similarity(features, target, dim=-1)
    error = (features - target).square().sum(-1) / target.square().sum(-1).clamp_min(1e-12)
    return (1.0 - cosine + error).mean()


def attention_decoder(components: Tensor, temperature: float) -> Decoder:
    """The paper's decoder: attention over the raw components of a bank."""
    return lambda queries, projection: gaussian_memory_attention(
        queries, projection, components, temperature
    )
