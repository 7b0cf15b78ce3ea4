"""Principal queries: s numbers on every Gaussian that attend to the memory bank.

They start from lifting (closed form: the alpha-weighted mean of the feature maps, projected onto
the bank's leading directions). Together with the projection W and the attention's temperature they
are then refined by the paper's loss on random cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, cosine_similarity, normalize

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import MemoryConfig
from m3_ros.geometry import inverse, scale_intrinsics
from m3_ros.memory.attention import gaussian_memory_attention
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.splat import Gaussians, rasterization
from m3_ros.splat.lift import lift
from m3_ros.types import Array, Progress, no_progress

Decoder = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From rendered queries `[..., s]`, projection `[s, d]` and temperature to features `[..., d]`."""

MAP_WIDTH = 160
"""Pixels, about, along the longer side of the images in which Gaussians meet features.

A cell of a feature map is larger than most Gaussians. The rasterizer adds 0.3 px^2 to a projected
covariance, a deviation of 0.55 px: 2.6 mm at 160 px (D405, at 0.45 m), about that of a Gaussian of
the default voxel (2.1 mm), whereas at one pixel a cell each would spread over its neighbours.
"""
MIN_WEIGHT = 1e-3
"""Cells, least blending weight of a Gaussian that counts as seen: about what one pixel adds at the
rasterizer's least alpha, 1/255, where a cell has 2 x 2 pixels."""
OVERSAMPLING, POWER_ITERATIONS = 16, 4
"""Of the randomized SVD; Halko, Martinsson, Tropp (SIAM Review 2011) advise 5 to 10 and 1 or 2."""


@dataclass(frozen=True, eq=False)
class View:
    """Pose, intrinsics and source of a keyframe's image.

    Attributes:
        camtoworld: `[4, 4]`, in the memory's frame.
        K: Intrinsics `[3, 3]`, px.
        width: Of the image, px.
        height: Of the image, px.
        name: Name of the image's file, "" if unknown.
        stamp: Time of exposure, s.
    """

    camtoworld: Array
    K: Array
    width: int
    height: int
    name: str = ""
    stamp: float = 0.0

    @classmethod
    def of(cls, frame: RgbdFrame, camtoworld: Array) -> View:
        """Return the view of a frame from a refined pose."""
        size = frame.width, frame.height
        return cls(camtoworld, frame.K, *size, frame.name, frame.stamp)

    def at(self, width: int, height: int) -> tuple[Tensor, Tensor]:
        """Return `viewmat [4, 4]` and `K [3, 3]` (float32) for another image size."""
        K = scale_intrinsics(self.K, width / self.width, height / self.height)
        viewmat = inverse(self.camtoworld)
        return torch.from_numpy(viewmat).float(), torch.from_numpy(K).float()


@dataclass(frozen=True, eq=False)
class PrincipalQueries:
    """Principal queries of one foundation model, with their projection.

    Attributes:
        queries: `[N, s]`.
        projection: W `[s, d]`.
        reliability: `[N]` in 0..1, agreement of the views about a Gaussian; 0: not seen.
        temperature: Of the attention, `[]`.
    """

    queries: Tensor
    projection: Tensor
    reliability: Tensor
    temperature: Tensor


