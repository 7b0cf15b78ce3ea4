"""Questions that an inventory answers.

    question = ("what" | "which") [noun] ("is" | "are" | ...) link*
             | "how many" noun ["are there"] link*
             | ("is" | "are") "there" ["any"] noun link*

`request.py` parses noun and links; every other question is refused by name.
"""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.query.describe import Description, describe, sentences
from m3_ros.query.grammar import COLORS, PLACEHOLDERS, QueryError, TextQuery, noun_phrase
from m3_ros.query.inventory import UNKNOWN, Inventory
from m3_ros.query.request import Request, parse_request
from m3_ros.query.request_words import Relation
from m3_ros.query.result import TargetObject
from m3_ros.query.select import Selector
from m3_ros.query.surfaces import names_surface

VERBS = r"(?:(?:is|are|stands?|lies|lie|sits?)(?: there)?|do you see|can you see)"
QUESTIONS = (
    re.compile(rf"(?P<ask>what|which)(?: (?P<noun>.+?))??(?:'s| {VERBS})(?P<links>(?: .+)?)"),
    re.compile(rf"(?P<ask>how many) (?P<noun>.+?)(?: {VERBS}(?P<links>(?: .+)?))?"),
    re.compile(r"(?P<ask>is|are) there (?:any )?(?P<noun>.+)"),
)
"""What is asked, the noun, and what follows the verb."""
EXAMPLES = "'what is on the table?', 'how many mugs are there?', 'is there a mug near the jar?'"


def answer_question(inventory: Inventory, question: str) -> Description:
    """Return the answer to a question.

    Args:
        inventory: that it is about.
        question: of the grammar above.

    Raises:
        QueryError: the question is empty, too long, none of the grammar, or has a word that the
            encoder has not learnt.
    """
    ask, noun, links = _parts(question, inventory.localizer.config.max_query_length)
    text = f"{noun} {links}".strip()
    if not text:
        return describe(inventory)
    request = parse_request(text, len(text))
    named = _noun(parse_request(noun, len(noun))) if noun else None
    if _noun(request) != named:  # a noun behind the verb: "what is the duck"
        raise _refused(question)
    matcher = _Matcher(inventory)
    matcher.require_understood(request)
    selection = matcher.selector.select(request)
    found = [target.id for target in selection.targets]
    said, why = sentences(inventory, found), selection.problem
    doubtful = request.noun is not None and all(inventory[index].doubtful for index in found)
    if ask == "how many":
        doubt = "perhaps " if found and doubtful else ""
        count = f"{request.label}: {doubt}{len(found)}"
        said = [f"{count} ({why})" if why else count, *said]
    elif ask in ("is", "are"):
        said = ["perhaps" if doubtful else "yes", *said] if found else [f"no: {why}"]
    elif why:
        said = [why if found else f"nothing: {why}", *said]
    return Description(said, found)


def _parts(question: str, limit: int) -> tuple[str, str, str]:
    """Return what is asked, the noun, and what follows the verb.

    Args:
        question: any text.
        limit: characters.
    """
    if not question.strip():
        raise QueryError(f"the question is empty; ask for instance {EXAMPLES}")
    if len(question) > limit:
        raise QueryError(f"the question has {len(question)} characters; at most {limit} are taken")
    words = " ".join(re.sub(r"[^\w\s'-]", " ", question.lower()).split())
    for pattern in QUESTIONS:
        found = pattern.fullmatch(words)
        if found is not None:
            parts = found.groupdict(default="")
            return parts["ask"], parts["noun"], parts.get("links", "").strip()
    raise _refused(question)


def _noun(request: Request) -> str | None:
    """Return the noun of a request; None for any object."""
    if request.noun is None or request.noun.label in PLACEHOLDERS:
        return None
    return request.noun.label


def _refused(question: str) -> QueryError:
    return QueryError(
        f"{question.strip()!r} is no question that an inventory answers; ask for instance "
        f"{EXAMPLES}, or find one object with `m3 query`"
    )


class _Matcher:
    """Finds the objects of an inventory that a noun phrase means."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._scorer, self._extractor = inventory.localizer.scorer, inventory.localizer.extractor
        self._least = inventory.localizer.config.found_probability
        names = (*self._extractor.vocabulary(), UNKNOWN)
        self._names = {_kind(name): name for name in names}
        config = replace(inventory.localizer.config, ambiguity_share=0.0)  # all that fit are meant
        surfaces, relations = inventory.surfaces, inventory.relations
        self.selector = Selector(self._find, surfaces, relations, config)

    def require_understood(self, request: Request) -> None:
        """Do nothing where a request can be answered.

        Raises:
            QueryError: it has a number, a surface where an object is needed, or an unknown word.
        """
        if request.count is not None:
            raise QueryError(f"{request.label!r} has a number; ask 'how many ...?' instead")
        if names_surface(replace(request, links=())):
            raise QueryError(
                f"{request.noun.label!r} is a surface, which an inventory does not list; ask "
                f"'what is on the {request.noun.label}?'"
            )
        for link in request.links:
            on = link.relation in (Relation.ON, Relation.UNDER)
            if link.anchors[0].is_surface and not on:
                raise QueryError(
                    f"things are only 'on' or 'under' {link.anchors[0].label!r}, not "
                    f"{link.relation.value!r} it"
                )
        for noun in request.nouns():
            if not any(self._known(reading.kind) for reading in noun.readings):
                name = self._extractor.name
                raise QueryError(f"{name!r} has not learnt what {noun.readings[0].kind!r} is")

    def _known(self, kind: str) -> bool:
        named = not kind or kind in PLACEHOLDERS or kind in self._names
        return named or self._extractor.in_vocabulary(kind)

    def _find(self, request: Request) -> list[TargetObject]:
        """Return the objects that fit a noun and none that it excludes; ids are indices."""
        inventory = self._inventory
        return [
            TargetObject(
                index,
                item.name,
                1.0,
                QueryStatus.FOUND,
                inventory.boxes[index],
                0.0,
                False,
                np.zeros((0, 3)),
            )
            for index, item in enumerate(inventory)
            if self._fits(index, request.noun)
            and not any(self._fits(index, noun) for noun in request.excluded)
        ]

    def _fits(self, index: int, noun: TextQuery | None) -> bool:
        """Return whether an object has the kind and the colour of a noun phrase.

        A word of the vocabulary, or of `COLORS`, means what the inventory says; any other is
        compared with the object's feature, as in a query.
        """
        if noun is None:
            return True
        item = self._inventory[index]
        meant = next(reading for reading in noun.readings if self._known(reading.kind))
        kind, color = meant.kind, meant.color
        if kind in self._names:
            fits = self._names[kind] == item.kind
        else:
            fits = not kind or kind in PLACEHOLDERS or self._shows(index, kind)
        if color in COLORS:
            return fits and item.color == color
        return fits and (not color or self._shows(index, f"{color} thing"))

    def _shows(self, index: int, text: str) -> bool:
        query = self._scorer.noun(noun_phrase(text.split()))
        return (
            float(self._scorer.probabilities(query, self._inventory[index].feature)) >= self._least
        )


def _kind(name: str) -> str:
    """Return how the grammar reads a word of the vocabulary: "headphones" is "headphone"."""
    return noun_phrase(name.split()).readings[0].kind
