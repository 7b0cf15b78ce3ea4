"""Reader of sparse points: a PLY file of vertices, with or without colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from m3_ros.ply_header import read_ply_header
from m3_ros.schema import MAX_COORDINATE
from m3_ros.types import Array

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
        cloud = trimesh.load(path)
        points = np.asarray(getattr(cloud, "vertices", []), np.float64).reshape(-1, 3)
        colors = np.asarray(getattr(cloud, "colors", []), np.uint8)
    except Exception as error:  # damaged bytes make the reader raise anything
        problem = str(error) or type(error).__name__
        raise ValueError(f"has data that do not fit its header: {problem}") from error
    good = (np.abs(points) <= MAX_COORDINATE).all(1)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"has vertex {row} at {points[row].tolist()}; it must be within ±1e6")
    if not len(points):
        return None
    if len(colors) != len(points):
        return points, np.full((len(points), 3), GREY, np.uint8)
    return points, colors[:, :3]
