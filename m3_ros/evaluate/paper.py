"""`m3 eval paper`: the tables of the M3 paper (arXiv 2503.16413, Tables 1, 2 and 4) over scenes.

For every scene and model one fit, one split and one bank, and four rows: ours; the release's
setting (projection random and fixed, queries from a random start); distillation (Feature-3DGS
style: a linear decoder); the model's raw features of each picture, without any memory. The first
two have equal bytes, so that their cells compare.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate import grounding, retrieval
from m3_ros.evaluate.captions import Region
from m3_ros.evaluate.feature_maps import picture_maps, rendered_maps
from m3_ros.evaluate.features import (
    Split,
    extract_split,
    held_out_errors,
    make_queries,
    size_of,
)
from m3_ros.evaluate.paper_scenes import Scene, masked_frames
from m3_ros.evaluate.perceptual import perceptual_distance
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.splat.fit import begin
from m3_ros.splat.gaussians import Gaussians
from m3_ros.splat.held_out import HeldOutScores

ROWS = {"ours": "ours", "release": "frozen_random", "distillation": "distill"}
"""Rows of a table and the settings of `m3_ros.evaluate.features` that they are."""
RAW = "raw features"


@dataclass(frozen=True)
class PaperRow:
    """One row; what a scene or a model does not have is None.

    Attributes:
        scene: name of the scene.
        model: name of the foundation model.
        row: a key of `ROWS`, or `RAW`.
        cosine_distance: mean over the cells of held-out views; of raw features 0 by definition.
        l2: mean length of the error relative to the feature's.
        psnr_db: of held-out views as they are, dB; all rows share the Gaussians.
        ssim: likewise.
        lpips: likewise, where the package lpips is installed.
        minutes: fit, extraction and queries; of raw features the extraction.
        parameters: numbers of the Gaussians, their queries, and projection or decoder.
        bytes: of the features' part: queries and projection (float32), bank (float16); of raw
            features all maps (float16).
        mean_iou, cumulative_iou, ap50: grounding, shares.
        image_to_text, text_to_image: recall at 1, 5 and 10.
    """

    scene: str
    model: str
    row: str
    cosine_distance: float
    l2: float
    psnr_db: float | None
    ssim: float | None
    lpips: float | None
    minutes: float
    parameters: int
    bytes: int
    mean_iou: float | None = None
    cumulative_iou: float | None = None
    ap50: float | None = None
    image_to_text: tuple[float, ...] | None = None
    text_to_image: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class FittedScene:
    """A scene's fit, which all models share.

    Attributes:
        name: of the scene.
        frames: all of them.
        regions: with captions.
        gaussians: of the fit.
        camtoworlds: refined poses `[n, 4, 4]`.
        kept: indices of the held-out frames.
        scores: of the held-out frames.
        lpips: of them; None without the package.
        minutes: of the fit.
    """

    name: str
    frames: list[RgbdFrame]
    regions: list[Region]
    gaussians: Gaussians
    camtoworlds: np.ndarray
    kept: tuple[int, ...]
    scores: HeldOutScores
    lpips: float | None
    minutes: float


def fit_scene(scene: Scene, scan: Scan, config: M3Config) -> FittedScene:
    """Fit the Gaussians of a scene and score its held-out frames.

    Raises:
        DataError: it has too few frames to hold any out.
    """
    frames = masked_frames(scan, config)
    points = None if any(frame.depth.any() for frame in frames) else scan.points
    start = time.perf_counter()
    fitter, unit = begin(frames, config.splat, config.features.device, points)
    fitter.run()
    fitted = fitter.result().scaled(unit)
    minutes = (time.perf_counter() - start) / 60
    if not fitted.test_frames:
        raise DataError(f"{scene.name}: {len(frames)} frames are too few to hold any out")
    return FittedScene(
        *(scene.name, frames, scene.regions(frames), fitted.gaussians, fitted.camtoworlds),
        *(tuple(sorted(fitted.test_frames)), fitter.scores().scaled(unit)),
        perceptual_distance(fitted, frames),
        minutes,
    )


def model_rows(
    scene: FittedScene, extractor: FeatureExtractor, config: M3Config
) -> list[PaperRow]:
    """Return the rows of a model in a scene."""
    start = time.perf_counter()
    parts = scene.frames, scene.camtoworlds, scene.kept, config
    split = extract_split(extractor, *parts)
    extraction = (time.perf_counter() - start) / 60
    own = sum(tensor.numel() for tensor in vars(scene.gaussians).values())
    view = scene.scores.as_is
    shared = view.psnr_db, view.ssim, scene.lpips
    rows = []
    for name, setting in ROWS.items():
        start = time.perf_counter()
        queries, decode = make_queries(scene.gaussians, split, config, setting, extractor.degrees)
        minutes = scene.minutes + extraction + (time.perf_counter() - start) / 60
        errors = held_out_errors(scene.gaussians, split, queries, decode)
        parameters, stored = size_of(queries, split, setting)
        maps = rendered_maps(scene.gaussians, split, queries, decode)
        rows.append(
            PaperRow(
                *(scene.name, extractor.name, name, *errors, *shared, minutes),
                *(own + parameters, stored),
                **_texts(scene, extractor, config, maps),
            )
        )
    maps = picture_maps(split)
    rows.append(
        PaperRow(
            *(scene.name, extractor.name, RAW, 0.0, 0.0, None, None, None, extraction, 0),
            _raw_bytes(split),
            **_texts(scene, extractor, config, maps),
        )
    )
    return rows


def _raw_bytes(split: Split) -> int:
    """Return the bytes of all feature maps in float16."""
    stores = (split.train[1], split.test[1])
    return sum(
        2 * split.bank.dim * int(np.prod(store.size(row)))
        for store in stores
        for row in range(len(store))
    )


def _texts(
    scene: FittedScene,
    extractor: FeatureExtractor,
    config: M3Config,
    maps: Sequence[np.ndarray],
) -> dict:
    """Return the columns of grounding and retrieval of the maps of the held-out views."""
    regions = [region for region in scene.regions if region.frame in scene.kept]
    if not regions or not hasattr(extractor, "encode_text"):
        return {}
    features = dict(zip(scene.kept, maps, strict=True))
    found = grounding.score("", grounding.overlaps(regions, features, extractor, config))
    chosen = retrieval.largest_regions(regions, scene.kept)
    rows = [retrieval.region_feature(features[each.frame], each.mask) for each in chosen]
    ranks = retrieval.score("", rows, [each.caption for each in chosen], extractor)
    return {
        "mean_iou": found.mean_iou,
        "cumulative_iou": found.cumulative_iou,
        "ap50": found.ap50,
        "image_to_text": ranks.image_to_text,
        "text_to_image": ranks.text_to_image,
    }
