"""Reader of sparse points: a PLY file of vertices, with or without colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from m3_ros.ply_header import read_ply_header
from m3_ros.schema import MAX_COORDINATE
from m3_ros.types import Array

CHANNELS = ("red", "green", "blue")
GREY = 128
"""Colour of sparse points that have none, of 255."""


def read_points(path: Path) -> tuple[Array, NDArray[np.uint8]] | None:
    """Return points `[P, 3]` with colours `[P, 3]`; None where the file has none.

    Raises:
        ValueError: it is no PLY file of points; the message continues the file's name.
        OSError: it cannot be read.
    """
    header = read_ply_header(path)
    vertices = [element for element in header.elements if element.name == "vertex"]
    if not vertices:
        raise ValueError("has no element vertex; it must be a PLY file of points")
    missing = {"x", "y", "z"} - {name for _, name in vertices[0].properties}
    if missing:
        raise ValueError(f"has vertices without {', '.join(sorted(missing))}; they need x, y, z")
    if not vertices[0].count:
        return None
    try:
        # A point cloud keeps its columns as they stand in the file; its own colours are wrapped.
        vertex = trimesh.load(path, process=False).metadata["_ply_raw"]["vertex"]
        names, data = {*vertex["properties"]}, vertex["data"]
        points = np.column_stack([data[name] for name in "xyz"]).astype(np.float64)
        colored = names.issuperset(CHANNELS)
        colors = np.column_stack([data[name] for name in CHANNELS]) if colored else None
    except Exception as error:  # damaged bytes make the reader raise anything
        problem = str(error) or type(error).__name__
        raise ValueError(f"has data that do not fit its header: {problem}") from error
    good = (np.abs(points) <= MAX_COORDINATE).all(1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"has vertex {row} at {points[row].tolist()}; it must be within ±1e6")
    if not len(points):
        return None
    if colors is None:
        return points, np.full((len(points), 3), GREY, np.uint8)
    return points, _to_bytes(colors)


def _to_bytes(colors: NDArray) -> NDArray[np.uint8]:
    """Return colours `[P, 3]` of any type of number as uint8.

    Real numbers are shares of 1, or of 255 where one is above 1; whole ones of 255, or of 65 535
    where they have 16 bits and one is above 255.

    Raises:
        ValueError: one is out of that range.
    """
    largest = colors.max()
    if colors.dtype.kind == "f":
        full = 1.0 if largest <= 1 else 255.0
    else:
        full = 65_535.0 if colors.dtype == np.uint16 and largest > 255 else 255.0
    good = ((colors >= 0) & (colors <= full)).all(1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"has vertex {row} of colour {colors[row].tolist()}; it must be 0 to 255")
    return np.rint(colors * (255.0 / full)).astype(np.uint8)
