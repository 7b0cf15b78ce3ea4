"""Which planes the names of surfaces mean, and what stands on or under them."""

import numpy as np
import pytest

from m3_ros.query.planes import Plane
from m3_ros.query.request_words import Relation
from m3_ros.query.shape import OrientedBox
from m3_ros.query.surface_relations import SurfaceRelations
from m3_ros.query.surfaces import named_planes

UP, HERE = np.array([0.0, 0.0, 1.0]), np.zeros(2)
FLOOR, TABLE, SHELF = (Plane(UP, height, 0.005) for height in (0.0, 0.5, 1.2))
WALL = Plane(np.array([1.0, 0.0, 0.0]), 2.0, 0.005)
ROOM = [SHELF, WALL, FLOOR, Plane(-UP, -0.5, 0.005)]  # a plane's normal points either way


def heights(name, planes=ROOM):
    return [plane.z_at(HERE) for plane in named_planes(name, planes, HERE)]


def test_the_floor_is_the_lowest_and_a_table_is_higher():
    assert heights("floor") == heights("wooden ground") == [0.0]
    assert heights("table") == heights("shelf") == [0.5, 1.2]
    assert named_planes("white wall", ROOM, HERE) == [WALL]


def test_one_level_plane_is_both():
    assert heights("table", [TABLE]) == heights("floor", [TABLE]) == [0.5]
    assert not named_planes("wall", [TABLE], HERE) and not named_planes("floor", [WALL], HERE)


def test_a_slanted_plane_is_as_high_as_it_is_there():
    slope = Plane(np.array([-0.1, 0.0, 1.0]) / np.hypot(0.1, 1.0), 0.0, 0.005)
    assert slope.z_at(np.array([2.0, 5.0])) == pytest.approx(0.2)
    assert named_planes("floor", [slope, TABLE], np.array([20.0, 0.0])) == [TABLE]


@pytest.mark.parametrize(
    ("bottom", "name", "on", "under"),
    [
        (0.5, "table", True, False),
        (0.5, "floor", False, False),
        (0.0, "floor", True, False),
        (0.0, "table", False, True),
        (0.8, "table", False, False),  # in the air
    ],
)
def test_on_and_under(bottom, name, on, under):
    x, y = np.meshgrid(np.arange(-0.3, 0.3, 0.01), np.arange(-0.3, 0.3, 0.01))
    top = np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.5)], axis=1)
    relations = SurfaceRelations([FLOOR, TABLE], top, 0.02)
    box = OrientedBox(np.array([0.0, 0.0, bottom + 0.05]), np.eye(3), np.full(3, 0.1))
    assert relations.holds(Relation.ON, box, name) is on
    assert relations.holds(Relation.UNDER, box, name) is under


def test_beside_the_table_is_not_under_it():
    top = np.array([[0.0, 0.0, 0.5]])
    relations = SurfaceRelations([FLOOR, TABLE], top, 0.02)
    beside = OrientedBox(np.array([1.0, 0.0, 0.05]), np.eye(3), np.full(3, 0.1))
    assert not relations.holds(Relation.UNDER, beside, "table")
