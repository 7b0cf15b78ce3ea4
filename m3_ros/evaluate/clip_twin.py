"""A text-aligned encoder with the statistics of CLIP, over the simulator's truth.

CLIP's weights cannot be had everywhere; what its features do to thresholds can. Texts are real
text vectors of ViT-B/32; a picture of a simulated scene is looked up by its pixels, and each of
its cells gets a vector made of

    common + class + colour + instance + view + cell

so that cosines are those of real vectors: `Statistics` says which, `spread` measures them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from m3_ros.errors import DataError
from m3_ros.evaluate.simulated import SimulatedScene
from m3_ros.features.extractor import FeatureMap, check_image
from m3_ros.features.open_vocabulary import OpenVocabulary
from m3_ros.query.grammar import COLORS
from m3_ros.types import Array, Image

TEXTS, SYNONYMS = "text_vitb32_lvis.npz", "lvis_synonyms.json"
GRID = (21, 28)
"""Cells of a 640 x 480 picture, as CLIP is run here."""
BLUR = 0.5
"""Standard deviation (cells) with which features reach their neighbours."""
UNRELATED, MATCHING = 0.13, 0.23
"""Cosine of a picture and a text, before its instance and the likeness of words add to it: pairs
are then at .10 to .22, and .20 to .32 where they match, as published for ViT-B/32."""
COLOR_TEXT, COLOR_PICTURE = 0.45, 0.12
"""Length of a colour's direction beside a text of length 1, and in a picture. Assumed: "red mug"
is at .91 to "mug", and a red mug nearer to it than a blue one by .05."""
LVIS_NAMES = {
    "donut": "doughnut", "phone": "cellular_telephone", "light bulb": "lightbulb",
    "computer mouse": "mouse_(computer_equipment)", "soap bar": "soap", "brush": "hairbrush",
    "toy car": "car_(automobile)", "toy block": "toy",
    "tape roll": "tape_(sticky_cloth_or_paper)",
}  # fmt: skip
"""Names of LVIS for kinds of the simulation that it names otherwise."""


@dataclass(frozen=True)
class Statistics:
    """Squared lengths of the parts of a unit picture feature; class and colour are the rest.

    Attributes:
        common: along the direction of all pictures, the modality gap: the median cosine of
            different regions.
        spread: largest difference of `common` between instances; `instance` makes up for it.
        instance: of one object, the same in all views.
        view: of one object in one picture.
        cell: of one cell.
    """

    common: float
    spread: float
    instance: float
    view: float
    cell: float


DENSE = Statistics(common=0.5, spread=0.25, instance=0.27, view=0.1, cell=0.08)
"""Regions pooled from dense features of ViT-L/14: median .54; 95 % (parts of one thing) .87."""
CROPS = Statistics(common=0.8, spread=0.07, instance=0.08, view=0.05, cell=0.03)
"""Regions from crops of ViT-L/14: median .82, 95 % .91."""


class ClipTwin(OpenVocabulary):
    """A language extractor for pictures of watched scenes.

    Args:
        vectors: folder with the text vectors and synonyms.
        statistics: of the picture features.

    Attributes:
        statistics: as given.

    Raises:
        DataError: the folder does not hold them.
    """

    name, degrees, threshold, logit_scale = "twin", 16, 0.8, 100.0

    def __init__(self, vectors: str | Path, statistics: Statistics = DENSE) -> None:
        self.statistics = statistics
        try:
            with np.load(Path(vectors) / TEXTS) as file:
                names, rows = [str(name) for name in file["names"]], file["vectors"]
            synonyms = json.loads((Path(vectors) / SYNONYMS).read_text())
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"{vectors} must hold {TEXTS} and {SYNONYMS}, CLIP's vectors of texts: {error}"
            ) from error
        rows = _unit(rows.astype(np.float32))
        self.dim = rows.shape[1]
        self._rows = {_plain(other): rows[i] for i, n in enumerate(names) for other in synonyms[n]}
        self._rows |= {_plain(name): row for name, row in zip(names, rows, strict=True)}
        self._mean = rows.mean(0)
        self._residual = float(np.linalg.norm(rows - self._mean, axis=1).mean())
        # texts vary least along the last directions: there pictures and colours have their own
        own = np.linalg.svd(rows, full_matrices=False)[2][::-1]
        self._common, colors = own[0], own[1 : 1 + len(COLORS)]
        self._colors = dict(zip(COLORS, colors, strict=True))
        self.digest = hashlib.sha256(rows.tobytes() + repr(statistics).encode()).hexdigest()
        self._truth: dict[bytes, list[tuple[str, NDArray[np.float32]]]] = {}

    def watch(self, scene: SimulatedScene) -> None:
        """Remember what each of the scene's pictures shows, from now on."""

        def see(rgb: Image, camtoworld: Array) -> None:
            shares, rest = [], np.ones(GRID, np.float32)
            for name, mask in scene.masks(camtoworld).items():
                size = GRID[::-1]
                share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
                shares.append((f"{scene.objects[name].label}|{scene.seed} {name}", share))
                rest = rest - share
            self._truth[_digest(rgb)] = [*shares, (f"table|{scene.seed}", rest.clip(0.0))]

        scene.witness = see

    def extract(self, rgb: Image) -> FeatureMap:
        """Return dense features `[21, 28, 512]` of a picture of a watched scene.

        Raises:
            DataError: the picture is of none.
        """
        check_image(rgb)
        key = _digest(rgb)
        if key not in self._truth:
            raise DataError("the twin of CLIP knows only pictures of the scenes that it watches")
        parts = self.statistics
        total = np.zeros((*GRID, self.dim), np.float32)
        for thing, share in self._truth[key]:
            view = np.sqrt(parts.view) * self._noise(f"{thing} {key.hex()}")
            total += share[..., None] * (self.instance(thing) + view)
        total = _blur(total)
        cells = np.random.default_rng(list(key[:8])).standard_normal(total.shape)
        total += np.sqrt(parts.cell / self.dim) * cells.astype(np.float32)
        return FeatureMap(_unit(total), np.ones(GRID, bool))

    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return what `extract` returns for each image."""
        return [self.extract(image) for image in images]

    def encode_image(self, rgb: Image) -> NDArray[np.float32]:
        """Return the unit mean feature `[512]` of a picture of a watched scene."""
        return _unit(self.extract(rgb).features.mean((0, 1)))

    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, 512]` of texts; a colour adds its direction."""
        return np.stack([self._text(text) for text in texts])

    def _text(self, text: str) -> NDArray[np.float32]:
        words = text.lower().split()
        named = [word for word in words if word in self._colors]
        kind = " ".join(word for word in words if word not in self._colors)
        row = self._kind(kind) + COLOR_TEXT * sum(self._colors[color] for color in named)
        return _unit(row.astype(np.float32))

    def _kind(self, kind: str) -> NDArray[np.float32]:
        """Return the real vector of a kind; of a word without one, another word's distance from
        the mean of all, in a direction of its own."""
        found = self._rows.get(_plain(LVIS_NAMES.get(kind, kind)))
        if found is not None:
            return found
        return _unit(self._mean + self._residual * self._noise(kind))

    def instance(self, thing: str) -> NDArray[np.float32]:
        """Return the feature `[512]`, the same in all views, of a thing "LABEL|NAME"."""
        parts, label = self.statistics, thing.partition("|")[0]
        seed = list(hashlib.sha256(thing.encode()).digest()[8:16])
        change = np.random.default_rng(seed).uniform(-parts.spread, parts.spread)
        own = np.sqrt(max(parts.instance - change, 0.0)) * self._noise(thing)
        return self._class(label) + np.sqrt(parts.common + change) * self._common + own

    def _class(self, label: str) -> NDArray[np.float32]:
        """Return the part of a picture's feature that is of its class and colour."""
        words = label.split()
        color = self._colors.get(words[0])
        kind = self._kind(" ".join(words[1:] if color is not None else words))
        center = float(np.linalg.norm(self._mean))
        own = kind - self._mean
        own = own * (MATCHING - UNRELATED) / float(own @ own)
        feature = UNRELATED / center**2 * self._mean + own
        return feature if color is None else feature + COLOR_PICTURE * color

    def _noise(self, name: str) -> NDArray[np.float32]:
        seed = list(hashlib.sha256(name.encode()).digest()[:8])
        return _unit(np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32))


def spread(features: NDArray[np.float32]) -> dict[str, float]:
    """Return quantiles of the cosines between different rows of unit features `[n, d]`."""
    cosines = (features @ features.T)[np.triu_indices(len(features), 1)]
    return {f"{q} %": float(np.percentile(cosines, q)) for q in (5, 25, 50, 75, 95)}


def _blur(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features `[h, w, d]`, each mixed with its neighbours'."""
    kernel = cv2.getGaussianKernel(3, BLUR, cv2.CV_32F).ravel()
    for axis in (0, 1):
        padding = [(1, 1) if each == axis else (0, 0) for each in range(3)]
        padded = np.pad(features, padding, mode="edge")
        length = features.shape[axis]
        features = sum(
            weight * np.take(padded, range(shift, shift + length), axis)
            for shift, weight in enumerate(kernel)
        )
    return features


def _digest(rgb: Image) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(rgb).data).digest()


def _plain(name: str) -> str:
    return name.replace("_", " ").lower()


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)
