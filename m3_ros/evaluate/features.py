"""`m3 eval features`: how faithfully a memory reproduces features on views it never saw.

The paper's Tables 1, 3 and 4 in shape. All settings share one fit, one split and one lifting;
held-out views enter neither the Gaussians nor the banks nor the training; only their poses are
aligned together with the others' where `splat.refine_poses` is on. The robot's own pixels (ego
mask) are neither learned nor scored.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from m3_ros.capture.ego_mask import estimate_ego_mask
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.errors import UsageError
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.feature_store import FeatureStore, covered_cells
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import (
    Decoder,
    PrincipalQueries,
    View,
    attention_decoder,
    lift_queries,
    principal_directions,
    refine,
    render_queries,
)
from m3_ros.splat import Gaussians
from m3_ros.splat.fit import fit
from m3_ros.splat.result import held_out
from m3_ros.view.report import write_json

SETTINGS = ("ours", "lifting", "frozen_random", "distill")
SCRATCH_STEPS = 10
"""Training from a random start gets this many times the steps of training after lifting."""


@dataclass(frozen=True)
class FeatureScore:
    """One model, one setting, one number of degrees.

    Attributes:
        model: name of the foundation model.
        setting: "ours" (lifted, then trained with W and one temperature), "lifting" (not
            trained), "frozen_random" (the release: W random and fixed, queries from a random
            start, ten times the steps) or "distill" (Feature-3DGS style: a linear decoder,
            lifted and trained like ours).
        degrees: s.
        cosine_distance: mean over valid cells of held-out views.
        l2: mean length of the error relative to the feature's.
        parameters: numbers on Gaussians and in W or decoder: N s + s d.
        bytes: of those (float32) and, where attention reads one, the bank (float16).
        seconds: to make the queries, lifting included.
    """

    model: str
    setting: str
    degrees: int
    cosine_distance: float
    l2: float
    parameters: int
    bytes: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Split:
    """One model's feature maps of the training views, and of the held-out ones."""

    model: str
    train: tuple[list[View], FeatureStore]
    test: tuple[list[View], FeatureStore]
    bank: MemoryBank


def evaluate_features(
    frames: Sequence[RgbdFrame],
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    degrees: Sequence[int] = (8, 16, 32, 64),
    settings: Sequence[str] = SETTINGS,
) -> list[FeatureScore]:
    """Score every model, setting and number of degrees on the frames kept from the fit.

    Raises:
        ValueError: too few frames to keep any, or an unknown setting.
    """
    for setting in settings:
        if setting not in SETTINGS:
            raise UsageError(f"setting {setting!r} must be one of {', '.join(SETTINGS)}")
    kept = held_out(len(frames), config.splat.test_every)
    fitted_frames = [frame for index, frame in enumerate(frames) if index not in kept]
    mask = estimate_ego_mask(fitted_frames, config.ego_mask)
    frames = [apply_mask(frame, mask) for frame in frames]
    fitted = fit(frames, config.splat)
    if not fitted.test_frames:
        raise UsageError(f"{len(frames)} frames are too few to keep every n-th from the fit")
    scores = []
    for extractor in extractors:
        split = extract_split(extractor, frames, fitted.camtoworlds, fitted.test_frames, config)
        for s in degrees:
            for setting in settings:
                scores.append(_score(fitted.gaussians, split, config, setting, s))
    return scores


def extract_split(
    extractor: FeatureExtractor,
    frames: Sequence[RgbdFrame],
    camtoworlds: np.ndarray,
    test_frames: Sequence[int],
    config: M3Config,
) -> Split:
    """Feature maps of all frames, split, and the bank of the training ones."""
    bank = MemoryBank(extractor.dim, extractor.threshold, config.memory.max_components)
    train, test = ([], FeatureStore()), ([], FeatureStore())
    for index, (frame, camtoworld) in enumerate(zip(frames, camtoworlds, strict=True)):
        result = extractor.extract(frame.rgb)
        views, store = test if index in test_frames else train
        views.append(View(camtoworld, frame.K, frame.width, frame.height))
        store.append(result.features, result.valid, result.regions)
        if frame.mask is not None:
            store.restrict(len(store) - 1, covered_cells(frame.mask, store.size(len(store) - 1)))
        if index not in test_frames:
            bank.add(store.read(len(store) - 1).flatten(0, 1), index)
    return Split(extractor.name, train, test, bank)


