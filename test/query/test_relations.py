"""Relations and orders of boxes that are known."""

import numpy as np
import pytest

from m3_ros.geometry import look_at
from m3_ros.query.relations import Relations, Viewpoint
from m3_ros.query.request import Side
from m3_ros.query.request_words import Order, Relation
from m3_ros.query.shape import OrientedBox

EAST = Viewpoint.of(Side.MAP, None)  # at the origin, looks along x: left is +y


def box(x, y, z=0.0, size=(0.06, 0.06, 0.06)):
    """A box whose bottom is at height z."""
    return OrientedBox(np.array([x, y, z + size[2] / 2]), np.eye(3), np.array(size))


def holds(relation, item, *anchors, view=EAST):
    return Relations(view, 0.02).strength(relation, item, list(anchors))


DUCK = box(0.7, 0.0)


@pytest.mark.parametrize(
    ("x", "y", "relation"),
    [
        (0.7, 0.2, Relation.LEFT),
        (0.7, -0.2, Relation.RIGHT),
        (0.5, 0.0, Relation.FRONT),
        (0.9, 0.0, Relation.BEHIND),
    ],
)
def test_each_direction_holds_alone(x, y, relation):
    directions = (Relation.LEFT, Relation.RIGHT, Relation.FRONT, Relation.BEHIND)
    found = {each: holds(each, box(x, y), DUCK) for each in directions}
    assert found.pop(relation) == pytest.approx(1.0)
    assert not any(found.values())


def test_from_the_other_side_left_is_right():
    facing = Viewpoint.of(Side.VIEW, look_at((1.5, 0.0, 0.5), (0.7, 0.0, 0.0)))
    item = box(0.7, 0.2)
    assert (
        holds(Relation.LEFT, item, DUCK) == holds(Relation.RIGHT, item, DUCK, view=facing) == 1.0
    )
    assert holds(Relation.FRONT, box(0.9, 0.0), DUCK, view=facing) == 1.0
    assert Viewpoint.of(Side.MAP, look_at((1.5, 0.0, 0.5), (0.7, 0.0, 0.0))).forward[0] == 1.0


def test_a_camera_that_looks_straight_down_has_a_left():
    down = Viewpoint.of(Side.VIEW, look_at((0.7, 0.0, 1.0), (0.7001, 0.0, 0.0)))
    assert np.linalg.norm(down.forward) == pytest.approx(1.0)


def test_left_of_the_robot_is_the_robot_s_left():
    relations = Relations(EAST, 0.02)
    robot = relations.robot()
    assert relations.strength(Relation.LEFT, box(0.1, 0.5), [robot]) == 1.0
    assert relations.strength(Relation.FRONT, box(0.5, 0.0), [robot]) == 1.0
    assert relations.strength(Relation.BEHIND, box(0.5, 0.0), [robot]) == 0.0


def test_on_in_under_and_above():
    table = box(0.7, 0.0, 0.0, (0.2, 0.2, 0.1))
    on, over, inside, beside = (
        *(box(0.7, 0.0, 0.1), box(0.7, 0.0, 0.3)),
        *(box(0.7, 0.0, 0.02), box(0.7, 0.3, 0.1)),
    )
    assert [holds(Relation.ON, item, table) for item in (on, over, beside)] == [1, 0, 0]
    assert [holds(Relation.ABOVE, item, table) for item in (on, over, beside)] == [1, 1, 0]
    assert [holds(Relation.IN, item, table) for item in (inside, on, beside)] == [1, 0, 0]
    shelf = box(0.7, 0.0, 0.5, (0.4, 0.4, 0.02))
    assert [holds(Relation.UNDER, item, shelf) for item in (on, box(0.7, 0.0, 0.52))] == [1, 0]


def test_next_to_fades_with_the_gap():
    near, middle, far = (holds(Relation.NEXT_TO, box(0.7, y), DUCK) for y in (0.1, 0.15, 0.3))
    assert near == 1.0 and 0.0 < middle < 1.0 and far == 0.0
    assert holds(Relation.NEXT_TO, box(0.7, 0.1, 0.5), DUCK) == 0.0  # half a metre higher


def test_between_is_on_the_way():
    ball = box(0.7, 0.4)
    assert holds(Relation.BETWEEN, box(0.7, 0.2), DUCK, ball) == 1.0
    assert holds(Relation.BETWEEN, box(0.7, 0.6), DUCK, ball) == 0.0
    assert holds(Relation.BETWEEN, box(0.9, 0.2), DUCK, ball) == 0.0


def test_sizes_are_compared_beyond_their_error():
    large = box(0.7, 0.3, 0.0, (0.1, 0.1, 0.1))
    assert holds(Relation.LARGER, large, DUCK) == holds(Relation.SMALLER, DUCK, large) == 1.0
    assert holds(Relation.LARGER, box(0.7, 0.3, 0.0, (0.061, 0.06, 0.06)), DUCK) == 0.0
    assert holds(Relation.TALLER, large, DUCK) == holds(Relation.SHORTER, DUCK, large) == 1.0


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (Order.LARGEST, Order.SMALLEST),
        (Order.TALLEST, Order.SHORTEST),
        (Order.HIGHEST, Order.LOWEST),
        (Order.LEFTMOST, Order.RIGHTMOST),
        (Order.FARTHEST, Order.NEAREST),
    ],
)
def test_orders_and_their_opposites(first, last):
    relations = Relations(EAST, 0.02)
    a, b = box(0.9, 0.3, 0.2, (0.1, 0.1, 0.1)), box(0.6, -0.3)
    assert relations.key(first, a, None) < relations.key(first, b, None)
    assert relations.key(last, a, None) > relations.key(last, b, None)
    assert not relations.undecided(first, a, b, None)
    assert relations.undecided(first, a, a, None)


def test_turning_the_world_changes_no_relation():
    """Boxes and camera turned together about z keep every relation."""
    angle = 0.7
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )

    def turned(item):
        return OrientedBox(turn @ item.center, turn @ item.rotation, item.size)

    view = look_at((0.1, -0.2, 0.8), (0.7, 0.0, 0.0))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn @ view[:3, :3], turn @ view[:3, 3]
    random = np.random.default_rng(0)
    for x, y in random.uniform((0.4, -0.4), (1.0, 0.4), (50, 2)):
        item = box(x, y)
        for relation in (Relation.LEFT, Relation.FRONT, Relation.NEXT_TO, Relation.IN):
            before = holds(relation, item, DUCK, view=Viewpoint.of(Side.VIEW, view))
            after = holds(relation, turned(item), turned(DUCK), view=Viewpoint.of(Side.VIEW, pose))
            assert before == pytest.approx(after, abs=1e-9)
