"""Requests with relations, numbers, orders and negation, asked of a toy memory.

The camera stands at -y and looks along +y: left is -x. Seen so, red and yellow are in front, green
blue behind; blue is at the left, green at the right.
"""

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.query.answer import Localizer

EYE = (0.0, -0.6, 1.0)
FOUND, NOT_FOUND, AMBIGUOUS = QueryStatus.FOUND, QueryStatus.NOT_FOUND, QueryStatus.AMBIGUOUS


@pytest.fixture(scope="module")
def localizer(toy_memory, toy):
    return Localizer(toy_memory, toy.model)


@pytest.fixture(scope="module")
def frame(toy):
    return toy.see(EYE)


def colors(toy, result):
    """The colours of the boxes at the targets' places."""
    return [
        min(toy.places, key=lambda name: np.linalg.norm(t.box.center[:2] - toy.places[name]))
        for t in result.targets
    ]


@pytest.mark.parametrize(
    ("text", "status", "expected"),
    [
        ("blue left of green", FOUND, ["blue"]),
        ("green left of blue", NOT_FOUND, []),
        ("blue behind red", FOUND, ["blue"]),
        ("red in front of blue", FOUND, ["red"]),
        ("yellow next to red", FOUND, ["yellow"]),
        ("the thing left of the yellow box and in front of the blue one", FOUND, ["red"]),
        ("blue box that is not left of green", NOT_FOUND, []),
        ("leftmost box", FOUND, ["blue"]),
        ("second box from the left", FOUND, ["red"]),
        ("rightmost box", AMBIGUOUS, ["green", "yellow"]),
        ("the box nearest to red", FOUND, ["yellow"]),
        ("box nearest to me", FOUND, ["red"]),
        ("four boxes", FOUND, ["blue", "green", "red", "yellow"]),
        ("all boxes", FOUND, ["blue", "green", "red", "yellow"]),
        ("two boxes", AMBIGUOUS, ["blue", "green", "red", "yellow"]),
        ("five boxes", NOT_FOUND, []),
        ("fifth box from the left", NOT_FOUND, []),
        ("the largest box", AMBIGUOUS, None),
        ("box that is not red", AMBIGUOUS, ["blue", "green", "yellow"]),
        ("box between red and green", FOUND, ["yellow"]),
        ("red on the table", FOUND, ["red"]),
        ("red under the table", NOT_FOUND, []),
        ("red left of the umbrella", NOT_FOUND, []),
        ("red nearest to the umbrella", NOT_FOUND, []),
        ("red nearest to the box that is not red", AMBIGUOUS, ["red"]),
        ("red left of five boxes", NOT_FOUND, []),
        ("red left of the table", NOT_FOUND, []),
        ("blue left of green in the map", NOT_FOUND, []),
        ("green in front of blue in the map", NOT_FOUND, []),
        ("blue in front of green in the map", FOUND, ["blue"]),
    ],
)
def test_a_request_is_answered_by_what_it_means(localizer, toy, frame, text, status, expected):
    result = localizer.locate(text, frame)
    assert result.status is status, result.message
    found = colors(toy, result)
    if expected is not None:
        assert (found if len(expected) == 1 else sorted(found)) == expected


def test_the_number_found_is_named(localizer, frame):
    assert "4 found, 2 asked for" in localizer.locate("two boxes", frame).message
    assert "only 4" in localizer.locate("fifth box from the left", frame).message


def test_what_is_wrong_with_an_anchor_is_named(localizer, frame):
    def message(text):
        return localizer.locate(text, frame).message

    assert "umbrella" in message("red left of the umbrella")
    assert "4 found, 5 asked for" in message("red left of five boxes")
    assert "3 objects look like" in message("red nearest to the box that is not red")
    assert "only 'on' or 'under'" in message("red left of the table")


def test_a_word_that_the_model_does_not_know_is_named(localizer, frame):
    result = localizer.locate("red left of the gizmo", frame)
    assert result.status is NOT_FOUND and "gizmo" in result.message


def test_what_is_gone_is_stale_in_a_relation_too(localizer, toy):
    places = {name: place for name, place in toy.places.items() if name != "blue"}
    result = localizer.locate("blue left of green", toy.see(EYE, places))
    assert result.status is QueryStatus.STALE and not result.targets


def test_the_memory_alone_is_seen_from_its_origin_along_x(localizer, toy):
    assert colors(toy, localizer.locate("green behind blue")) == ["green"]
    assert localizer.locate("green left of blue").status is NOT_FOUND


def test_the_heat_of_a_request_is_that_of_its_noun(localizer, frame):
    alone, related = localizer.locate("blue", frame), localizer.locate("blue behind red", frame)
    np.testing.assert_array_equal(alone.heatmap, related.heatmap)
    np.testing.assert_array_equal(alone.probabilities, related.probabilities)
