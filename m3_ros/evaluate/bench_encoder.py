"""`m3 bench encoder`: what an encoder recognises in pictures that it was not trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from m3_ros.config import M3Config
from m3_ros.evaluate import encoder_pictures
from m3_ros.evaluate.encoder_pictures import Shown, cut_out
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.features.loading import load_language_extractor
from m3_ros.query.calibration import Calibration
from m3_ros.query.request import parse_request
from m3_ros.query.score import Query, text_query
from m3_ros.sim.objects import CATEGORIES
from m3_ros.view.report import write_json

ABSENT_KINDS = 12
"""Kinds asked for on every table that are not there."""
RESAMPLES = 1000
"""Draws of pictures for a confidence interval."""


@dataclass(frozen=True)
class Figures:
    """What one encoder reached; shares in 0..1.

    Attributes:
        encoder: its name.
        renderings: kind of held-out renderings right, from the map.
        renderings_crop: the same, from the object cut out.
        meshes, meshes_crop: the same for meshes by others.
        named_on_table: the heat map's maximum is on what colour and name (or name) mean.
        absent_claimed: kinds that are not there with a probability above the threshold.
        photographs, photographs_crop: prompts whose most probable box is right.
        presence_auc: of the heat map's maximum, with the bounds of its 95 % interval.
        pointing: the heat map's maximum is on the thing, in photographs.
    """

    encoder: str
    renderings: float
    renderings_crop: float
    meshes: float
    meshes_crop: float
    named_on_table: float
    absent_claimed: float
    photographs: float
    photographs_crop: float
    presence_auc: tuple[float, float, float]
    pointing: float


@dataclass(frozen=True, eq=False)
class Observed:
    """An object with its features: of the map in its mask, of its cut-out, the map."""

    shown: Shown
    dense: NDArray[np.float32]
    crop: NDArray[np.float32]
    features: NDArray[np.float32]


class _Asked:
    """Queries of an encoder, each made once."""

    def __init__(self, extractor: LanguageExtractor, config: M3Config) -> None:
        self.extractor, self._length = extractor, config.query.max_query_length
        self._queries: dict[str, Query] = {}

    def score(self, features: NDArray[np.float32], text: str) -> NDArray[np.float32]:
        """Return scores `[...]` of features `[..., d]`."""
        if text not in self._queries:
            self._queries[text] = text_query(
                self.extractor, parse_request(text, self._length).noun
            )
        return self._queries[text].score(features).astype(np.float32)

    def pointed(self, seen: Observed, text: str) -> tuple[int, int]:
        """Return row and column of the heat map's maximum."""
        size = seen.shown.mask.shape[::-1]
        heat = cv2.resize(self.score(seen.features, text), size, interpolation=cv2.INTER_LINEAR)
        row, column = np.unravel_index(heat.argmax(), heat.shape)
        return int(row), int(column)


def observe(extractor: LanguageExtractor, objects: Iterable[Shown]) -> Iterator[Observed]:
    """Yield the features of objects; a picture is encoded once if its objects are neighbours."""
    last, features = None, None
    for shown in objects:
        if last is not shown.rgb:
            last, features = shown.rgb, extractor.extract(shown.rgb).features
        crop = extractor.encode_image(cut_out(shown))
        yield Observed(shown, pooled(features, shown.mask), crop, features)


