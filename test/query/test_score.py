"""What a text says, and how likely features show it."""

import numpy as np

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
