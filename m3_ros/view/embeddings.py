"""`m3 eval embeddings`: a model's raw features and its bank as maps in two dimensions.

As Figs. 3 and 4 of the M3 paper (arXiv 2503.16413): each point is a feature, its colour says from
which picture it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from m3_ros.capture.scan import Scan
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.types import Array, Image
from m3_ros.view.pictures import contact_sheet, evenly

Method = Literal["pca", "umap"]
SIDE, MARGIN = 640, 16
"""Of a map and of its empty border, px."""
CELLS = 200
"""Most cells of a picture that are drawn: 80 pictures are 16 000 points, one in 25 pixels."""


def raw_features(
    scan: Scan, extractor: FeatureExtractor, pictures: Sequence[int], seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return features `[n, d]` of at most `CELLS` cells a picture, and their pictures `[n]`.

    Args:
        scan: of the pictures.
        extractor: model.
        pictures: indices in the scan.
        seed: of the choice of cells.
    """
    rng, rows, frames = np.random.default_rng(seed), [], []
    for index in pictures:
        found = extractor.extract(scan[index].rgb)
        cells = found.features[found.valid]
        cells = cells[rng.permutation(len(cells))[:CELLS]]
        rows.append(cells)
        frames.append(np.full(len(cells), index))
    return np.concatenate(rows), np.concatenate(frames)


def flatten(
    raw: NDArray[np.float32], bank: NDArray[np.float32], method: Method = "pca"
) -> tuple[Array, Array]:
    """Return features `[n, d]` and `[t, d]` in two dimensions; the map is fitted to the former.

    Args:
        raw: the model's features.
        bank: principal scene components.
        method: PCA of the unit vectors, or UMAP of their cosines.

    Raises:
        ImportError: UMAP without the package umap-learn.
    """
    raw, bank = (normalize(torch.from_numpy(rows), dim=-1).numpy() for rows in (raw, bank))
    if method == "umap":
        try:
            umap = import_module("umap")  # a choice of the user's, not a dependency
        except ImportError as error:
            remedy = "`--method umap` needs the package umap-learn: pip install umap-learn"
            raise ImportError(remedy) from error
        reducer = umap.UMAP(n_components=2, metric="cosine", random_state=0)
        return reducer.fit_transform(raw), reducer.transform(bank)
    mean = raw.mean(0)
    _, directions = np.linalg.eigh(np.cov(raw.T))
    axes = directions[:, :-3:-1]
    return (raw - mean) @ axes, (bank - mean) @ axes


def draw_maps(maps: list[tuple[str, Array, NDArray[np.int64]]], pictures: int) -> Image:
    """Return maps side by side, on common axes, coloured from the first picture to the last.

    Args:
        maps: title, places `[n, 2]` and pictures `[n]` of each.
        pictures: number of pictures.
    """
    places = np.concatenate([each for _, each, _ in maps])
    low, high = places.min(0), places.max(0)
    colors = cv2.applyColorMap(np.arange(256, dtype=np.uint8)[:, None], cv2.COLORMAP_TURBO)
    panels = []
    for _, points, frames in maps:
        panel = np.full((SIDE, SIDE, 3), 255, np.uint8)
        pixels = MARGIN + (points - low) / np.maximum(high - low, 1e-9) * (SIDE - 1 - 2 * MARGIN)
        shades = colors[frames * 255 // max(pictures - 1, 1), 0, ::-1]
        for place, shade in zip(
            np.rint(pixels).astype(int).tolist(), shades.tolist(), strict=True
        ):
            cv2.circle(panel, place, 2, shade, -1, cv2.LINE_AA)
        panels.append(panel)
    titles = [title for title, _, _ in maps]
    return contact_sheet(panels, len(panels), SIDE, column_titles=titles)


def embeddings_picture(
    memory: SpatialMemory,
    scan: Scan,
    extractor: FeatureExtractor,
    method: Method = "pca",
    most: int | None = None,
) -> Image:
    """Return the maps of a model's raw features in a scan, and of its bank in the memory of it.

    Args:
        memory: with the bank.
        scan: that it was built from.
        extractor: the model.
        method: as of `flatten`.
        most: pictures whose raw features are drawn, evenly chosen; all unless given.

    Raises:
        DataError: The memory lacks the model, or was built with other weights of it.
    """
    model = memory.model_of(extractor)
    bank = model.bank
    pictures = range(len(scan)) if most is None else evenly(range(len(scan)), most)
    raw, frames = raw_features(scan, extractor, pictures)
    raw_places, bank_places = flatten(raw, bank.components.numpy(), method)
    name = extractor.name
    return draw_maps(
        [
            (f"{name}: {len(raw)} raw features ({method})", raw_places, frames),
            (f"{name}: bank of {len(bank)}", bank_places, bank.origins[:, 0].numpy()),
        ],
        max(len(scan), memory.frames),
    )
