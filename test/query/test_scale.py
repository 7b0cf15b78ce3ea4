"""A memory that is not metric answers alike, in its own unit and from the memory alone."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.memory.registration import scaled
from m3_ros.query.answer import Localizer


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_memory_of_any_unit_answers_alike(toy, toy_memory, factor):
    other = replace(scaled(toy_memory, factor), metric=False)
    expected = Localizer(toy_memory, toy.model).locate("red box")
    found = Localizer(other, toy.model).locate("red box", toy.frames[0])
    assert found.status is expected.status is QueryStatus.FOUND
    (target,), (right,) = found.targets, expected.targets
    np.testing.assert_allclose(target.box.center, factor * right.box.center, atol=1e-3 * factor)
    np.testing.assert_allclose(target.box.size, factor * right.box.size, rtol=1e-3)
    assert target.position_stddev == pytest.approx(factor * right.position_stddev, rel=1e-3)
    assert len(target.points) == len(right.points) and not target.visible
    assert "not metres" in found.message and "m3 align" in found.message


def test_what_is_not_there_is_not_found_in_any_unit(toy, toy_memory):
    other = replace(scaled(toy_memory, 100.0), metric=False)
    result = Localizer(other, toy.model).locate("purple box")
    assert result.status is QueryStatus.NOT_FOUND and not result.targets


def test_only_the_place_in_the_message_changes(toy, toy_memory):
    """Several objects, and words that are not understood, are told as in a metric memory."""
    metric = Localizer(toy_memory, toy.model)
    other = Localizer(replace(scaled(toy_memory, 100.0), metric=False), toy.model)
    assert other.locate("four boxes").message == metric.locate("four boxes").message
    known, found = metric.locate("glossy red box"), other.locate("glossy red box")
    assert (
        "'glossy' not considered" in known.message and "'glossy' not considered" in found.message
    )
    x, _, _ = found.targets[0].box.center
    assert f"at x {x:.3f}, " in found.message and known.message not in found.message
