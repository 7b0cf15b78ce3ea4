"""`m3 eval grounding`: which pixels a caption names, on views that the memory never saw.

The left half of the paper's Table 2: mean IoU, cumulative IoU (all intersections over all unions)
and AP50, AP60 (share of captions with an IoU of at least 0.5, 0.6). A caption's score map is
cut by Otsu's threshold, as in the paper; the rows share fit, views and threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate.captions import (
    SETTINGS,
    Region,
    read_regions,
    remembered_features,
)
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.query.request import parse_request
from m3_ros.query.score import text_query
from m3_ros.view.report import write_json


@dataclass(frozen=True)
class GroundingScore:
    """One row of the table; shares in 0..1.

    Attributes:
        setting: "2D features" or one of the settings of `m3 eval features`.
        captions: number of regions.
        mean_iou: mean over captions.
        cumulative_iou: all intersections over all unions.
        ap50, ap60: share of captions with at least that IoU.
    """

    setting: str
    captions: int
    mean_iou: float
    cumulative_iou: float
    ap50: float
    ap60: float


def otsu_mask(scores: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels `[H, W]` of a score map `[h, w]` above Otsu's threshold."""
    large = cv2.resize(scores, shape[::-1], interpolation=cv2.INTER_LINEAR)
    scaled = cv2.normalize(large, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    _, mask = cv2.threshold(scaled, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    return mask > 0


def overlaps(
    regions: Sequence[Region],
    features: dict[int, NDArray[np.float32]],
    extractor: LanguageExtractor,
    config: M3Config,
) -> NDArray[np.int64]:
    """Return intersection and union `[n, 2]` (px) of each region of the frames in `features`."""
    counts = []
    for region in regions:
        if region.frame not in features:
            continue
        query = text_query(
            extractor, parse_request(region.caption, config.query.max_query_length).noun
        )
        scores = query.score(features[region.frame])
        found = otsu_mask(scores.astype(np.float32), region.mask.shape)
        counts.append([(found & region.mask).sum(), (found | region.mask).sum()])
    return np.array(counts, np.int64).reshape(-1, 2)


def score(setting: str, counts: NDArray[np.int64]) -> GroundingScore:
    """Return the metrics of intersections and unions `[n, 2]`."""
    iou = counts[:, 0] / np.maximum(counts[:, 1], 1)
    total = counts.sum(0)
    shares = (iou.mean(), total[0] / max(total[1], 1), (iou >= 0.5).mean(), (iou >= 0.6).mean())
    return GroundingScore(setting, len(iou), *(float(share) for share in shares))


def run(
    folders: Sequence[Path],
    config: M3Config,
    extractor: LanguageExtractor,
    settings: Sequence[str] = SETTINGS,
    json_path: Path | None = None,
) -> list[GroundingScore]:
    """Ground all captions, print the table, write the JSON if a path is given.

    Args:
        folders: captioned folders.
        config: settings of the fit and the memory.
        extractor: its features and texts.
        settings: rows besides the 2D features.
        json_path: file for the figures.

    Raises:
        ValueError: a folder is not as it should be, or no held-out frame has a region.
    """
    counts: dict[str, list[NDArray[np.int64]]] = {}
    for folder in folders:
        regions = read_regions(folder)
        for setting, features in remembered_features(folder, config, extractor, settings):
            found = overlaps(regions, features, extractor, config)
            counts.setdefault(setting, []).append(found)
    rows = [score(setting, np.concatenate(parts)) for setting, parts in counts.items()]
    if not rows or not rows[0].captions:
        raise DataError("no frame that was kept from the fit has a caption")
    table = Table("setting", "mIoU", "cIoU", "AP50", "AP60", title=f"{rows[0].captions} captions")
    for row in rows:
        shares = (row.mean_iou, row.cumulative_iou, row.ap50, row.ap60)
        table.add_row(row.setting, *(f"{100 * share:.1f}" for share in shares))
    Console(width=90).print(table)
    if json_path is not None:
        write_json(json_path, {"scores": [asdict(row) for row in rows]})
    return rows
