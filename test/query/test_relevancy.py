"""What a prompt says, and how likely features show it."""

import numpy as np
import pytest

from m3_ros.query.relevancy import (
    QueryError,
    clean_prompt,
    image_question,
    text_question,
)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("yellow bath duck", "yellow bath duck"),
        ("  The yellow DUCK,   please! ", "yellow duck"),
        ("Could you bring me the red mug?", "red mug"),
        ("where is my teddy-bear", "teddy-bear"),
        ("can you find the can", "can"),
        ("hand me a hand bell, thank you", "hand bell"),
        ("the brown cans on the table", "brown can"),
        ("two brushes", "two brush"),
        ("some berries", "berry"),
        ("my dice", "dice"),
        ("a glass vase", "glass vase"),
        ("желтая утка", "желтая утка"),
        ("黄色いアヒル", "黄色いアヒル"),
    ],
)
def test_only_what_names_the_thing_is_kept(prompt, expected):
    assert clean_prompt(prompt, 300) == expected


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t", "please", "!?", "find the"])
def test_a_prompt_without_a_thing_is_refused(prompt):
    with pytest.raises(QueryError, match="quer"):
        clean_prompt(prompt, 300)


def test_a_long_prompt_is_refused():
    with pytest.raises(QueryError, match="10000 characters; at most 300"):
        clean_prompt("x" * 10_000, 300)


def test_probabilities_tell_colours_apart(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    red = text_question(toy.model, "red box")(rows)
    assert red[0] > 0.9
    assert red[1:].max() < 0.1
    assert text_question(toy.model, "umbrella")(rows).max() < 0.1


def test_a_picture_asks_like_a_word(toy):
    rows = toy.model.encode_text(["red", "green", "blue"])
    crop = np.full((20, 20, 3), (20, 20, 230), np.uint8)
    np.testing.assert_allclose(
        image_question(toy.model, crop)(rows), text_question(toy.model, "blue")(rows)
    )
