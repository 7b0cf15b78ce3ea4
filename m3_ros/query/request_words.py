"""The structure words of a request, and the lexer that tells them from noun phrases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from m3_ros.query.grammar import is_superlative, singular


class Relation(Enum):
    """How an object stands to another; the value is how it is said."""

    LEFT = "left of"
    RIGHT = "right of"
    FRONT = "in front of"
    BEHIND = "behind"
    ON = "on"
    UNDER = "under"
    ABOVE = "above"
    IN = "in"
    NEXT_TO = "next to"
    BETWEEN = "between"
    LARGER = "larger than"
    SMALLER = "smaller than"
    TALLER = "taller than"
    SHORTER = "shorter than"


class Order(Enum):
    """By what objects are sorted, the first one first; the value is how it is said."""

    LARGEST = "largest"
    SMALLEST = "smallest"
    TALLEST = "tallest"
    SHORTEST = "shortest"
    HIGHEST = "highest"
    LOWEST = "lowest"
    LEFTMOST = "leftmost"
    RIGHTMOST = "rightmost"
    MIDDLE = "middle"
    NEAREST = "nearest"
    FARTHEST = "farthest"


class Kind(Enum):
    """What a token is."""

    WORD = "word"  # of a noun phrase
    NUMBER = "number"  # value: how many, 0 for all
    ORDINAL = "ordinal"  # value: the place, from 1
    ORDER = "order"  # value: an `Order`
    ORDER_TO = "order to"  # the same, and what follows is measured to
    RELATION = "relation"  # value: a `Relation`
    NOT = "not"
    AND = "and"
    REFUSED = "refused"  # a structure word that fits no rule


@dataclass(frozen=True)
class Token:
    """Words of a text, and what they are.

    Attributes:
        kind: what they are.
        text: the words.
        value: see `Kind`.
    """

    kind: Kind
    text: str
    value: int | Order | Relation | None = None


def _words(text: str) -> list[str]:
    return text.split()


def _phrases(text: str) -> set[tuple[str, ...]]:
    return {tuple(phrase.split()) for phrase in text.split(", ")}


def _table(kind: Kind, rows: dict) -> dict[tuple[str, ...], tuple]:
    return {
        phrase: (kind, value) for value, phrases in rows.items() for phrase in _phrases(phrases)
    }


NUMBERS = _table(
    Kind.NUMBER,
    {
        0: "all, all of, every, each of",
        2: "2, two, two of, both, both of, couple of, pair of",
        3: "3, three, three of",
    }
    | {4: "4, four, four of", 5: "5, five, five of", 6: "6, six, six of", 7: "7, seven"}
    | {8: "8, eight", 9: "9, nine", 10: "10, ten"},
)
ORDINALS = _table(
    Kind.ORDINAL,
    {1: "first, 1st", 2: "second, 2nd", 3: "third, 3rd", 4: "fourth, 4th", 5: "fifth, 5th"}
    | {6: "sixth, 6th", 7: "seventh, 7th", 8: "eighth, 8th", 9: "ninth, 9th", 10: "tenth, 10th"},
)
ORDERS = _table(
    Kind.ORDER,
    {
        Order.LARGEST: "largest, biggest, large, big, huge",
        Order.SMALLEST: "smallest, small, little, tiny",
        Order.TALLEST: "tallest, tall",
        Order.SHORTEST: "shortest, short",
        Order.HIGHEST: "highest, uppermost, topmost",
        Order.LOWEST: "lowest, lowermost",
        Order.NEAREST: "nearest, closest, in the front, at the front",
        Order.FARTHEST: "farthest, furthest, in the back, at the back",
        Order.LEFTMOST: "leftmost, from the left, on the left, to the left, at the left, "
        "on the left side, on the far left, at the far left, on the left hand side",
        Order.RIGHTMOST: "rightmost, from the right, on the right, to the right, at the right, "
        "on the right side, on the far right, at the far right, on the right hand side",
        Order.MIDDLE: "in the middle, in the centre, in the center",
    },
)
SIDES = {"left": Order.LEFTMOST, "right": Order.RIGHTMOST, "middle": Order.MIDDLE}
"""Orders only before a noun: "the left mug"."""
ORDERS_TO = _table(
    Kind.ORDER_TO,
    {Order.NEAREST: "nearest to, closest to", Order.FARTHEST: "farthest from, furthest from"},
)
RELATIONS = _table(
    Kind.RELATION,
    {
        Relation.LEFT: "left of, to the left of, on the left of, on the left side of, "
        "to the left side of, on the left hand side of, to the left hand side of",
        Relation.RIGHT: "right of, to the right of, on the right of, on the right side of, "
        "to the right side of, on the right hand side of, to the right hand side of",
        Relation.FRONT: "in front of",
        Relation.BEHIND: "behind, at the back of, in back of",
        Relation.ON: "on, upon, atop, on top of, on the top of",
        Relation.UNDER: "under, underneath, below, beneath",
        Relation.ABOVE: "above, over",
        Relation.IN: "in, inside, inside of",
        Relation.NEXT_TO: "next to, beside, near, close to, by, adjacent to, by the side of, "
        "alongside, close by",
        Relation.BETWEEN: "between, in between",
        Relation.LARGER: "larger than, bigger than",
        Relation.SMALLER: "smaller than",
        Relation.TALLER: "taller than, higher than",
        Relation.SHORTER: "shorter than, lower than",
    },
)
OTHERS = _table(
    Kind.NOT,
    {
        None: "not, isn't, aren't, that isn't, that aren't, which isn't, but not, and not, but, "
        "except, except for, other than, that is not, that are not, which is not, which are not"
    },
) | _table(Kind.AND, {None: "and, and is, and that is, and which is"})
FILLERS = _phrases(
    "that is, that are, that's, which is, which are, that stands, that lies, standing, lying, "
    "sitting, placed, located"
)
"""Words that say nothing more than the structure words after them."""
UNPARSED = frozenset(
    _words("""
