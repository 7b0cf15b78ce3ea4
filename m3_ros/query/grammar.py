"""A noun phrase of a query: which words name the kind of object, and which its colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

from m3_ros.errors import UsageError


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


OPENING = frozenset(
    _words("""
a an the this that these those my your our some any one 1 please kindly could would will you go
find get me us bring fetch grab pick up give show take where where's is are there locate search
look for i we want need to photo picture of""")
)
"""Words that name nothing at the beginning of a query."""
OPENING_PAIRS = frozenset(
    (("what", "is"), ("can", "you"), ("can", "i"), ("can", "we"), ("hand", "me"))
    + tuple(("and", verb) for verb in ("find", "get", "bring", "fetch", "grab", "take", "pick"))
)
"""The first word of these names nothing only before the second: "can", "hand" are objects, too."""
CLOSING = frozenset(_words("please kindly quickly thanks thank you now"))
"""Words that name nothing at the end of a query."""
CLOSING_PAIRS = frozenset((("for", "me"), ("for", "us")))
"""The same, as pairs: "me" alone may be what a relation is to."""
COLORS = _words("red orange yellow green cyan blue purple pink brown black grey white")
"""Colours that are the negatives of a colour asked for."""
COLOR_WORDS = frozenset(
    COLORS
    + _words("""
gray turquoise teal aqua violet lilac lavender magenta crimson scarlet golden navy beige ivory
silver gold maroon olive""")
)
"""Words that name a colour before a noun."""
KIND_CLASSES = {
    **dict.fromkeys(_words("orange olive"), "fruit"),
    **dict.fromkeys(_words("violet lilac lavender"), "flower"),
    **dict.fromkeys(_words("gold silver"), "metal"),
    "turquoise": "stone",
}
"""Colour words that also name a kind of object, and the class of that kind."""
SHADES = frozenset(_words("light dark bright pale deep"))
"""Words that belong to a colour word after them."""
ADJECTIVES = frozenset(
    _words("""
shiny glossy matte dull clear opaque rough smooth soft hard plain fluffy furry fuzzy big small
large little tiny huge tall short long thin thick wide narrow round square flat curved wooden
plastic metal metallic glass ceramic paper rubber leather steel cotton woollen new old broken dirty
clean empty full open wet dry heavy hot cold warm cheap expensive nice pretty beautiful ugly
favourite favorite transparent sharp fresh ripe rotten modern antique fancy""")
)
"""Words before a noun that say how an object is; a model may know nothing of them."""
ADJECTIVE_ENDING = re.compile(r".{2}(ed|ish|ous|ful|less|able|ible|ive)$")
"""Endings of further such words."""
PLACEHOLDERS = frozenset(_words("thing object item one something anything stuff"))
"""Words that stand for any object."""
UNCHANGED = frozenset(_words("scissors pliers glasses goggles dice lens tongs tweezers series"))
"""Words that look like a plural and stay as they are."""


class QueryError(UsageError):
    """A query that cannot be answered; the message says why."""


@dataclass(frozen=True)
class Description:
    """The words that name the kind of an object and its colour; one of them may be empty."""

    kind: str
    color: str


@dataclass(frozen=True)
class TextQuery:
    """What a text asks for.

    Attributes:
        label: the words that name the object.
        readings: what they may mean. The first whose kind is in the model's vocabulary is meant.
    """

    label: str
    readings: tuple[Description, ...]


def text_words(text: str, max_length: int) -> list[str]:
    """Return the words of a query in lower case, without polite ones at its ends.

    Raises:
        QueryError: the text is empty, longer than `max_length` characters, or has no other words.
    """
    if not text.strip():
        raise QueryError("the query is empty; say what to find, for example 'yellow bath duck'")
    if len(text) > max_length:
        raise QueryError(f"the query has {len(text)} characters; at most {max_length} are taken")
    plain = text.lower().replace("\u2019", "'").replace("what's", "what is")
    words = re.sub(r"[^\w\s'-]", " ", plain).split()
    while words and (words[-1] in CLOSING or tuple(words[-2:]) in CLOSING_PAIRS):
        del words[-1 if words[-1] in CLOSING else -2 :]
    words = without_opening(words)
    if not words:
        raise QueryError(f"the query {text!r} names no object; say what to find")
    return words


def without_opening(words: list[str]) -> list[str]:
    """Return words without those at the beginning that name nothing."""
    start = 0
    while start < len(words) and (
        words[start] in OPENING or tuple(words[start : start + 2]) in OPENING_PAIRS
    ):
        start += 1
    return words[start:]


def noun_phrase(words: list[str]) -> TextQuery | None:
    """Return what words ask for: ["the", "yellow", "ducks"] is "yellow duck"; None for no noun."""
    words = without_opening(words)
    if not words:
        return None
    label = " ".join([*words[:-1], singular(words[-1])])
    return TextQuery(label, describe(label))


def excluded_phrase(words: list[str]) -> TextQuery | None:
    """Return what words after a "not" ask for: "orange" alone is the colour, "an orange" not."""
    colour = words[-1] in KIND_CLASSES and set(words) <= COLOR_WORDS | SHADES
    return noun_phrase([*words, "one"] if colour else words)


def is_adjective(word: str) -> bool:
    """Return whether a word before a noun says how an object is."""
    return word in ADJECTIVES or bool(ADJECTIVE_ENDING.search(word))


def is_superlative(word: str) -> bool:
    """Return whether a word is the superlative of a colour or an adjective: "heaviest"."""
    stem = word.removesuffix("est")
    forms = {stem, stem + "e", stem[:-1], stem[:-1] + "y"}  # "old", "wide", "red", "heavy"
    return stem != word and not forms.isdisjoint(ADJECTIVES | COLOR_WORDS | SHADES)


def singular(word: str) -> str:
    """Return the singular of an English noun: "mugs" is "mug", "brushes" "brush", "dice" stays."""
    if word in UNCHANGED or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if re.search(r"[^siu]s$", word) else word


def describe(label: str) -> tuple[Description, ...]:
    """Return the readings of cleaned words.

    A colour word before a noun names the colour: "red ball", "orange ball", "the orange one". At
    the end it names the kind if it can ("orange" is a fruit, "gold" a metal), else the colour
    ("red", "dark red"). Before the class of that kind, "orange fruit", it belongs to the kind; to
    a model without such a kind it is the colour of the class.
    """
    words = label.split()
    plain = split_color(words)
    if len(words) < 2 or KIND_CLASSES.get(words[-2]) != words[-1]:
        return (plain,)
    if len(words) > 2 and words[-3] in SHADES:
        return (plain,)
    rest = split_color(words[:-2])
    kind = " ".join([*rest.kind.split(), *words[-2:]])
    return Description(kind, rest.color), plain


def split_color(words: list[str]) -> Description:
    """Return the words that name the colour, and the others."""
    color: list[str] = []
    kind: list[str] = []
    own = next((i for i, word in enumerate(words) if word in ("with", "of")), len(words))
    words, parts = words[:own], words[own:]  # a part or content has colours of its own
    for index, word in enumerate(words):
        following = words[index + 1 : index + 2]
        shade = word in SHADES and bool(following) and following[0] in COLOR_WORDS
        after_shade = bool(color) and color[-1] in SHADES
        is_color = word in COLOR_WORDS and (
            bool(following) or after_shade or word not in KIND_CLASSES
        )
        (color if shade or is_color else kind).append(word)
    if set(kind) <= PLACEHOLDERS and color and not parts:
        kind = []
    kind += parts
    return Description(" ".join(kind), " ".join(color))
