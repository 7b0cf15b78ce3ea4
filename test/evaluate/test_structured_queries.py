"""Known answers of queries with structure, from true places."""

import numpy as np
import pytest

from m3_ros.evaluate.structured_queries import Place, plural, structured_queries
from m3_ros.geometry import look_at
from m3_ros.query.grammar import singular
from m3_ros.query.request import parse_request
from m3_ros.sim.objects import CATEGORIES

PLACES = [
    Place("a", "red mug", "mug", np.array([0.7, 0.2])),
    Place("b", "blue mug", "mug", np.array([0.7, -0.2])),
    Place("c", "yellow duck", "duck", np.array([0.7, 0.0])),
    Place("d", "green ball", "ball", np.array([0.9, 0.0])),
]


@pytest.fixture(scope="module")
def queries():
    """All queries as a camera sees them that looks along x: left is +y."""
    view = look_at((0.1, 0.0, 0.8), (0.7, 0.0, 0.5))
    found = [
        query
        for seed in range(10)
        for query in structured_queries(PLACES, view, np.random.default_rng(seed))
    ]
    return {query.text: (query.kind, query.names) for query in found}


@pytest.mark.parametrize(
    ("text", "kind", "names"),
    [
        ("the mug left of the yellow duck", "relation", ("a",)),
        ("the mug to the right of the yellow duck", "relation", ("b",)),
        ("the ball behind the yellow duck", "relation", ("d",)),
        ("the duck in front of the green ball", "relation", ("c",)),
        ("the ball left of the yellow duck", "false relation", ()),
        ("the leftmost mug", "order", ("a",)),
        ("the mug on the right", "order", ("b",)),
        ("the mug that is not red", "negation", ("b",)),
        ("the duck that is not yellow", "false negation", ()),
        ("both mugs", "number", ("a", "b")),
        ("three mugs", "false number", ()),
        ("two balls", "false number", ()),
    ],
)
def test_truth_is_what_a_person_would_say(queries, text, kind, names):
    assert queries[text] == (kind, names)


def test_an_order_that_is_not_plain_is_not_asked(queries):
    assert not any("nearest" in text or "farthest" in text for text in queries)


def test_every_query_can_be_parsed(queries):
    for text in queries:
        assert parse_request(text, 300).structured


def test_plurals_of_all_kinds_are_read_as_the_kind():
    for kind in CATEGORIES:
        assert singular(plural(kind).split()[-1]) == kind.split()[-1]
