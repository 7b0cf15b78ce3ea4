"""Counts in the binary files of a COLMAP model, held against the files' lengths.

COLMAP believes them and takes the memory that they announce, up to all of the machine's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from m3_ros.capture.scan import ScanError

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
            raise ScanError(
                f"{self._path} of the COLMAP model is damaged: at byte {self._at} it announces "
                f"{size} more bytes, {len(self._data) - self._at} follow"
            )
        self._at += size

    def skip_text(self) -> None:
        """Go on behind a text, which ends with a zero."""
        rest = bytes(self._data[self._at : self._at + 4096])
        self.skip(rest.find(b"\0") + 1 or len(self._data))

    def records(self, least: int) -> Iterator[int]:
        """Yield for each record that a leading count announces, of `least` bytes or more."""
        (count,) = self.take("Q")
        start = self._at
        self.skip(count * least)
        self._at = start
        yield from range(count)


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
        _, model, _, _ = reader.take("iiQQ")
        if not 0 <= model < len(PARAMETERS):
            return
        reader.skip(PARAMETERS[model] * REAL)


def _images(reader: _Reader) -> None:
    for _ in reader.records(4 + POSE + 4 + 1 + WHOLE):
        reader.skip(4 + POSE + 4)
        reader.skip_text()
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
        reader.skip(4 + 4 + POSE)
        (count,) = reader.take("I")
        reader.skip(count * (4 + 4 + WHOLE))
