"""The grammar of a request: number, order, relations and negation about noun phrases.

Only structure words are parsed; the noun phrases between them stay whole, and `grammar.py` splits
kind and colour. A structure word that fits no rule is refused by name, never dropped.

    request = [number] [ordinal] [order] noun [order] link*
    link    = ["and"] ["not"] relation request  |  "not" noun  |  "nearest to" request

A link belongs to the noun phrase before it; after "and", a surface or the robot to the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from m3_ros.query.grammar import (
    PLACEHOLDERS,
    QueryError,
    TextQuery,
    excluded_phrase,
    noun_phrase,
    text_words,
)
from m3_ros.query.request_words import ARTICLES, Kind, Order, Relation, Token, tokens

ROBOT = frozenset(["me", "you", "us", "robot", "yourself", "myself", "camera"])
"""Nouns that are the robot; "camera" only in "nearest to the camera", not as what is asked for."""
SURFACES = frozenset(
    ["table", "desk", "floor", "ground", "shelf", "counter", "tabletop", "worktop"]
)
"""Nouns of surfaces that objects stand on."""
FRAMES = {
    ("in", "map"),
    ("in", "the", "map"),
    ("in", "the", "map", "frame"),
    ("in", "map", "frame"),
}
"""Endings that ask for left and right in the memory's frame."""


class Side(Enum):
    """Whose left, right, front and behind are meant."""

    VIEW = "view"  # the camera's
    MAP = "map"  # of someone at the memory's origin who looks along x


@dataclass(frozen=True)
class Rank:
    """A place in an order: "second from the left" is place 2 of LEFTMOST.

    Attributes:
        order: by what the objects are sorted.
        place: from 1.
        anchor: what a distance is measured to; None: the robot.
    """

    order: Order
    place: int = 1
    anchor: Request | None = None


@dataclass(frozen=True)
class Link:
    """A relation that an object must have, or must not have.

    Attributes:
        relation: to the anchors.
        anchors: one, or two for BETWEEN (one with a count of two: both of them).
        negated: it must not hold.
    """

    relation: Relation
    anchors: tuple[Request, ...]
    negated: bool = False


@dataclass(frozen=True)
class Request:
    """What a text asks for.

    Attributes:
        label: its words.
        noun: the noun phrase; None for any object.
        count: how many objects; 0: all that fit; None: one.
        rank: which of those that fit.
        excluded: noun phrases that must not fit.
        links: relations.
        side: whose left and right.
    """

    label: str
    noun: TextQuery | None
    count: int | None = None
    rank: Rank | None = None
    excluded: tuple[TextQuery, ...] = ()
    links: tuple[Link, ...] = ()
    side: Side = Side.VIEW

    @property
    def structured(self) -> bool:
        """Return whether it is more than a noun phrase."""
        return self != Request(self.label, self.noun)

    def nouns(self) -> Iterator[TextQuery]:
        """Yield every noun phrase of things to look for."""
        if self.noun is not None and not self.is_robot:
            yield self.noun
        yield from self.excluded
        anchors = [anchor for link in self.links for anchor in link.anchors]
        if self.rank is not None and self.rank.anchor is not None:
            anchors.append(self.rank.anchor)
        for anchor in anchors:
            if not anchor.is_surface:
                yield from anchor.nouns()

    @property
    def is_robot(self) -> bool:
        """Return whether the robot itself is meant."""
        return self.noun is not None and self.noun.label in ROBOT and not self.noun.readings

    @property
    def is_surface(self) -> bool:
        """Return whether a surface is meant that objects stand on."""
        return self.noun is not None and self.noun.label.split()[-1] in SURFACES


def parse_request(text: str, max_length: int) -> Request:
    """Parse the text of a request.

    Args:
        text: plain words.
        max_length: characters.

    Raises:
        QueryError: the text is empty, too long, names no object, or has a structure word that
            fits no rule.
    """
    words, side = text_words(text, max_length), Side.VIEW
    for phrase in FRAMES:
        if tuple(words[-len(phrase) :]) == phrase and len(words) > len(phrase):
            words, side = words[: -len(phrase)], Side.MAP
    parser = _Parser(tokens(words))
    request = parser.request(nested=False)
    if parser.rest:
        raise _refusal(parser.rest[0])
    if request.is_robot:
        raise QueryError(f"the query {text!r} names no object; say what to find")
    return replace(request, side=side)


