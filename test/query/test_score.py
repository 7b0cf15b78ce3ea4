"""What a text says, and how likely features show it."""

import numpy as np
import pytest

from m3_ros.query.grammar import parse_query
from m3_ros.query.score import image_query, text_query


def test_probabilities_tell_colours_apart(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    red = text_query(toy.model, parse_query("red box", 300)).score(rows)
    assert red[0] > 0.9
    assert red[1:].max() < 0.1
    assert text_query(toy.model, parse_query("umbrella", 300)).score(rows).max() < 0.1


def test_a_picture_is_a_query_like_a_word(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    crop = np.full((20, 20, 3), (20, 20, 230), np.uint8)
    np.testing.assert_allclose(
        image_query(toy.model, crop).score(rows),
        text_query(toy.model, parse_query("blue", 300)).score(rows),
    )


class Vocabulary:
    """A model that knows some kinds only, and keeps what it encodes."""

    logit_scale = 1.0

    def __init__(self, *kinds):
        self._kinds, self.encoded = kinds, []

    def in_vocabulary(self, text):
        return text in self._kinds

    def encode_text(self, texts):
        self.encoded += texts
        return np.eye(2, dtype=np.float32)[[0] * len(texts)]

    def negatives(self, text):
        return []


@pytest.mark.parametrize(
    ("kinds", "encoded"),
    [
        (("orange fruit", "fruit"), ["orange fruit"]),
        (("fruit",), ["fruit", "orange thing"]),
    ],
)
def test_the_first_reading_in_the_vocabulary_is_meant(kinds, encoded):
    model = Vocabulary(*kinds)
    query = text_query(model, parse_query("orange fruit", 300))
    assert query.unknown == "" and len(query.attributes) == len(encoded)
    assert model.encoded[: len(encoded)] == encoded


def test_the_kind_that_no_reading_has_in_the_vocabulary_is_named():
    assert (
        text_query(Vocabulary("mug"), parse_query("orange fruit", 300)).unknown == "orange fruit"
    )
