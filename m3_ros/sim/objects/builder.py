"""Builder of objects out of parts; the categories' functions call theirs `k`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import ArrayLike

from m3_ros.geometry import matrix_to_quat, quat_to_matrix, rpy_to_matrix
from m3_ros.sim.objects import meshes
from m3_ros.sim.objects.meshes import Mesh
from m3_ros.sim.objects.model import Part, bounds
from m3_ros.types import Array

if TYPE_CHECKING:
    from typing import Unpack

Rgb = tuple[float, float, float]
Vector = Sequence[float] | Array


class Placement(TypedDict, total=False):
    """Pose, colour and collision of a part.

    Attributes:
        at: its centre (a mesh's origin), centimetres.
        rpy: roll, pitch, yaw, degrees.
        color: its colour; the object's main colour unless given.
        collide: whether physics feels it; True unless given.
    """

    at: Vector
    rpy: Vector
    color: Rgb | None
    collide: bool


STEEL: Rgb = (0.68, 0.69, 0.71)
WOOD: Rgb = (0.72, 0.53, 0.33)
INK: Rgb = (0.08, 0.08, 0.09)
CREAM: Rgb = (0.93, 0.91, 0.84)
LEAF: Rgb = (0.22, 0.42, 0.14)
STEM: Rgb = (0.33, 0.23, 0.13)
GLOW: Rgb = (0.98, 0.85, 0.45)


class ObjectBuilder:
    """Collects the parts of an object; lengths in cm, angles in degrees (roll, pitch, yaw).

    Attributes:
        rng: the object's own random numbers.
        main: the colour the object is called by.
        accent: a quiet second colour that differs from it.
        pattern: texture of the parts in the main colour.
    """

    def __init__(self, rng: np.random.Generator, main: Rgb) -> None:
        self.rng = rng
        self.main = main
        quiet = [c for c in (CREAM, STEEL, INK) if np.abs(np.subtract(c, main)).max() > 0.3]
        self.accent: Rgb = quiet[rng.integers(len(quiet))]
        self.pattern = str(rng.choice(["plain", "speckled", "mottled"], p=[0.7, 0.12, 0.18]))
        self.parts: list[Part] = []

    def u(self, low: float, high: float) -> float:
        """Draw a number between two bounds."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.rng.random() < probability)

    def _add(
        self,
        shape: str,
        size: Vector,
        mesh: Mesh | None = None,
        *,
        at: Vector = (0, 0, 0),
        rpy: Vector = (0, 0, 0),
        color: Rgb | None = None,
        collide: bool = True,
    ) -> None:
        main = color is None
        vertices, faces = (None, None) if mesh is None else (mesh[0] / 100, mesh[1])
        self.parts.append(
            Part(
                shape,
                tuple(float(value) / 100 for value in size),
                np.asarray(at, dtype=np.float64) / 100,
                matrix_to_quat(rpy_to_matrix(np.radians(np.asarray(rpy, dtype=np.float64)))),
                (*(self.main if color is None else color), 1.0),
                vertices,
                faces,
                collide,
                self.pattern if main else "plain",
                "main" if main else "accent",
            )
        )

    def box(self, size: Vector, **placement: Unpack[Placement]) -> None:
        """Add a box of full extents `size`."""
        self._add("box", np.asarray(size) / 2, **placement)

    def ball(self, radius: float, **placement: Unpack[Placement]) -> None:
        """Add a sphere."""
        self._add("sphere", (radius,), **placement)

    def ellipsoid(self, size: Vector, **placement: Unpack[Placement]) -> None:
        """Add an ellipsoid of full extents `size`."""
        self._add("ellipsoid", np.asarray(size) / 2, **placement)

    def cylinder(self, radius: float, height: float, **placement: Unpack[Placement]) -> None:
        """Add a cylinder along z."""
        self._add("cylinder", (radius, height / 2), **placement)

    def capsule(self, radius: float, length: float, **placement: Unpack[Placement]) -> None:
        """Add a capsule along z; `length` is between the centres of its ends."""
        self._add("capsule", (radius, length / 2), **placement)

    def mesh(self, mesh: Mesh, **placement: Unpack[Placement]) -> None:
        """Add a mesh, in cm."""
        self._add("mesh", (), mesh, **placement)

    def lathe(self, profile: ArrayLike, **placement: Unpack[Placement]) -> None:
        """Add a surface of revolution, see `meshes.lathe`."""
        self.mesh(meshes.lathe(profile), **placement)

    def tube(self, points: ArrayLike, radius: ArrayLike, **placement: Unpack[Placement]) -> None:
        """Add a round bar along a polyline, see `meshes.tube`; `collide` is False by default."""
        self.mesh(meshes.tube(points, radius), **{"collide": False, **placement})

    def ring(self, radius: float, thickness: float, **placement: Unpack[Placement]) -> None:
        """Add a round bar bent to a circle about z, `radius` to its middle; does not collide."""
        self.tube(meshes.arc(radius, 0, 360, 25, "xy"), thickness, **placement)

    def rounded(
        self, size: Vector, roundness: float = 0.3, **placement: Unpack[Placement]
    ) -> None:
        """Add a rounded box of full extents `size`, see `meshes.superellipsoid`."""
        self.mesh(meshes.superellipsoid(size, roundness), **placement)

    def turn(self, rpy: Vector) -> None:
        """Rotate all parts so far about the origin."""
        rotation = rpy_to_matrix(np.radians(np.asarray(rpy, dtype=np.float64)))
        self.parts = [
            replace(
                part,
                position=rotation @ part.position,
                quaternion=matrix_to_quat(rotation @ quat_to_matrix(part.quaternion)),
            )
            for part in self.parts
        ]

    def finish(self) -> tuple[Part, ...]:
        """Return the parts, moved so that the bounding box stands centred on z = 0."""
        low, high = bounds(self.parts)
        shift = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
        return tuple(replace(part, position=part.position - shift) for part in self.parts)
