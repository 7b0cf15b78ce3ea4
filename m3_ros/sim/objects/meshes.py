"""Triangle meshes of household shapes: lathes, tubes, extrusions, superellipsoids.

Every function returns `(vertices [V, 3] float64, faces [F, 3] int32)`, metres, faces seen
counter-clockwise from outside.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from m3_ros.types import Array

Mesh = tuple[Array, NDArray[np.int32]]


def _grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Return two triangles per cell of a grid whose columns wrap around."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    return np.concatenate(
        [np.stack([a, b, d], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)]
    ).astype(np.int32)


def _without_slivers(vertices: NDArray, faces: NDArray) -> Mesh:
    """Drop triangles without area (poles of a lathe, caps of a tube)."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    return vertices, np.ascontiguousarray(faces[area > 1e-12])


def lathe(profile: ArrayLike, segments: int = 20) -> Mesh:
    """Return a surface of revolution about z.

    Args:
        profile: `[n, 2]` radius and height, in order: from the bottom up the outside (and, for
            a hollow vessel, on down the inside).
        segments: vertices around the axis.
    """
    radius, height = np.asarray(profile, dtype=np.float64).T
    angle = np.arange(segments) * 2 * np.pi / segments
    vertices = np.stack(
        [
            np.outer(radius, np.cos(angle)),
            np.outer(radius, np.sin(angle)),
            np.repeat(height[:, None], segments, 1),
        ],
        -1,
    ).reshape(-1, 3)
    return _without_slivers(vertices, _grid_faces(len(radius), segments))


def tube(points: ArrayLike, radius: ArrayLike, sides: int = 10) -> Mesh:
    """Return a closed round bar along a polyline `[n, 3]`; one radius, or one a point."""
    path = np.asarray(points, dtype=np.float64)
    radii = np.broadcast_to(np.asarray(radius, dtype=np.float64), len(path))
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.cross(tangent[0], np.eye(3)[np.argmin(np.abs(tangent[0]))])
    rings = [np.repeat(path[:1], sides, 0)]
    angle = np.arange(sides) * 2 * np.pi / sides
    for centre, direction, r in zip(path, tangent, radii, strict=True):
        normal = normal - direction * (normal @ direction)  # carried along without twist
        normal = normal / np.linalg.norm(normal)
        side = np.cross(direction, normal)
        rings.append(
            centre + r * (np.outer(np.cos(angle), normal) + np.outer(np.sin(angle), side))
        )
    rings.append(np.repeat(path[-1:], sides, 0))
    return _without_slivers(np.concatenate(rings), _grid_faces(len(rings), sides))


def extrude(outline: ArrayLike, height: float, taper: float = 1.0) -> Mesh:
    """Return a prism of z 0..height over an outline; `taper` scales its upper face.

    The outline `[n, 2]` is counter-clockwise and star-shaped about its mean.
    """
    base = np.asarray(outline, dtype=np.float64)
    centre = base.mean(axis=0)
    layers = [
        (np.repeat(centre[None], len(base), 0), 0.0),
        (base, 0.0),
        (centre + taper * (base - centre), height),
        (np.repeat(centre[None], len(base), 0), height),
    ]
    vertices = np.concatenate([np.column_stack([xy, np.full(len(base), z)]) for xy, z in layers])
    return _without_slivers(vertices, _grid_faces(len(layers), len(base)))


def superellipsoid(size: ArrayLike, roundness: float, rows: int = 12, columns: int = 20) -> Mesh:
    """Return a rounded box of full extents `size [3]`; roundness 1: ellipsoid, near 0: box."""

    def power(values: NDArray) -> NDArray:
        return np.sign(values) * np.abs(values) ** roundness

    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)
    angle = np.arange(columns) * 2 * np.pi / columns + np.pi / columns
    ring = power(np.cos(latitude))
    unit = np.stack(
        [
            np.outer(ring, power(np.cos(angle))),
            np.outer(ring, power(np.sin(angle))),
            np.repeat(power(np.sin(latitude))[:, None], columns, 1),
        ],
        -1,
    ).reshape(-1, 3)
    return _without_slivers(unit * np.asarray(size) / 2, _grid_faces(rows, columns))


def regular_outline(count: int, radius: float, inner: float | None = None) -> Array:
    """Return corners of a regular polygon; with `inner`, of a star with `count` points."""
    radii = np.full(count, radius) if inner is None else np.tile([radius, inner], count)
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii)
    return np.column_stack([radii * np.cos(angle), radii * np.sin(angle)])


def heart_outline(width: float, height: float) -> Array:
    """Return points around a heart whose tip is the origin and which stands up along y."""
    t = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.column_stack([-(np.sin(t) ** 3) * width / 2, (y + 17) / 29 * height])


def arc(radius: float, start: float, stop: float, count: int, plane: str = "xz") -> Array:
    """Return points `[count, 3]` on a circle, angle `start` to `stop` (degrees)."""
    angle = np.radians(np.linspace(start, stop, count))
    points = np.zeros((count, 3))
    points[:, "xyz".index(plane[0])] = radius * np.cos(angle)
    points[:, "xyz".index(plane[1])] = radius * np.sin(angle)
    return points


def wall(outline: list[tuple[float, float]], thickness: float) -> list[tuple[float, float]]:
    """Return the profile of a hollow vessel: its outline upwards, and back down inside."""
    inside = [(max(r - thickness, 0.05), max(z, thickness)) for r, z in reversed(outline)]
    return [(0, outline[0][1]), *outline, *inside, (0, thickness)]


def lobed(profile: ArrayLike, count: int, depth: float) -> Mesh:
    """Return a `lathe` with `count` bulges around it, `depth` of its radius each way."""
    vertices, faces = lathe(profile, segments=48)
    swell = 1 + depth * np.cos(count * np.arctan2(vertices[:, 1], vertices[:, 0]))
    return np.column_stack([vertices[:, :2] * swell[:, None], vertices[:, 2]]), faces


def pressed(profile: ArrayLike, exponent: float = 5.0, stretch: float = 1.0) -> Mesh:
    """Return a `lathe` as rounded square (exponent 2: round), `stretch` times as long along x."""
    vertices, faces = lathe(profile, segments=40)
    angle = np.arctan2(vertices[:, 1], vertices[:, 0])
    norm = (np.abs([np.cos(angle), np.sin(angle)]) ** exponent).sum(axis=0) ** (1 / exponent)
    return vertices / np.column_stack([norm / stretch, norm, np.ones_like(norm)]), faces