def _refusal(token: Token) -> QueryError:
    if token.text == "how":
        return QueryError("a query names what to find; `m3 describe` answers questions (how many)")
    return QueryError(
        f"{token.text!r} is not understood where it stands; docs/queries.md lists how a query "
        "may count, order, relate and exclude objects; say it so, or name one object"
    )


class _Parser:
    """Recursive descent; `rest` are the tokens that are not read yet."""

    def __init__(self, found: list[Token]) -> None:
        self.rest = found

    def request(self, nested: bool) -> Request:
        """Read a request; a nested one ends before "and"."""
        start = list(self.rest)
        words: list[str] = []
        parts: dict[Kind, Token] = {}
        anchor: Request | None = None
        excluded: list[TextQuery] = []
        links: list[Link] = []
        while self.rest and not (nested and self._ends(words)):
            token = self.rest.pop(0)
            if token.kind is Kind.WORD and not links and not excluded and anchor is None:
                words.append(token.text)
            elif token.kind is Kind.RELATION:
                links.append(self._link(token, negated=False))
            elif token.kind is Kind.NOT and self._next() is Kind.RELATION:
                links.append(self._link(self.rest.pop(0), negated=True))
            elif token.kind is Kind.NOT and self._next() is Kind.WORD:
                excluded.append(excluded_phrase(self._words()))
            elif token.kind is Kind.AND and self._next() in (Kind.RELATION, Kind.NOT):
                pass
            elif token.kind is Kind.ORDER_TO and Kind.ORDER not in parts:
                parts[Kind.ORDER] = token
                anchor = self.request(nested=True)
            elif token.kind in (Kind.NUMBER, Kind.ORDINAL, Kind.ORDER) and token.kind not in parts:
                parts[token.kind] = token
            else:
                raise _refusal(token)
        if Kind.ORDINAL in parts and Kind.ORDER not in parts:
            raise _refusal(parts[Kind.ORDINAL])
        label = " ".join(token.text for token in start[: len(start) - len(self.rest)])
        noun = _noun(words, nested)
        if noun is None and not links and Kind.ORDER not in parts:
            raise QueryError(f"{label!r} names no object; say what to find")
        if noun is not None and noun.label in PLACEHOLDERS and (links or excluded or parts):
            noun = None
        number = parts.get(Kind.NUMBER)
        count, rank = None if number is None else number.value, _rank(parts, anchor)
        return Request(label, noun, count, rank, tuple(excluded), tuple(links))

    def _ends(self, words: list[str]) -> bool:
        """Return whether a nested request of these words ends here."""
        kind = self._next()
        closed = bool(words) and words[-1] in SURFACES | ROBOT
        return kind is Kind.AND or (closed and kind is not Kind.WORD)

    def _next(self) -> Kind | None:
        return self.rest[0].kind if self.rest else None

    def _words(self) -> list[str]:
        words = []
        while self._next() is Kind.WORD:
            words.append(self.rest.pop(0).text)
        return words

    def _link(self, token: Token, negated: bool) -> Link:
        anchors = [self._anchor(token)]
        if token.value is Relation.BETWEEN and anchors[0].count != 2:
            if self._next() is not Kind.AND:
                raise QueryError(f"'between' needs two objects, but {anchors[0].label!r} is one")
            anchors.append(self._anchor(self.rest.pop(0)))
        return Link(token.value, tuple(anchors), negated)

    def _anchor(self, token: Token) -> Request:
        """Read what a relation is to."""
        if not self.rest or self._next() in (Kind.AND, Kind.RELATION):
            raise _refusal(token)
        return self.request(nested=True)


def _noun(words: list[str], nested: bool) -> TextQuery | None:
    name = [word for word in words if word not in ARTICLES]
    if len(name) == 1 and name[0] in ROBOT and (nested or name[0] != "camera"):
        return TextQuery(name[0], ())
    return noun_phrase(words)


def _rank(parts: dict[Kind, Token], anchor: Request | None) -> Rank | None:
    if Kind.ORDER not in parts:
        return None
    ordinal = parts.get(Kind.ORDINAL)
    to = None if anchor is None or anchor.is_robot else anchor
    return Rank(parts[Kind.ORDER].value, 1 if ordinal is None else ordinal.value, to)
