"""Principal queries: s numbers on every Gaussian that read the memory bank.

They start from lifting (closed form: the alpha-weighted mean of the feature maps, reduced to the
bank's leading directions) and are refined, with the projection W and the attention's temperature,
by the paper's loss on points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity, normalize

from m3_ros.geometry import inverse, scale_intrinsics
from m3_ros.memory.attention import gaussian_memory_attention
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.splat import Gaussians, rasterization
from m3_ros.splat.lift import lift

Decoder = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Features `[..., d]` of rendered queries `[..., s]`, the projection `[s, d]` and temperature."""

RATES = {"queries": 0.1, "projection": 0.04, "temperature": 0.06}
"""Of Adam at the first step, relative to the root mean square of what is learned (the
temperature: its logarithm). They fall to zero along a line."""
PIXELS = 160
"""Pixels along a picture's longer side, at least about, in which Gaussians meet features. A cell
of a feature map is larger than most Gaussians; in pixels of that size the rasterizer, which draws
nothing narrower than half a pixel, would smear each over its neighbours' cells."""


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
        temperature: of the attention, `[]`.
    """

    queries: Tensor
    projection: Tensor
    reliability: Tensor
    temperature: Tensor


def principal_directions(components: Tensor, degrees: int, counts: Tensor | None = None) -> Tensor:
    """Orthonormal leading directions `[degrees, d]` of the unit components `[t, d]`.

    Not centred, so that cosines survive the projection; zero rows where t or d is too small.

    Args:
        components: of a bank.
        degrees: s.
        counts: features `[t]` that each component stands for; None: one each.
    """
    unit = normalize(components, dim=-1)
    if counts is not None:
        unit = unit * counts.float().sqrt()[:, None]
    rank = min(degrees, *unit.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        basis = torch.svd_lowrank(unit, q=min(rank + 16, *unit.shape), niter=4)[2].T[:rank]
    return torch.cat([basis, basis.new_zeros(degrees - rank, unit.shape[1])])


def lift_queries(
    gaussians: Gaussians,
    views: Sequence[View],
    store: FeatureStore,
    projection: Tensor,
    temperature: float = 0.05,
) -> PrincipalQueries:
    """Closed-form queries: every Gaussian gets the mean of what the pixels it colours show."""
    height, width, _ = store.read(0).shape
    k = pixels_a_cell((width, height))
    placed = [view.at(k * width, k * height) for view in views]
    maps = (spread(store.read_unit(index)[0] @ projection.T, k) for index in range(len(views)))
    valid = (spread(store.read_unit(index)[1], k) for index in range(len(views)))
    stacked = torch.stack([v for v, _ in placed]), torch.stack([K for _, K in placed])
    queries, weight = lift(gaussians, stacked, maps, valid)
    seen = weight > 1e-3 * k**2
    reliability = torch.where(seen, queries.norm(dim=-1), 0.0).clamp(0.0, 1.0)
    queries = torch.where(seen[:, None], queries, 0.0)
    return PrincipalQueries(queries, projection, reliability, torch.tensor(temperature))


def pixels_a_cell(size: tuple[int, int]) -> int:
    """Along each side, for a feature map of size (width, height)."""
    return max(1, round(PIXELS / max(size)))


def spread(cells: Tensor, k: int) -> Tensor:
    """Pixels `[k h, k w, ...]` with what their cells `[h, w, ...]` hold."""
    return cells.repeat_interleave(k, 0).repeat_interleave(k, 1)


def render_queries(gaussians: Gaussians, queries: Tensor, view: View, size: tuple) -> Tensor:
    """Mean alpha-composited queries `[h, w, s]` in the cells of a map of size (width, height)."""
    k = pixels_a_cell(size)
    width, height = (k * edge for edge in size)
    viewmat, K = view.at(width, height)
    renders, _, _ = rasterization(
        *gaussians.activated(), queries, viewmat[None], K[None], width, height
    )
    return avg_pool2d(renders[0].movedim(-1, 0), k).movedim(0, -1)


def refine(
    gaussians: Gaussians,
    views: Sequence[View],
    store: FeatureStore,
    start: PrincipalQueries,
    decode: Decoder,
    steps: int,
    points: int = 2000,
    learn_decoder: bool = True,
    progress: Callable[[float], None] = lambda _: None,
    seed: int = 0,
) -> PrincipalQueries:
    """Train queries, projection and temperature: `point_loss` on random points of random views.

    What is compared with a cell is the mean of the pixels in it, as in lifting; nothing is
    interpolated. The Gaussians themselves get no gradient.

    Args:
        gaussians: N Gaussians.
        views: of the maps.
        store: the maps.
        start: where training starts.
        decode: what makes features of rendered queries.
        steps: one view each.
        points: cells of a view in one step.
        learn_decoder: False leaves projection and temperature as they are.
        progress: told the share of the steps done.
        seed: of the order of views and the choice of points.
    """
    gaussians = gaussians.detach()
    learned = {
        "queries": start.queries.clone(),
        "projection": start.projection.clone(),
        "temperature": start.temperature.log(),
    }
    rates = {name: RATES[name] * root_mean_square(learned[name]) for name in RATES}
    rates["temperature"] = RATES["temperature"]
    taught = list(learned) if learn_decoder else ["queries"]
    groups = [{"params": [learned[name].requires_grad_()], "lr": rates[name]} for name in taught]
    optimizer = torch.optim.Adam(groups, fused=True)
    falling = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / max(steps, 1))
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
        rendered = render_queries(gaussians, learned["queries"], views[index], size)
        features = decode(
            rendered.flatten(0, 1)[cells], learned["projection"], learned["temperature"].exp()
        )
        loss = point_loss(features, target.flatten(0, 1)[cells])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        falling.step()
        progress((step + 1) / steps)
    queries, projection, temperature = (value.detach() for value in learned.values())
    return PrincipalQueries(queries, projection, start.reliability, temperature.exp())


def root_mean_square(values: Tensor) -> float:
    """Of all values; at least 1e-6."""
    return float(values.square().mean().sqrt().clamp_min(1e-6))


def point_loss(features: Tensor, target: Tensor) -> Tensor:
    """1 - cosine plus the squared error relative to the target's: each 0 when equal."""
    cosine = cosine_similarity(features, target, dim=-1)
    error = (features - target).square().sum(-1) / target.square().sum(-1).clamp_min(1e-12)
    return (1.0 - cosine + error).mean()


def attention_decoder(components: Tensor) -> Decoder:
    """The paper's decoder: attention over the raw components of a bank."""
    return lambda queries, projection, temperature: gaussian_memory_attention(
        queries, projection, components, temperature
    )
