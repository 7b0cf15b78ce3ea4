"""`m3 eval retrieval`: which region a caption names among all, and the other way round.

The right half of the paper's Table 2: recall at 1, 5 and 10. All views of a table show the same
objects, so regions are retrieved instead of images: of every caption in every folder the largest
region in a held-out view. Equal captions are equally right.
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
from m3_ros.view.report import write_json

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class RetrievalScore:
    """One row of the table.

    Attributes:
        setting: "2D features" or one of the settings of `m3 eval features`.
        regions: number of regions, each with its caption.
        image_to_text: share of regions with a right caption among the first 1, 5, 10.
        text_to_image: share of captions with a right region among the first 1, 5, 10.
    """

    setting: str
    regions: int
    image_to_text: tuple[float, ...]
    text_to_image: tuple[float, ...]


def largest_regions(regions: Sequence[Region], frames: Sequence[int]) -> list[Region]:
    """Return for every caption its largest region in one of the frames."""
    best: dict[str, Region] = {}
    for region in regions:
        known = best.get(region.caption)
        if region.frame in frames and (not known or region.mask.sum() > known.mask.sum()):
            best[region.caption] = region
    return list(best.values())


def region_feature(features: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the unit mean feature `[d]` of the cells `[h, w, d]` that a mask `[H, W]` covers."""
    size = features.shape[1::-1]
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    mean = np.tensordot(share, features, 2)
    return mean / max(float(np.linalg.norm(mean)), 1e-12)


def recalls(similarity: NDArray[np.float32], right: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the share of rows of `similarity [n, m]` with a `right [n, m]` one in the first k."""
    order = np.argsort(-similarity, axis=1, kind="stable")
    hits = np.take_along_axis(right, order, axis=1)
    return tuple(float(hits[:, :rank].any(1).mean()) for rank in RANKS)


def score(
    setting: str,
    rows: Sequence[NDArray[np.float32]],
    captions: Sequence[str],
    extractor: LanguageExtractor,
) -> RetrievalScore:
    """Return the recalls of regions with features `rows` and of their captions."""
    right = np.array(captions)[:, None] == np.array(captions)
    similarity = np.stack(rows) @ extractor.encode_text(list(captions)).T
    return RetrievalScore(
        setting, len(rows), recalls(similarity, right), recalls(similarity.T, right)
    )


def run(
    folders: Sequence[Path],
    config: M3Config,
    extractor: LanguageExtractor,
    settings: Sequence[str] = SETTINGS,
    json_path: Path | None = None,
) -> list[RetrievalScore]:
    """Retrieve, print the table, write the JSON if a path is given; arguments as `grounding.run`.

    Raises:
        ValueError: a folder is not as it should be, or no held-out frame has a region.
    """
    found: dict[str, list[NDArray[np.float32]]] = {}
    captions: list[str] = []
    for folder in folders:
        regions = read_regions(folder)
        for setting, features in remembered_features(folder, config, extractor, settings):
            chosen = largest_regions(regions, list(features))
            rows = [region_feature(features[region.frame], region.mask) for region in chosen]
            found.setdefault(setting, []).extend(rows)
        captions += [region.caption for region in chosen]
    if not captions:
        raise DataError("no frame that was kept from the fit has a caption")
    scores = [score(setting, rows, captions, extractor) for setting, rows in found.items()]
    names = [f"{way}@{rank}" for way in ("I2T", "T2I") for rank in RANKS]
    table = Table("setting", *names, title=f"{len(captions)} regions and captions")
    for row in scores:
        shares = (*row.image_to_text, *row.text_to_image)
        table.add_row(row.setting, *(f"{100 * share:.1f}" for share in shares))
    Console(width=100).print(table)
    if json_path is not None:
        write_json(json_path, {"scores": [asdict(row) for row in scores]})
    return scores