or nor no neither either if unless without than as most least more less fewer last other another
only same different left right against around along across opposite outside towards toward through
off at from both all every none nothing nobody who whose when while because within few several many
how was were been yesterday ago earlier zero eleven twelve dozen hundred larger bigger smaller
taller which do does did put""")
)
"""Structure words that fit no rule where they stand."""
ARTICLES = frozenset(_words("a an the this that these those my your our"))
PHRASES = NUMBERS | ORDINALS | ORDERS | ORDERS_TO | RELATIONS | OTHERS
LONGEST = max(map(len, PHRASES))


def tokens(words: list[str]) -> list[Token]:
    """Return the tokens of the words of a text, longest phrases first."""
    found: list[Token] = []
    at = 0
    while at < len(words):
        noun = bool(found) and found[-1].kind is Kind.WORD and found[-1].text not in ARTICLES
        token, length = _next(words, at, noun)
        at += length
        if token is not None:
            found.append(token)
    return found


def _next(words: list[str], at: int, behind_noun: bool) -> tuple[Token | None, int]:
    """Return the token at a place, None for a filler, and how many words it takes."""
    rest = words[at:]
    for length in range(min(LONGEST, len(rest)), 0, -1):
        phrase = tuple(rest[:length])
        text = " ".join(phrase)
        if phrase in FILLERS and length < len(rest):
            return None, length
        if phrase in PHRASES:
            kind, value = PHRASES[phrase]
            if kind is Kind.NUMBER and (behind_noun or length == len(rest)):
                continue  # "figure two", "all"
            return Token(kind, text, value), length
    word = rest[0]
    if word in SIDES and not behind_noun and len(rest) > 1:
        return Token(Kind.ORDER, word, SIDES[word]), 1
    parts = word.split("-")
    compound = len(parts) > 1 and (parts[0] in ("not", "non") or parts[-1] == "most")
    number = not behind_noun and _is_no_count(word, rest[1:])
    refused = word in UNPARSED or compound or number or is_superlative(parts[-1])
    return Token(Kind.REFUSED if refused else Kind.WORD, word), 1


def _is_no_count(word: str, behind: list[str]) -> bool:
    """Return whether a word is a number, but not how many objects may be asked for.

    Before a singular it belongs to the noun: "100 ml bottle".
    """
    if not behind or not word.lstrip("-").isdecimal():
        return False
    return int(word) < 1 or any(singular(each) != each for each in behind)
