"""Cache of features on disk, by image and model."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from m3_ros.errors import DataError
from m3_ros.features.extractor import FeatureExtractor, FeatureMap
from m3_ros.types import Image

FOLDER = "features"
"""Subfolder of a scan folder."""


class CachedExtractor:
    """An extractor that reads features from disk where they are there.

    A map is one file `FOLDER/NAME-DIGEST/IMAGE.safetensors`: the distinct features "rows
    [r, d]" (float16, as a memory keeps them while it is built) and each cell's row "index
    [h, w]". A file is written beside its place and renamed. What `extract` returns has gone
    through float16 whether it was there or not.

    Args:
        extractor: the model.
        folder: where the features of all models are; made when needed.
    """

    def __init__(self, extractor: FeatureExtractor, folder: str | Path) -> None:
        self.name, self.dim, self.digest = extractor.name, extractor.dim, extractor.digest
        self.degrees, self.threshold = extractor.degrees, extractor.threshold
        self.folder = Path(folder) / f"{extractor.name}-{extractor.digest[:16]}"
        self._extractor = extractor

    def extract(self, rgb: Image) -> FeatureMap:
        """Return features of an image `[H, W, 3]`; read from disk, or extracted and written."""
        return self.extract_batch([rgb])[0]

    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return features of images of one size; those not on disk are one batch of the model."""
        absent = [image for image in images if not self._path(image).is_file()]
        if absent:
            self.folder.mkdir(parents=True, exist_ok=True)
            for image, found in zip(absent, self._extractor.extract_batch(absent), strict=True):
                _write(self._path(image), found)
        return [_read(self._path(image)) for image in images]

    def has(self, rgb: Image) -> bool:
        """Return whether the features of an image `[H, W, 3]` are on disk."""
        return self._path(rgb).is_file()

    def _path(self, rgb: Image) -> Path:
        digest = hashlib.sha256(str(rgb.shape).encode() + np.ascontiguousarray(rgb).data)
        return self.folder / f"{digest.hexdigest()}.safetensors"


def _write(path: Path, found: FeatureMap) -> None:
    rows, index = found.as_rows()
    limit = np.finfo(np.float16).max
    arrays = {"rows": np.clip(rows, -limit, limit).astype(np.float16), "index": index}
    if found.summary is not None:
        arrays["summary"] = np.clip(found.summary, -limit, limit).astype(np.float16)
    metadata = {"rows": "regions" if found.regions is not None else "cells"}
    if found.captions is not None:
        shown = np.unique(found.regions[found.valid])  # the order of the rows
        metadata["captions"] = json.dumps([found.captions[number] for number in shown])
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(arrays, temporary, metadata=metadata)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> FeatureMap:
    try:
        with safe_open(path, "numpy") as file:
            rows, index = file.get_tensor("rows"), file.get_tensor("index")
            summary = file.get_tensor("summary") if "summary" in file.keys() else None  # noqa: SIM118
            metadata = file.metadata()
            captions = json.loads(metadata["captions"]) if "captions" in metadata else None
        found = FeatureMap.of_rows(
            rows.astype(np.float32),
            index,
            metadata["rows"] == "regions",
            None if captions is None else tuple(captions),
        )
        return found if summary is None else replace(found, summary=summary.astype(np.float32))
    except (SafetensorError, KeyError, IndexError, TypeError, json.JSONDecodeError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it to have it made again") from error


def beside(scan: str | Path, extractor: FeatureExtractor) -> FeatureExtractor:
    """Return the extractor, cached where `m3 features` has left features in the scan folder."""
    cached = CachedExtractor(extractor, Path(scan) / FOLDER)
    return cached if cached.folder.is_dir() else extractor


def fill(
    cached: CachedExtractor,
    images: Iterable[Image],
    batch: int,
    progress: Callable[[int], None],
) -> None:
    """Extract the features of images `[H, W, 3]` that are not on disk yet.

    Args:
        cached: the model.
        images: of any sizes.
        batch: images of one size that go through the model at once, at most.
        progress: told how many more images are done.

    Raises:
        ValueError: batch < 1.
    """
    if batch < 1:
        raise DataError(f"batch = {batch}: it must be at least 1")
    waiting: list[Image] = []
    for image in images:
        if waiting and (len(waiting) == batch or waiting[0].shape != image.shape):
            cached.extract_batch(waiting)
            progress(len(waiting))
            waiting = []
        if cached.has(image):
            progress(1)
        else:
            waiting.append(image)
    if waiting:
        cached.extract_batch(waiting)
        progress(len(waiting))
