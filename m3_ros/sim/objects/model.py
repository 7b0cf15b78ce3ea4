"""Object model: coloured parts, mass, friction, size."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.geometry import quat_to_matrix
from m3_ros.types import Array

SHAPES = ("box", "sphere", "cylinder", "capsule", "ellipsoid", "mesh")
PATTERNS = ("plain", "speckled", "mottled", "grain")


@dataclass(frozen=True)
class Part:
    """One coloured solid of an object.

    Attributes:
        shape: one of `SHAPES`.
        size: metres, as MuJoCo counts: half extents (box), radii (ellipsoid), radius (sphere),
            radius and half height along z (cylinder, capsule); empty for a mesh.
        position: `[3]` metres in the object's frame.
        quaternion: `[4]` wxyz.
        rgba: `[4]`, each 0..1.
        vertices, faces: `[V, 3]` metres and `[F, 3]` of a mesh, in the part's frame.
        collide: whether physics feels the part (a mesh by its convex hull).
        pattern: one of `PATTERNS`, a grey texture under the colour.
        tint: "main" where the part bears the object's colour, "accent" elsewhere.
    """

    shape: str
    size: tuple[float, ...]
    position: Array
    quaternion: Array
    rgba: tuple[float, float, float, float]
    vertices: Array | None = None
    faces: NDArray[np.int32] | None = None
    collide: bool = True
    pattern: str = "plain"
    tint: str = "main"

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"shape is {self.shape!r}; it must be one of {SHAPES}")
        if self.pattern not in PATTERNS:
            raise ValueError(f"pattern is {self.pattern!r}; it must be one of {PATTERNS}")
        if (self.shape == "mesh") != (self.vertices is not None and self.faces is not None):
            raise ValueError(f"a {self.shape} has vertices and faces exactly when it is a mesh")

    def bounds(self) -> Array:
        """Return the axis-aligned box `[2, 3]` (lowest, highest corner), object's frame, m."""
        rotation = quat_to_matrix(self.quaternion)
        if self.vertices is not None:
            points = self.vertices @ rotation.T
            return np.stack([points.min(axis=0), points.max(axis=0)]) + self.position
        size = np.asarray(self.size)
        along = np.abs(rotation[:, 2])
        if self.shape == "box":
            half = np.abs(rotation) @ size
        elif self.shape == "ellipsoid":
            half = np.sqrt((rotation**2) @ size**2)
        elif self.shape == "cylinder":
            half = along * size[1] + size[0] * np.sqrt(np.maximum(0.0, 1 - along**2))
        else:  # a sphere is a capsule without length
            half = along * (size[1] if self.shape == "capsule" else 0.0) + size[0]
        return np.stack([self.position - half, self.position + half])


@dataclass(frozen=True)
class ObjectModel:
    """A household object; its frame's origin is the middle of its bounding box's bottom, z up.

    Attributes:
        name: "yellow duck".
        category: one of `CATEGORIES`.
        color: one of `COLORS`.
        parts: what it is made of.
        mass: kg.
        friction: sliding friction coefficient.
        size: `[3]` metres, extents of the bounding box.
        shine: specular reflection, 0..1.
        held_out: True when the structure never occurs in the training split.
    """

    name: str
    category: str
    color: str
    parts: tuple[Part, ...]
    mass: float
    friction: float
    size: Array
    shine: float = 0.3
    held_out: bool = False


def bounds(parts: tuple[Part, ...] | list[Part]) -> Array:
    """Return the axis-aligned box `[2, 3]` around all parts, m."""
    boxes = np.stack([part.bounds() for part in parts])
    return np.stack([boxes[:, 0].min(axis=0), boxes[:, 1].max(axis=0)])