def principal_directions(components: Tensor, degrees: int, counts: Tensor | None = None) -> Tensor:
    """Return orthonormal leading directions `[degrees, d]` of the unit components `[t, d]`.

    Not centred, so that cosines survive the projection; zero rows where t or d is too small.

    Args:
        components: Of a bank, `[t, d]`.
        degrees: s, the number of directions.
        counts: Features `[t]` that each component represents; None: one each.
    """
    unit = normalize(components, dim=-1)
    if counts is not None:
        unit = unit * counts.float().sqrt()[:, None]
    rank = min(degrees, *unit.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        q = min(rank + OVERSAMPLING, *unit.shape)
        basis = torch.svd_lowrank(unit, q=q, niter=POWER_ITERATIONS)[2].T[:rank]
    return torch.cat([basis, basis.new_zeros(degrees - rank, unit.shape[1])])


def lift_queries(
    gaussians: Gaussians,
    views: Sequence[View],
    store: FeatureStore,
    projection: Tensor,
    temperature: float = 0.05,
) -> PrincipalQueries:
    """Return closed-form queries: each Gaussian's weighted mean over the pixels that it covers."""
    width, height = store.size(0)
    k = pixels_per_cell((width, height))
    cameras = [view.at(k * width, k * height) for view in views]
    device = gaussians.means.device
    maps = (upsample(store.read_unit(i, device)[0] @ projection.T, k) for i in range(len(views)))
    valid = (upsample(store.read_unit(i, device)[1], k) for i in range(len(views)))
    stacked = torch.stack([v for v, _ in cameras]), torch.stack([K for _, K in cameras])
    queries, weight = lift(gaussians, stacked, maps, valid)
    seen = weight > MIN_WEIGHT * k**2
    reliability = torch.where(seen, queries.norm(dim=-1), 0.0).clamp(0.0, 1.0)
    queries = torch.where(seen[:, None], queries, 0.0)
    return PrincipalQueries(queries, projection, reliability, queries.new_full((), temperature))


def pixels_per_cell(size: tuple[int, int]) -> int:
    """Return the pixels along a cell's side, for a feature map of size (width, height)."""
    return max(1, round(MAP_WIDTH / max(size)))


def upsample(cells: Tensor, k: int) -> Tensor:
    """Return pixels `[k h, k w, ...]` with the values of their cells `[h, w, ...]`."""
    return cells.repeat_interleave(k, 0).repeat_interleave(k, 1)


def render_queries(gaussians: Gaussians, queries: Tensor, view: View, size: tuple) -> Tensor:
    """Return mean alpha-composited queries `[h, w, s]` in the cells of a map of `size` (w, h)."""
    k = pixels_per_cell(size)
    width, height = (k * edge for edge in size)
    viewmat, K = (x.to(gaussians.means) for x in view.at(width, height))
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
    progress: Progress = no_progress,
    stage: str = "refine",
    rates: Sequence[float] = MemoryConfig().refine_rates,
    seed: int = 0,
) -> PrincipalQueries:
    """Train queries, projection and temperature with `point_loss` on random cells of random views.

    The mean over the pixels of a cell is compared with its feature, as in lifting. The Gaussians
    get no gradient.

    Args:
        gaussians: N Gaussians.
        views: Views of the maps.
        store: Feature maps.
        start: Queries to start from.
        decode: Makes features of rendered queries.
        steps: Training steps, one view each.
        points: Cells of a view in one step.
        learn_decoder: False keeps projection and temperature.
        progress: Called with `stage` and the share of the steps done.
        stage: Name of the stage.
        rates: Adam's first rates of queries and projection, relative to the root mean square of
            their values, and of the logarithm of the temperature. They fall linearly to zero.
        seed: Of the order of views and the choice of cells.
    """
    gaussians = gaussians.detach()
    learned = {
        "queries": start.queries.clone(),
        "projection": start.projection.clone(),
        "temperature": start.temperature.log(),
    }
    scales = root_mean_square(learned["queries"]), root_mean_square(learned["projection"]), 1.0
    trained = list(learned) if learn_decoder else ["queries"]
    groups = [
        {"params": [learned[name].requires_grad_()], "lr": rate * scale}
        for name, rate, scale in zip(trained, rates, scales, strict=False)
    ]
    optimizer = torch.optim.Adam(groups, fused=True)
    decay = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - step / max(steps, 1))
    generator = torch.Generator().manual_seed(seed)
    order: list[int] = []
    for step in range(steps):
        order = order or torch.randperm(len(views), generator=generator).tolist()
        index = order.pop()
        target = store.read(index, gaussians.means.device)
        cells = torch.nonzero(torch.isfinite(target).all(-1).flatten())[:, 0]
        if not len(cells):
            continue
        cells = cells[torch.randperm(len(cells), generator=generator)[:points].to(cells.device)]
        size = (target.shape[1], target.shape[0])
        rendered = render_queries(gaussians, learned["queries"], views[index], size)
        features = decode(
            rendered.flatten(0, 1)[cells], learned["projection"], learned["temperature"].exp()
        )
        loss = point_loss(features, target.flatten(0, 1)[cells])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay.step()
        progress(stage, (step + 1) / steps)
    queries, projection, temperature = (value.detach() for value in learned.values())
    return PrincipalQueries(queries, projection, start.reliability, temperature.exp())


def root_mean_square(values: Tensor) -> float:
    """Return the root mean square of all values, at least 1e-6."""
    return float(values.square().mean().sqrt().clamp_min(1e-6))


def point_loss(features: Tensor, target: Tensor) -> Tensor:
    """Return the mean of 1 - cosine + squared error / squared target: 0 for equal features.

    The loss of the M3 paper, with the squared error relative so that the scale of a model's
    features does not matter.
    """
    cosine = cosine_similarity(features, target, dim=-1)
    error = (features - target).square().sum(-1) / target.square().sum(-1).clamp_min(1e-12)
    return (1.0 - cosine + error).mean()


def attention_decoder(components: Tensor) -> Decoder:
    """Return the paper's decoder: attention over the raw components of a bank."""
    return lambda queries, projection, temperature: gaussian_memory_attention(
        queries, projection, components, temperature
    )
