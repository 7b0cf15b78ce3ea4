"""Which words of a query name the kind of object, and which its colour."""

import pytest

from m3_ros.query.grammar import QueryError, clean_text


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_only_what_names_the_object_is_kept(text, expected):
    assert clean_text(text, 300) == expected


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "please", "!?", "find the"])
def test_a_text_without_an_object_is_refused(text):
    with pytest.raises(QueryError, match="quer"):
        clean_text(text, 300)


def test_a_long_text_is_refused():
    with pytest.raises(QueryError, match="10000 characters; at most 300"):
        clean_text("x" * 10_000, 300)
