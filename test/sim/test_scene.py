"""Random scenes: repeatable, without overlap, with what was asked for."""

import mujoco
import numpy as np
import pytest

from m3_ros.resources import resource
from m3_ros.sim.scene import (
    REACHABLE,
    TABLE_HEIGHT,
    TABLE_X,
    TABLE_Y,
    footprint,
    free_space,
    label_of,
    numbered,
    parse_label,
    random_scene,
)


@pytest.mark.parametrize("seed", range(5))
def test_objects_stand_apart_on_the_table(seed):
    scene = random_scene(seed, count=12)
    rectangles = [footprint(item.model, item.pose) for item in scene.objects]
    for i, rectangle in enumerate(rectangles):
        assert rectangle[:, 0].min() > TABLE_X[0]
        assert all(free_space(rectangle, other) > 0.0 for other in rectangles[:i])
    assert all(item.pose[2, 3] == TABLE_HEIGHT for item in scene.objects)
    assert len({item.name for item in scene.objects}) == 12


def test_a_yellow_bath_duck_is_within_reach_unless_told_otherwise():
    duck = random_scene(3).objects[0]
    assert duck.name == duck.label == "yellow bath duck"
    for value, (low, high) in zip(duck.pose[:2, 3], REACHABLE, strict=True):
        assert low <= value <= high
    without = random_scene(3, include=(), exclude=("yellow duck",))
    assert "yellow bath duck" not in {item.label for item in without.objects}


def test_same_seed_same_scene_other_seed_other_scene():
    first, again, other = random_scene(7), random_scene(7), random_scene(8)
    assert [item.name for item in first.objects] == [item.name for item in again.objects]
    for a, b in zip(first.objects, again.objects, strict=True):
        np.testing.assert_array_equal(a.pose, b.pose)
    assert [item.name for item in first.objects] != [item.name for item in other.objects]


def test_excluded_objects_never_occur():
    names = ("red mug", "blue mug", "green mug")
    for seed in range(3):
        labels = {item.label for item in random_scene(seed, 12, exclude=names).objects}
        assert not labels & set(names)


def test_same_object_twice_is_numbered():
    scene = random_scene(0, 3, include=("red mug", "red mug", "red mug"))
    assert [item.name for item in scene.objects] == ["red mug", "red mug 2", "red mug 3"]
    assert {item.label for item in scene.objects} == {"red mug"}
    assert numbered(["a", "b", "a"]) == ["a", "b", "a 2"]


@pytest.mark.parametrize("label", ["yellow duck", "Yellow bath duck", " yellow rubber duck"])
def test_ducks_have_several_names(label):
    assert parse_label(label) == ("duck", "yellow")
    assert label_of(*parse_label(label)) == "yellow bath duck"


def test_bad_requests_are_named():
    with pytest.raises(ValueError, match="'purple umbrella' must be '<color> <category>'"):
        random_scene(0, include=("purple umbrella",))
    with pytest.raises(ValueError, match="count = 1: it must be at least the 2 included"):
        random_scene(0, 1, include=("red mug", "blue mug"))


def test_free_space_of_turned_rectangles():
    square = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)
    diamond = square @ (np.array([[1, -1], [1, 1]]) / np.sqrt(2.0)).T
    assert free_space(square, square + [2.5, 0.0]) == pytest.approx(0.5)
    assert free_space(square, square + [9.0, 9.0]) == pytest.approx(7.0 * np.sqrt(2.0))
    assert free_space(square, diamond + [2.5, 0.0]) == pytest.approx(1.5 - np.sqrt(2.0))
    assert free_space(square, diamond + [2.0, 0.0]) < 0.0


def test_the_table_is_that_of_the_mujoco_scene():
    table = mujoco.MjSpec.from_file(str(resource("mjcf/scene.xml"))).body("table")
    (top,) = (geom for geom in table.geoms if geom.name == "table_top")
    low, high = table.pos + top.pos - top.size, table.pos + top.pos + top.size
    np.testing.assert_allclose([low[0], high[0]], TABLE_X)
    np.testing.assert_allclose([low[1], high[1]], TABLE_Y)
    assert high[2] == pytest.approx(TABLE_HEIGHT)
