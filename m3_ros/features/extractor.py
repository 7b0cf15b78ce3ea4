"""Interface of the foundation models: dense features of images, features of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.picture_file import MIN_SIDE
from m3_ros.types import Image, Mask


@dataclass(frozen=True)
class FeatureMap:
    """Dense features of one image.

    Attributes:
        features: `[h, w, d]` float32. Cell (i, j) stands for image rows i*H/h..(i+1)*H/h and
            columns j*W/w..(j+1)*W/w: the map always covers the full image.
        valid: `[h, w]` bool, False where the model gives no feature.
        regions: `[h, w]` int32, the region that a cell belongs to, -1 = none; all cells of a
            region have one feature. None where every cell has a feature of its own.
        captions: words that the feature of each region stands for, by its number in `regions`.
        summary: `[g, d]` features of the whole picture that the model has besides those of cells.
    """

    features: NDArray[np.float32]
    valid: Mask
    regions: NDArray[np.int32] | None = None
    captions: tuple[str, ...] | None = None
    summary: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.features.ndim != 3 or self.features.dtype != np.float32:
            raise ValueError(
                f"features are {self.features.dtype} {self.features.shape}; "
                "float32 [h, w, d] needed"
            )
        grid = self.features.shape[:2]
        if self.valid.shape != grid or self.valid.dtype != np.bool_:
            raise ValueError(f"valid is {self.valid.dtype} {self.valid.shape}; bool {grid} needed")
        if self.regions is not None and (
            self.regions.shape != grid or self.regions.dtype != np.int32
        ):
            raise ValueError(
                f"regions are {self.regions.dtype} {self.regions.shape}; int32 {grid} needed"
            )

    @classmethod
    def of_rows(
        cls,
        rows: NDArray[np.float32],
        index: NDArray[np.int32],
        regions: bool = True,
        captions: tuple[str, ...] | None = None,
    ) -> FeatureMap:
        """Return the map whose cell holds row `index [h, w]` of `rows [r, d]`; -1: not valid.

        Args:
            rows: distinct features.
            index: of every cell.
            regions: whether cells with one index are a region.
            captions: of the regions, one a row.
        """
        padded = np.concatenate([rows, np.zeros((1, rows.shape[1]), np.float32)])
        return cls(padded[index], index >= 0, index if regions else None, captions)

    def as_rows(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return distinct features `[r, d]` and each cell's row `[h, w]` (int32), -1 = not valid.

        A region is one row, so the size on disk does not grow with the regions' area.
        """
        own = np.arange(self.valid.size, dtype=np.int32).reshape(self.valid.shape)
        labels = np.where(self.valid, own if self.regions is None else self.regions, -1)
        found, first, index = np.unique(labels, return_index=True, return_inverse=True)
        skipped = int(np.count_nonzero(found < 0))
        rows = self.features.reshape(-1, self.features.shape[2])[first[skipped:]]
        return rows, (index.reshape(self.valid.shape) - skipped).astype(np.int32)


class FeatureExtractor(Protocol):
    """A foundation model.

    Attributes:
        name: short name, the key of its bank in a memory.
        dim: d, the length of its features.
        degrees: s, the number of principal-query channels for its features.
        threshold: cosine similarity at which two of its features count as the same (0..1).
        digest: hexadecimal digest of its weights and settings; features of another digest are
            not comparable.
    """

    name: str
    dim: int
    degrees: int
    threshold: float
    digest: str

    def extract(self, rgb: Image) -> FeatureMap:
        """Return dense features of an image `[H, W, 3]` uint8 RGB."""
        ...

    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return what `extract` returns for each of some images of one size."""
        ...


class LanguageExtractor(FeatureExtractor, Protocol):
    """A foundation model whose features share a space with text.

    Attributes:
        logit_scale: factor on cosines before a softmax over texts, as the model was trained.
    """

    logit_scale: float

    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, d]` of texts."""
        ...

    def encode_image(self, rgb: Image) -> NDArray[np.float32]:
        """Return the unit feature `[d]` of a whole image."""
        ...

    def in_vocabulary(self, text: str) -> bool:
        """Return whether the model has learnt what a text means; other results are chance."""
        ...

    def vocabulary(self) -> list[str]:
        """Return the kinds of objects that things are called where nothing is asked for."""
        ...

    def negatives(self, text: str) -> list[str]:
        """Return texts for what else a place may show, the negatives of `probability`."""
        ...


def probability(
    features: NDArray[np.float32],
    text: NDArray[np.float32],
    negatives: NDArray[np.float32],
    logit_scale: float,
) -> NDArray[np.float32]:
    """Return the probability `[...]`, 0..1, that a place shows the text and no negative.

    The softmax over the text and all negatives, as CLIP classifies an image. It is not LERF's
    relevancy, which is the minimum over pairwise softmaxes.

    Args:
        features: `[..., d]` unit features of places.
        text: `[d]` unit feature of the text.
        negatives: `[n, d]` unit features of the other texts.
        logit_scale: the model's factor on cosines.
    """
    logits = logit_scale * (features @ np.concatenate([text[None], negatives]).T)
    logits -= logits.max(axis=-1, keepdims=True)
    share = np.exp(logits)
    return share[..., 0] / share.sum(axis=-1)


def check_image(rgb: Image) -> None:
    """Check an image.

    Raises:
        ValueError: unless `rgb` is uint8 `[H, W, 3]` with at least `MIN_SIDE` rows and columns.
    """
    colour = rgb.dtype == np.uint8 and rgb.ndim == 3 and rgb.shape[2] == 3
    if not colour or min(rgb.shape[:2]) < MIN_SIDE:
        raise ValueError(
            f"rgb is {rgb.dtype} {rgb.shape}; uint8 [H, W, 3], H and W >= {MIN_SIDE} needed"
        )