def _score(
    gaussians: Gaussians, split: Split, config: M3Config, setting: str, degrees: int
) -> FeatureScore:
    start = time.perf_counter()
    queries, decode = make_queries(gaussians, split, config, setting, degrees)
    seconds = time.perf_counter() - start
    distance, l2 = held_out_errors(gaussians, split, queries, decode)
    parameters, stored = size_of(queries, split, setting)
    return FeatureScore(split.model, setting, degrees, distance, l2, parameters, stored, seconds)


def size_of(queries: PrincipalQueries, split: Split, setting: str) -> tuple[int, int]:
    """Return the parameters and bytes of a setting, as `FeatureScore` counts them."""
    parameters = queries.queries.numel() + queries.projection.numel()
    return parameters, 4 * parameters + (0 if setting == "distill" else split.bank.size_bytes)


def make_queries(
    gaussians: Gaussians, split: Split, config: M3Config, setting: str, degrees: int
) -> tuple[PrincipalQueries, Decoder]:
    """Queries and decoder of one setting."""
    components, memory = split.bank.components, config.memory
    decode = linear_decoder
    if setting != "distill":
        decode = attention_decoder(components)
    projection = principal_directions(components, degrees, split.bank.counts)
    start = lift_queries(gaussians, *split.train, projection, memory.temperature)
    steps, learn_decoder = memory.refine_steps, True
    if setting == "lifting":
        return start, decode
    if setting == "frozen_random":
        generator = torch.Generator().manual_seed(0)
        queries = 0.1 * torch.randn(len(gaussians), degrees, generator=generator)
        random = torch.randn(degrees, components.shape[1], generator=generator)
        start = replace(start, queries=queries, projection=random)
        steps, learn_decoder = SCRATCH_STEPS * steps, False
    train = (gaussians, *split.train, start, decode, steps, memory.refine_points)
    return refine(*train, learn_decoder=learn_decoder), decode


def linear_decoder(queries: Tensor, projection: Tensor, _: Tensor) -> Tensor:
    """Feature-3DGS's decoder: low-dimensional features times a learned matrix."""
    return queries @ projection


def held_out_errors(
    gaussians: Gaussians, split: Split, queries: PrincipalQueries, decode: Decoder
) -> tuple[float, float]:
    """Return mean cosine distance and mean relative L2 error in held-out views' valid cells."""
    views, store = split.test
    cosine, l2 = [], []
    for index, view in enumerate(views):
        target = store.read(index)
        valid = torch.isfinite(target).all(-1) & (target.abs().amax(-1) > 0)
        size = (target.shape[1], target.shape[0])
        with torch.no_grad():
            rendered = render_queries(gaussians, queries.queries, view, size)
            features = decode(rendered[valid], queries.projection, queries.temperature)
        truth = target[valid]
        cosine.append(1.0 - torch.cosine_similarity(features, truth, dim=-1))
        l2.append((features - truth).norm(dim=-1) / truth.norm(dim=-1))
    return float(torch.cat(cosine).mean()), float(torch.cat(l2).mean())


def run(
    scan: Path,
    config: M3Config,
    extractors: Sequence[FeatureExtractor],
    degrees: Sequence[int] = (8, 16, 32, 64),
    json_path: Path | None = None,
) -> list[FeatureScore]:
    """Evaluate a scan folder, print the table, write the JSON if a path is given."""
    opened = Scan.open(scan)
    scores = evaluate_features(list(opened), config, extractors, degrees)
    table = Table(title=f"Features on held-out views of {scan} ({len(opened)} frames)")
    for name in ("model", "degrees", "setting", "cosine distance", "L2", "parameters", "MB", "s"):
        table.add_column(name, no_wrap=True, justify="right")
    for score in scores:
        table.add_row(
            score.model,
            str(score.degrees),
            score.setting,
            f"{score.cosine_distance:.4f}",
            f"{score.l2:.4f}",
            f"{score.parameters:,}",
            f"{score.bytes / 1e6:.1f}",
            f"{score.seconds:.1f}",
        )
    Console(width=110).print(table)
    if json_path is not None:
        write_json(json_path, {"scan": str(scan), "scores": [asdict(score) for score in scores]})
    return scores
