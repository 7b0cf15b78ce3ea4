"""The text of a query: which words name the kind of object, and which its colour."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


OPENING = frozenset(
    _words("""
a an the this that these those my your our some any please kindly could would will you find get me
us bring fetch grab pick up give show take where is are there locate search look for i we want
need to photo picture of""")
)
"""Words that name nothing at the beginning of a query."""
OPENING_PAIRS = frozenset((("can", "you"), ("can", "i"), ("can", "we"), ("hand", "me")))
"""The first word of these names nothing only before the second: "can", "hand" are objects, too."""
CLOSING = frozenset(_words("please kindly thanks thank you now"))
"""Words that name nothing at the end of a query."""
COLORS = _words("red orange yellow green cyan blue purple pink brown black grey white")
"""Colours that are the negatives of a colour asked for."""
COLOR_WORDS = frozenset(
    COLORS
    + _words("""
gray turquoise teal aqua violet lilac lavender magenta crimson scarlet golden navy beige ivory
silver maroon olive""")
)
SHADES = frozenset(_words("light dark bright pale deep"))
"""Words that belong to a colour word after them."""
PLACEHOLDERS = frozenset(_words("thing object item one something stuff"))
"""Words that stand for any object."""
UNCHANGED = frozenset(_words("scissors pliers glasses goggles dice lens tongs tweezers series"))
"""Words that look like a plural and stay as they are."""


class QueryError(ValueError):
    """A query that cannot be answered; the message says why."""


@dataclass(frozen=True)
class TextQuery:
    """What a text asks for.

    Attributes:
        label: the words that name the object.
        kind: the words of them that name its kind; may be empty.
        color: the words of them that name its colour; may be empty.
    """

    label: str
    kind: str
    color: str


def parse_query(text: str, max_length: int) -> TextQuery:
    """Parse the text of a query.

    Args:
        text: plain words.
        max_length: characters.

    Raises:
        QueryError: the text is empty, names no object, or is longer than `max_length`.
    """
    label = clean_text(text, max_length)
    color, kind = split_color(label)
    return TextQuery(label, kind, color)


def clean_text(text: str, max_length: int) -> str:
    """Return the words that name the object: "Please find the yellow ducks!" is "yellow duck".

    Raises:
        QueryError: see `parse_query`.
    """
    if not text.strip():
        raise QueryError("the query is empty; say what to find, for example 'yellow bath duck'")
    if len(text) > max_length:
        raise QueryError(f"the query has {len(text)} characters; at most {max_length} are taken")
    words = re.sub(r"[^\w\s'-]", " ", text.lower()).split()
    while words and words[-1] in CLOSING:
        words.pop()
    if words[-3:-1] == ["on", "the"]:
        del words[-3:]
    while words and (words[0] in OPENING or tuple(words[:2]) in OPENING_PAIRS):
        del words[0]
    if not words:
        raise QueryError(f"the query {text!r} names no object; say what to find")
    return " ".join([*words[:-1], singular(words[-1])])


def singular(word: str) -> str:
    """Return the singular of an English noun: "mugs" is "mug", "brushes" "brush", "dice" stays."""
    if word in UNCHANGED or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if re.search(r"[^siu]s$", word) else word


def split_color(text: str) -> tuple[str, str]:
    """Return colour and kind of cleaned words; either may be empty.

    A colour word at the end is the object itself: "orange" is a fruit.
    """
    words = text.split()
    color, kind = [], []
    for index, word in enumerate(words):
        last = index == len(words) - 1
        shade = word in SHADES and not last and words[index + 1] in COLOR_WORDS
        (color if shade or (word in COLOR_WORDS and not last) else kind).append(word)
    if set(kind) <= PLACEHOLDERS and color:
        kind = []
    return " ".join(color), " ".join(kind)
