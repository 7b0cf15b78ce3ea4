"""Which words of a query name the kind of object, and which its colour."""

import pytest

from m3_ros.query.grammar import Description, QueryError, is_adjective, noun_phrase, text_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yellow bath duck", "yellow bath duck"),
        ("  The yellow DUCK,   please! ", "yellow duck"),
        ("Could you bring me the red mug?", "red mug"),
        ("where is my teddy-bear", "teddy-bear"),
        ("can you find the can", "can"),
        ("hand me a hand bell, thank you", "hand bell"),
        ("brushes", "brush"),
        ("some berries", "berry"),
        ("my dice", "dice"),
        ("a glass vase", "glass vase"),
        ("желтая утка", "желтая утка"),
        ("黄色いアヒル", "黄色いアヒル"),
    ],
)
def test_only_what_names_the_object_is_kept(text, expected):
    assert noun_phrase(text_words(text, 300)).label == expected


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "please", "!?", "find the"])
def test_a_text_without_an_object_is_refused(text):
    with pytest.raises(QueryError, match="quer"):
        text_words(text, 300)


def test_a_long_text_is_refused():
    with pytest.raises(QueryError, match="10000 characters; at most 300"):
        text_words("x" * 10_000, 300)


@pytest.mark.parametrize(
    ("text", "kind", "color"),
    [
        ("yellow bath duck", "bath duck", "yellow"),
        ("light blue mug", "mug", "light blue"),
        ("deep bowl", "deep bowl", ""),
        ("the red thing", "", "red"),
        ("red", "", "red"),
        ("dark red", "", "dark red"),
        ("ball red", "ball", "red"),
        ("something", "something", ""),
        # words that name a colour and a kind
        ("orange", "orange", ""),
        ("my oranges", "orange", ""),
        ("the orange one", "", "orange"),
        ("orange ball", "ball", "orange"),
        ("green orange", "orange", "green"),
        ("light orange", "", "light orange"),
        ("gold", "gold", ""),
        ("gold ring", "ring", "gold"),
    ],
)
def test_kind_and_colour(text, kind, color):
    assert noun_phrase(text_words(text, 300)).readings == (Description(kind, color),)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("orange fruit", ("orange fruit", ""), ("fruit", "orange")),
        ("orange fruits", ("orange fruit", ""), ("fruit", "orange")),
        ("white lilac flower", ("lilac flower", "white"), ("flower", "white lilac")),
        ("ripe orange fruit", ("ripe orange fruit", ""), ("ripe fruit", "orange")),
    ],
)
def test_before_its_class_a_colour_word_belongs_to_the_kind(text, first, second):
    assert noun_phrase(text_words(text, 300)).readings == (
        Description(*first),
        Description(*second),
    )


def test_a_shade_makes_it_a_colour_of_the_class():
    assert noun_phrase(text_words("light orange fruit", 300)).readings == (
        Description("fruit", "light orange"),
    )


@pytest.mark.parametrize("word", ["glossy", "haunted", "wooden", "reddish", "colourful"])
def test_adjectives(word):
    assert is_adjective(word)


@pytest.mark.parametrize(
    "word", ["bath", "teddy", "toy", "computer", "tea", "candy", "bed", "red"]
)
def test_other_words_before_a_noun_are_no_adjectives(word):
    assert not is_adjective(word)
