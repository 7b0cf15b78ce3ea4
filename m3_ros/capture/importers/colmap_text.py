"""Text files of a COLMAP model, checked line by line: COLMAP names neither file nor line."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.importers.colmap_sizes import PARAMETERS, check_sizes, is_name, is_rotation
from m3_ros.capture.scan import ScanError
from m3_ros.errors import show
from m3_ros.schema import MAX_COORDINATE, MAX_SIDE

KINDS = ("bin", "txt")
NAMES = ("cameras", "images", "points3D")
CAMERA = "CAMERA_ID MODEL WIDTH HEIGHT PARAMS"
IMAGE = "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME"
POINT = "POINT3D_ID X Y Z R G B ERROR, then IMAGE_ID POINT2D_IDX of each image"
STEMS = ("cameras", "points3D")
"""Names by which a model is known, also where one of its files is missing."""

logger = logging.getLogger(__name__)


def check_model(folder: Path) -> None:
    """Check that a model is complete, and its binary files or the lines of its text files.

    Raises:
        ScanError: a file is missing, a count too large, or a line breaks a rule; the message says
            which.
    """
    kind = "bin" if any((folder / f"{name}.bin").is_file() for name in NAMES) else "txt"
    paths = [folder / f"{name}.{kind}" for name in NAMES]
    for path in paths:
        if not path.is_file():
            raise ScanError(f"{path} is missing or no file; a COLMAP model needs it")
    check_sizes(folder)
    if kind == "txt":
        try:
            cameras = _check_cameras(_Lines(paths[0]))
            images, seen = _check_images(_Lines(paths[1]), cameras)
            _check_points(_Lines(paths[2]), images, seen)
        except OSError as error:
            raise ScanError(f"{error.filename} cannot be read: {error.strerror}") from error


def is_model(folder: Path) -> bool:
    """Return whether a folder holds files of a model, complete or not."""
    # A points3D file may lie alone where other programs put their lists.
    stems = STEMS if folder.name == "sparse" or folder.name.isdigit() else STEMS[:1]
    return any(os.path.lexists(folder / f"{stem}.{kind}") for stem in stems for kind in KINDS)


class _Lines:
    """The lines of a file, and the errors that name the last one read."""

    def __init__(self, path: Path) -> None:
        self.path, self._number, self._text = path, 0, ""
        self._lines = iter(path.read_text("utf-8", "surrogateescape").split("\n"))

    def next(self) -> list[str]:
        """Return the words of the next line, none at the end."""
        self._text = next(self._lines, "")
        self._number += 1
        return self._text.split()

    def rows(self) -> Iterator[list[str]]:
        """Yield the words of the lines that are neither empty nor comments."""
        for text in self._lines:
            self._text = text
            self._number += 1
            words = text.split()
            if words and not words[0].startswith("#"):
                yield words

    def error(self, rule: str) -> ScanError:
        """Return the error of the last line."""
        place = f"{self.path} line {self._number}"
        return ScanError.at(place, self._text, rule)

    def numbers(self, words: list[str], rule: str, least: int = 0) -> list[float]:
        """Return words as numbers, which must be finite and at least `least` many."""
        try:
            found = [float(word) for word in words]
        except ValueError as error:
            raise self.error(rule) from error
        if len(found) < least or not all(abs(each) < 1e300 for each in found):
            raise self.error(rule)
        return found

    def whole(self, word: str, rule: str) -> int:
        """Return a word as a whole number that is not negative."""
        if not (word.isascii() and word.isdigit() and len(word) < 20):
            raise self.error(rule)
        return int(word)


def _check_cameras(lines: _Lines) -> set[int]:
    """Return the numbers of the cameras."""
    import pycolmap

    models = dict(pycolmap.CameraModelId.__members__)
    known: set[int] = set()
    for words in lines.rows():
        if len(words) < 5:
            raise lines.error(CAMERA)
        number = lines.whole(words[0], f"{CAMERA}, the first a whole number")
        if number in known:
            raise lines.error(f"of a new CAMERA_ID; {number} stands there before")
        known.add(number)
        index = int(models.get(words[1], -1))
        if index < 0:
            names = ", ".join(name for name in models if name != "INVALID")
            raise lines.error(f"{CAMERA} with one of the models {names}")
        for word in words[2:4]:
            if not 1 <= lines.whole(word, f"{CAMERA}, its size of whole numbers") <= MAX_SIDE:
                raise lines.error(f"{CAMERA}, its sides 1 to {MAX_SIDE} px")
        wanted = PARAMETERS[index] if index < len(PARAMETERS) else len(words) - 4
        rule = f"{CAMERA}, these {wanted} numbers within ±1e6, first a focal length > 0"
        parameters = lines.numbers(words[4:], rule, wanted)
        extent = max(map(abs, parameters))
        if len(parameters) != wanted or parameters[0] <= 0 or extent > MAX_COORDINATE:
            raise lines.error(rule)
    return known


def _check_images(
    lines: _Lines, cameras: set[int]
) -> tuple[dict[int, NDArray[np.int64]], dict[int, str]]:
    """Return the points that each image shows, and where each point is listed first."""
    images: dict[int, NDArray[np.int64]] = {}
    names: set[str] = set()
    seen: dict[int, str] = {}
    for words in lines.rows():
        if len(words) < 10:
            raise lines.error(IMAGE)
        number = lines.whole(words[0], f"{IMAGE}, the first a whole number")
        pose = lines.numbers(words[1:8], f"{IMAGE}, the pose of finite numbers")
        if not is_rotation(pose[:4]):
            raise lines.error(f"{IMAGE}, the quaternion of a length > 0")
        if max(map(abs, pose[4:])) > MAX_COORDINATE:
            raise lines.error(f"{IMAGE}, the translation within ±1e6")
        if lines.whole(words[8], f"{IMAGE}, CAMERA_ID a whole number") not in cameras:
            raise lines.error(f"of a camera in cameras.txt, which lacks {words[8]}")
        name = " ".join(words[9:])
        if not is_name(name):
            raise lines.error(f"{IMAGE}, the name as UTF-8; rename the picture")
        if number in images or name in names:
            raise lines.error("of a new IMAGE_ID and NAME; one stands there before")
        names.add(name)
        rule = f"x y POINT3D_ID of each point of image {number} ({show(name)}), or empty"
        listed = lines.next()
        points = np.reshape(lines.numbers(listed, rule) if len(listed) % 3 == 0 else [], (-1, 3))
        if len(listed) % 3 or (points[:, 2] != np.rint(points[:, 2])).any():
            raise lines.error(rule)
        images[number] = points[:, 2].astype(np.int64)
        seen.update(dict.fromkeys(images[number].tolist(), name))
    seen.pop(-1, None)
    return images, seen


def _check_points(
    lines: _Lines, images: dict[int, NDArray[np.int64]], seen: dict[int, str]
) -> None:
    known: set[int] = set()
    for words in lines.rows():
        if len(words) < 8 or len(words) % 2:
            raise lines.error(POINT)
        number = lines.whole(words[0], f"{POINT}, the first a whole number")
        if number in known:
            raise lines.error(f"of a new POINT3D_ID; {number} stands there before")
        known.add(number)
        values = lines.numbers(words[1:8], f"{POINT}, of finite numbers")
        if max(map(abs, values[:3])) > MAX_COORDINATE:
            raise lines.error(f"{POINT}, X Y Z within ±1e6")
        if not all(0 <= each <= 255 and each == int(each) for each in values[3:6]):
            raise lines.error(f"{POINT}, R G B of whole numbers 0 to 255")
        track = [lines.whole(word, f"{POINT}, of whole numbers") for word in words[8:]]
        for image, index in zip(track[::2], track[1::2], strict=True):
            if image not in images or index >= len(images[image]):
                raise lines.error(f"seen in images.txt, which lacks point {index} of {image}")
            if images[image][index] != number:
                raise lines.error(
                    f"point {images[image][index]}, as images.txt has it for point {index} of "
                    f"image {image}"
                )
    lost = seen.keys() - known
    if known and lost:  # a model without any points is told elsewhere
        number = min(lost)
        logger.warning(
            "%s lacks %d of %d points that images show, for instance %d of %s: it was thinned or "
            "is cut short", lines.path, len(lost), len(seen), number, seen[number],
        )  # fmt: skip