def pooled(features: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the unit mean `[d]` of a map `[h, w, d]` over the cells that a mask covers most."""
    h, w = features.shape[:2]
    share = cv2.resize(mask.astype(np.float32), (w, h), interpolation=cv2.INTER_AREA)
    mean = np.einsum("hw,hwd->d", share * (share > 0.5 * share.max()), features)
    return mean / np.linalg.norm(mean)


def kinds_right(asked: _Asked, objects: Sequence[Observed]) -> tuple[float, float]:
    """Return how often the nearest of all kinds is right, from the map and from the cut-out."""
    names = asked.extractor.encode_text(list(CATEGORIES))
    truth = np.array([CATEGORIES.index(seen.shown.label) for seen in objects])
    of_map, of_crop = (
        ((np.stack(rows) @ names.T).argmax(1) == truth).mean()
        for rows in ([seen.dense for seen in objects], [seen.crop for seen in objects])
    )
    return float(of_map), float(of_crop)


def tables(asked: _Asked, objects: Sequence[Observed], config: M3Config) -> tuple[float, float]:
    """Return how often a named object is pointed at, and an absent kind is claimed."""
    calibration = Calibration.of(asked.extractor)
    rng = np.random.default_rng(44)
    pointed = []
    by_table: dict[int, list[Observed]] = {}
    for seen in objects:
        shown = seen.shown
        text = f"{shown.color} {shown.label}" if shown.color else shown.label
        pointed.append(shown.mask[asked.pointed(seen, text)])
        by_table.setdefault(shown.picture, []).append(seen)
    claimed = []
    for table in by_table.values():
        absent = sorted(set(CATEGORIES) - {seen.shown.label for seen in table})
        for kind in rng.permutation(absent)[:ABSENT_KINDS]:
            score = asked.score(np.stack([seen.dense for seen in table]), str(kind)).max()
            claimed.append(float(calibration(score)) >= config.query.found_probability)
    return float(np.mean(pointed)), float(np.mean(claimed))


def photographs(
    asked: _Asked, boxes: Sequence[Observed]
) -> tuple[float, float, tuple[float, float, float], float]:
    """Return right first (map, cut-out), the AUC of presence with its interval, and pointing."""
    dense, crops = (np.stack(rows) for rows in ([b.dense for b in boxes], [b.crop for b in boxes]))
    first, pointed = [], []
    pictures = {seen.shown.picture: seen for seen in boxes}
    present: dict[int, list[float]] = {number: [] for number in pictures}
    absent: dict[int, list[float]] = {number: [] for number in pictures}
    for label in sorted({seen.shown.label for seen in boxes}):
        best = (int(asked.score(rows, label).argmax()) for rows in (dense, crops))
        first.append([boxes[row].shown.label == label for row in best])
        for number, seen in pictures.items():
            masks = [
                box.shown.mask
                for box in boxes
                if (box.shown.picture, box.shown.label) == (number, label)
            ]
            highest = float(asked.score(seen.features, label).max())
            (present if masks else absent)[number].append(highest)
            if masks:
                pointed.append(np.any(masks, 0)[asked.pointed(seen, label)])
    share = np.mean(first, 0)
    auc = _auc_interval(list(present.values()), list(absent.values()))
    return float(share[0]), float(share[1]), auc, float(np.mean(pointed))


def _auc_interval(
    present: Sequence[Sequence[float]], absent: Sequence[Sequence[float]]
) -> tuple[float, float, float]:
    """Return the area under the ROC curve and its 95 % interval over draws of pictures."""
    rng = np.random.default_rng(45)

    def auc(rows: NDArray[np.int64]) -> float:
        yes = np.concatenate([present[row] for row in rows])
        no = np.concatenate([absent[row] for row in rows])
        return float(((yes[:, None] > no).mean() + (yes[:, None] >= no).mean()) / 2)

    count = len(present)
    drawn = [auc(rng.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return auc(np.arange(count)), float(low), float(high)


def run(
    data: Path, encoder: str, per_kind: int, json_path: Path | None, config: M3Config
) -> Figures:
    """Measure an encoder, print the table, write the JSON if a path is given.

    Args:
        data: folder that `tools/encoder_data.sh` made.
        encoder: name of the model.
        per_kind: renderings of each kind, views of each mesh, a tenth of the tables.
        json_path: file for the figures.
        config: settings of the queries.

    Raises:
        DataError: a file of the references is missing.
    """
    boxes = list(encoder_pictures.photographs(data))
    models = encoder_pictures.meshes(data)
    extractor = load_language_extractor(encoder)
    sources: dict[str, Iterable[Shown]] = {
        "renderings": encoder_pictures.held_out_objects(per_kind),
        "meshes": encoder_pictures.mesh_objects(models, per_kind),
        "tables": encoder_pictures.mesh_tables(models, 10 * per_kind),
        "photographs": boxes,
    }
    seen = {
        name: list(track(observe(extractor, objects), name, transient=True))
        for name, objects in sources.items()
    }
    asked = _Asked(extractor, config)
    figures = Figures(
        encoder,
        *kinds_right(asked, seen["renderings"]),
        *kinds_right(asked, seen["meshes"]),
        *tables(asked, seen["tables"], config),
        *photographs(asked, seen["photographs"]),
    )
    _print(figures, {name: len(objects) for name, objects in seen.items()})
    if json_path is not None:
        write_json(json_path, asdict(figures))
    return figures


def _print(figures: Figures, counts: dict[str, int]) -> None:
    title = ", ".join(f"{count} in {name}" for name, count in counts.items())
    table = Table("", figures.encoder, title=f"objects: {title}")
    for field, value in list(asdict(figures).items())[1:]:
        cell = (
            f"{value:.3f}"
            if isinstance(value, float)
            else "{:.2f} ({:.2f}..{:.2f})".format(*value)
        )
        table.add_row(field.replace("_", " "), cell)
    Console(width=110).print(table)
