"""The simple shapes of a robot's URDF, by link."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from m3_ros.errors import DataError
from m3_ros.geometry import rpy_to_matrix, se3
from m3_ros.types import Array

GREY = (160, 160, 165)


class DescriptionError(DataError):
    """A robot description cannot be read."""


@dataclass(frozen=True, eq=False)
class Shape:
    """A visual of a link.

    Attributes:
        link: frame that it moves with.
        kind: box, cylinder or sphere.
        size: box: x, y, z; cylinder: radius, length along z; sphere: radius. m.
        pose: `[4, 4]` in the link.
        color: RGB 0..255.
    """

    link: str
    kind: str
    size: tuple[float, ...]
    pose: Array
    color: tuple[int, int, int]


def shapes(urdf: str) -> list[Shape]:
    """Return the boxes, cylinders and spheres of a URDF's visuals; its meshes are left out.

    Raises:
        DescriptionError: the text is no URDF.
    """
    try:
        robot = ElementTree.fromstring(urdf)
        named = {
            each.get("name"): each
            for each in robot.iter("material")
            if each.find("color") is not None
        }
        found = (
            _shape(link.get("name"), visual, named)
            for link in robot.iter("link")
            for visual in link.iter("visual")
        )
        return [shape for shape in found if shape is not None]
    except (ElementTree.ParseError, ValueError, AttributeError, TypeError) as error:
        raise DescriptionError(f"robot_description cannot be read: {error}") from error


def _shape(
    link: str, visual: ElementTree.Element, named: dict[str | None, ElementTree.Element]
) -> Shape | None:
    geometry = visual.find("geometry")[0]
    attributes = {
        "box": ("size",),
        "cylinder": ("radius", "length"),
        "sphere": ("radius",),
    }.get(geometry.tag)
    if attributes is None:
        return None
    size = tuple(float(v) for name in attributes for v in geometry.get(name).split())
    if not (np.isfinite(size).all() and min(size) >= 0):
        raise ValueError(f"link {link} has a {geometry.tag} of size {size}")
    origin, pose = visual.find("origin"), np.eye(4)
    if origin is not None:
        xyz, rpy = (
            [float(v) for v in origin.get(name, "0 0 0").split()] for name in ("xyz", "rpy")
        )
        pose = se3(rpy_to_matrix(rpy), xyz)
    material = visual.find("material")
    if material is not None and material.find("color") is None:
        material = named.get(material.get("name"))
    if material is None:
        return Shape(link, geometry.tag, size, pose, GREY)
    rgb = [float(v) for v in material.find("color").get("rgba").split()[:3]]
    red, green, blue = (int(255 * min(max(v, 0.0), 1.0)) for v in rgb)
    return Shape(link, geometry.tag, size, pose, (red, green, blue))
