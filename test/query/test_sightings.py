"""The keyframe that shows an object best."""

from dataclasses import replace

import pytest

from m3_ros.geometry import look_at
from m3_ros.memory.registration import scaled
from m3_ros.query.answer import Localizer
from m3_ros.query.sightings import sightings


@pytest.fixture(scope="module")
def red(toy, toy_memory):
    localizer = Localizer(toy_memory, toy.model)
    return localizer.locate("red box").targets[0], localizer.touch


def with_views(toy_memory, *cameras):
    first = toy_memory.views[0]
    return replace(
        toy_memory, views=tuple(replace(first, camtoworld=look_at(*each)) for each in cameras)
    )


def test_the_nearest_free_view_is_first_and_one_that_looks_away_is_none(toy_memory, red):
    target, touch = red
    x, y, z = target.box.center
    far, near = (x, y - 0.6, z + 0.3), (x, y - 0.3, z + 0.2)
    memory = with_views(toy_memory, (far, (x, y, z)), (near, (x, y, z)), (near, (x, y - 2.0, z)))
    found = sightings(memory, target.points, touch)
    assert [each.index for each in found] == [1, 0]
    assert found[0].distance == pytest.approx(0.36, abs=0.05)
    # 6 cm at 0.36 m and 130 px are 22 px, of a picture of 160 x 120
    assert 0.02 < found[0].share < 0.06


def test_a_view_in_which_something_hides_the_object_is_none(toy_memory, red):
    target, touch = red
    x, y, z = target.box.center
    behind = (x + 0.3, y + 0.3, z), (x, y, z)  # the yellow box is between
    free = (x - 0.3, y - 0.3, z), (x, y, z)
    found = sightings(with_views(toy_memory, behind, free), target.points, touch)
    assert [each.index for each in found] == [1]


def test_a_part_that_the_border_cuts_off_does_not_count(toy_memory, red):
    target, touch = red
    x, y, z = target.box.center
    eye = (x, y - 0.4, z + 0.2)
    memory = with_views(toy_memory, (eye, (x + 0.3, y, z)), (eye, (x, y, z)))
    cut, full = sorted(sightings(memory, target.points, touch), key=lambda each: each.index)
    assert cut.share < 0.8 * full.share


def test_a_memory_of_another_unit_has_the_same_sightings(toy, toy_memory, red):
    target, touch = red
    other = replace(scaled(toy_memory, 2.5), metric=False)
    localizer = Localizer(other, toy.model)
    found = localizer.locate("red box").targets[0]
    ours = sightings(toy_memory, target.points, touch)
    theirs = sightings(other, found.points, localizer.touch)
    assert theirs[0].index == ours[0].index
    assert theirs[0].share == pytest.approx(ours[0].share, rel=0.05)
    assert theirs[0].distance == pytest.approx(2.5 * ours[0].distance, rel=0.02)
