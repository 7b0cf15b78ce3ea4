"""`m3 models verify`: whether a model's weights load and do what such a model does.

The picture is drawn, so that it is the same everywhere: a red disc, a blue square and a yellow
triangle on grey. There are no published cosines for it: what counts is whether the text of each
shape is highest where it is drawn.
"""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.features.extractor import FeatureExtractor
from m3_ros.features.loading import load_extractor
from m3_ros.types import Image, Mask

SIZE = (480, 640)
TEXTS = (
    "a red circle",
    "a blue square",
    "a yellow triangle",
    "a photo of a dog",
    "a green telephone",
)
"""The shapes of the picture, in this order, and two things that it does not show."""
SHAPES = 3
NORM_TOLERANCE = 0.01
"""Greatest departure of a feature's length from 1; bfloat16 rounds to 0.4 %."""


@dataclass(frozen=True)
class Verification:
    """What a model did with the picture.

    Attributes:
        digest: of its weights and settings.
        grid: rows and columns of its map.
        dim: length of its features.
        unit: all features are finite and of length 1.
        load_s, image_s: seconds to load it, and for an image (the second one).
        memory_gb: the most memory that this process has held.
        cosines: of the whole picture with `TEXTS`; empty for a model without texts.
        on_shape: for each shape whether its text is highest on it; likewise.
        heat: map `[h, w]` of the first text's cosines; None likewise.
    """

    digest: str
    grid: tuple[int, int]
    dim: int
    unit: bool
    load_s: float
    image_s: float
    memory_gb: float
    cosines: tuple[float, ...] = ()
    on_shape: tuple[bool, ...] = ()
    heat: NDArray[np.float32] | None = None

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, one sentence each."""
        found = (
            [] if self.unit else ["some features are not of length 1: wrong or damaged weights"]
        )
        if self.cosines and np.ptp(self.cosines) < 1e-4:
            found.append("all texts have the same cosine: the text tower has no weights")
        if self.on_shape and not any(self.on_shape):
            found.append("no text is highest on the shape it names: the weights may be random")
        return found


def draw_picture() -> tuple[Image, list[Mask]]:
    """Return the picture `[480, 640, 3]` and the pixels of its three shapes."""
    picture = np.full((*SIZE, 3), 170, np.uint8)
    masks = [np.zeros(SIZE, np.uint8) for _ in range(SHAPES)]
    cv2.circle(masks[0], (130, 150), 85, 1, -1)
    cv2.rectangle(masks[1], (400, 70), (560, 230), 1, -1)
    cv2.fillPoly(masks[2], [np.array([[320, 270], [230, 430], [410, 430]])], 1)
    for mask, color in zip(masks, ((200, 30, 30), (30, 60, 190), (235, 200, 40)), strict=True):
        picture[mask > 0] = color
    return picture, [mask > 0 for mask in masks]


def verify(name: str, device: str = "cpu") -> Verification:
    """Load a model and let it see the picture.

    Args:
        name: as `load_extractor` takes it.
        device: torch device.

    Raises:
        UsageError: for a name that is none.
        FileNotFoundError: weights are missing, cut or another model's; says what to do.
    """
    start = time.perf_counter()
    extractor = load_extractor(name, device=device)
    loaded = time.perf_counter() - start
    return verify_extractor(extractor, loaded)


def verify_extractor(extractor: FeatureExtractor, load_s: float = 0.0) -> Verification:
    """Let a loaded model see the picture."""
    picture, masks = draw_picture()
    extractor.extract(picture)  # the first one warms up
    start = time.perf_counter()
    found = extractor.extract(picture)
    image_s = time.perf_counter() - start
    features = found.features[found.valid]
    norms = np.linalg.norm(features, axis=-1)
    unit = bool(np.isfinite(features).all() and np.abs(norms - 1).max() < NORM_TOLERANCE)
    cosines, on_shape, heat = (), (), None
    if hasattr(extractor, "encode_text"):
        texts = extractor.encode_text(list(TEXTS))
        cosines = tuple(float(value) for value in texts @ extractor.encode_image(picture))
        heats = [
            cv2.resize(found.features @ text, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
            for text in texts[:SHAPES]
        ]
        on_shape = tuple(
            bool(mask[np.unravel_index(heat.argmax(), SIZE)])
            for mask, heat in zip(masks, heats, strict=True)
        )
        heat = heats[0]
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Verification(
        extractor.digest,
        found.valid.shape,
        extractor.dim,
        unit,
        load_s,
        image_s,
        kilobytes / 1e6,
        cosines,
        on_shape,
        heat,
    )
