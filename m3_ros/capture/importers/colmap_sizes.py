"""Counts in the binary files of a COLMAP model, held against the files' lengths.

COLMAP believes them and takes the memory that they announce, up to all of the machine's.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from m3_ros.capture.scan import ScanError
from m3_ros.errors import show
from m3_ros.schema import MAX_COORDINATE, MAX_SIDE

PARAMETERS = (3, 4, 4, 5, 8, 8, 12, 5, 4, 5, 12, 16, 4, 5, 3, 4, 6, 2)
"""Number of parameters of each camera model, by COLMAP's number of the model; of later models,
which COLMAP refuses or knows better, the file is not walked through."""
REAL, WHOLE, POSE = 8, 8, 7 * 8


class _Reader:
    """Walks through a file; never past its end."""

    def __init__(self, path: Path) -> None:
        self._path, self._data, self._at = path, memoryview(path.read_bytes()), 0

    def take(self, form: str) -> tuple:
        """Return the numbers of a little-endian format of `struct`."""
        size = struct.calcsize("<" + form)
        self.skip(size)
        return struct.unpack_from("<" + form, self._data, self._at - size)

    def skip(self, size: int) -> None:
        """Go on by a number of bytes."""
        if size > len(self._data) - self._at:
            raise self.error(
                f"at byte {self._at} it announces {size} more bytes, "
                f"{len(self._data) - self._at} follow"
            )
        self._at += size

    def take_text(self) -> str:
        """Return a text, which ends with a zero."""
        rest = bytes(self._data[self._at : self._at + 4096])
        length = rest.find(b"\0")
        self.skip(length + 1 or len(self._data))
        return rest[:length].decode("utf-8", "surrogateescape")

    def check_rotation(self, what: str, quaternion: Sequence[float]) -> None:
        """Check the quaternion of an image or frame."""
        if not is_rotation(quaternion):
            raise self.error(
                f"{what} has the quaternion {show(quaternion)}; its length must be > 0"
            )

    def error(self, problem: str) -> ScanError:
        """Return the error of what was just read."""
        return ScanError(f"{self._path} of the COLMAP model is damaged: {problem}")

    def records(self, least: int) -> Iterator[int]:
        """Yield for each record that a leading count announces, of `least` bytes or more."""
        (count,) = self.take("Q")
        start = self._at
        self.skip(count * least)
        self._at = start
        yield from range(count)


def is_rotation(quaternion: Sequence[float]) -> bool:
    """Return whether a quaternion has a length, to which COLMAP divides it, that is above zero."""
    return 0.0 < sum(each * each for each in quaternion) < math.inf


def is_name(text: str) -> bool:
    """Return whether a text that was read with `surrogateescape` is UTF-8 and not empty."""
    return bool(text) and not any("\ud800" <= each <= "\udfff" for each in text)


def check_sizes(folder: Path) -> None:
    """Check the binary files of a model.

    Raises:
        ScanError: a count announces more than a file has; the message names the file.
    """
    for name, check in (
        ("cameras", _cameras), ("images", _images), ("points3D", _points), ("rigs", _rigs),
        ("frames", _frames),
    ):  # fmt: skip
        path = folder / f"{name}.bin"
        if path.is_file():
            check(_Reader(path))


def _cameras(reader: _Reader) -> None:
    for _ in reader.records(4 + 4 + 2 * WHOLE):
        number, model, *size = reader.take("iiQQ")
        if not all(1 <= side <= MAX_SIDE for side in size):
            raise reader.error(
                f"camera {number} has {size[0]} x {size[1]} pixels; its sides must be 1 to "
                f"{MAX_SIDE}"
            )
        if not 0 <= model < len(PARAMETERS):
            return
        parameters = reader.take(f"{PARAMETERS[model]}d")
        if not all(abs(each) <= MAX_COORDINATE for each in parameters) or parameters[0] <= 0:
            raise reader.error(
                f"camera {number} has the parameters {show(parameters)}; they must be within "
                "±1e6, the first a focal length > 0"
            )


def _images(reader: _Reader) -> None:
    for _ in reader.records(4 + POSE + 4 + 1 + WHOLE):
        number, *pose, _ = reader.take("I7dI")
        reader.check_rotation(f"image {number}", pose[:4])
        name = reader.take_text()
        if not is_name(name):
            raise reader.error(
                f"the name of image {number} is {show(name)}; it must be UTF-8; rename it"
            )
        (count,) = reader.take("Q")
        reader.skip(count * (2 * REAL + WHOLE))


def _points(reader: _Reader) -> None:
    for _ in reader.records(WHOLE + 3 * REAL + 3 + REAL + WHOLE):
        reader.skip(WHOLE + 3 * REAL + 3 + REAL)
        (count,) = reader.take("Q")
        reader.skip(count * (4 + 4))


def _rigs(reader: _Reader) -> None:
    for _ in reader.records(4 + 4):
        _, sensors = reader.take("II")
        for sensor in range(sensors):
            reader.skip(4 + 4)
            if sensor:  # the first one is the rig's origin
                (posed,) = reader.take("B")
                reader.skip(POSE if posed else 0)


def _frames(reader: _Reader) -> None:
    for _ in reader.records(4 + 4 + POSE + 4):
        number, _, *pose = reader.take("II7d")
        reader.check_rotation(f"frame {number}", pose[:4])
        (count,) = reader.take("I")
        reader.skip(count * (4 + 4 + WHOLE))
