"""Queries with relations, order, negation and number, with answers known from true places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.evaluate.known_queries import KnownQuery
from m3_ros.types import Array

HOLDS, FAILS = np.cos(np.deg2rad(35.0)), np.cos(np.deg2rad(80.0))
"""Queries are asked where the relation is plain: within 35 degrees of the direction for what
is meant, and beyond 80 degrees for all others of the kind."""
PHRASES = {
    "left of": (0.0, 1.0),
    "to the right of": (0.0, -1.0),
    "in front of": (-1.0, 0.0),
    "behind": (1.0, 0.0),
}
"""Each direction as shares of away from the viewer and to the viewer's left."""
APART = 0.06
"""Difference in m, sideways or in distance, from which an order is plain."""
MOST = {"relation": 8, "false relation": 4, "order": 4, "negation": 4, "false negation": 2}
"""Queries of a kind in one scene."""


@dataclass(frozen=True, eq=False)
class Place:
    """An object of a scene.

    Attributes:
        name: of the object.
        label: colour and kind.
        kind: its category.
        center: `[2]` m, horizontally.
    """

    name: str
    label: str
    kind: str
    center: Array

    @property
    def color(self) -> str:
        """Return the colour in its label."""
        return self.label.partition(" ")[0]


def structured_queries(
    places: Sequence[Place], camtoworld: Array, rng: np.random.Generator
) -> Iterator[KnownQuery]:
    """Yield queries about objects as a camera at `camtoworld [4, 4]` sees them."""
    eye = camtoworld[:2, 3]
    kinds: dict[str, list[Place]] = {}
    for place in places:
        kinds.setdefault(place.kind, []).append(place)
    found = [
        *_relations(places, kinds, eye),
        *_orders(kinds, eye),
        *_negations(kinds),
    ]
    for kind, most in MOST.items():
        asked = [query for query in found if query.kind == kind]
        for index in rng.permutation(len(asked))[:most]:
            yield asked[index]
    yield from _numbers(kinds)


def _relations(
    places: Sequence[Place], kinds: Mapping[str, list[Place]], eye: Array
) -> Iterator[KnownQuery]:
    labels = [place.label for place in places]
    for anchor in places:
        if labels.count(anchor.label) > 1:
            continue
        away = (anchor.center - eye) / np.linalg.norm(anchor.center - eye)
        axes = np.array([away, [-away[1], away[0]]])
        for kind, candidates in kinds.items():
            others = [place for place in candidates if place is not anchor]
            if not others or kind == anchor.kind:
                continue
            offsets = np.array([place.center - anchor.center for place in others])
            offsets /= np.linalg.norm(offsets, axis=1, keepdims=True)
            for phrase, direction in PHRASES.items():
                cosines = offsets @ (direction @ axes)
                if ((cosines < HOLDS) & (cosines > FAILS)).any():
                    continue
                meant = tuple(
                    place.name
                    for place, cosine in zip(others, cosines, strict=True)
                    if cosine >= HOLDS
                )
                if len(meant) < 2:
                    query = "relation" if meant else "false relation"
                    yield KnownQuery(query, f"the {kind} {phrase} the {anchor.label}", meant)


def _orders(kinds: Mapping[str, list[Place]], eye: Array) -> Iterator[KnownQuery]:
    for kind, candidates in kinds.items():
        if len(candidates) < 2:
            continue
        middle = np.mean([place.center for place in candidates], axis=0) - eye
        ahead = middle / np.linalg.norm(middle)
        left = np.array([-ahead[1], ahead[0]])
        distance = [float(np.linalg.norm(place.center - eye)) for place in candidates]
        keys = {
            f"the leftmost {kind}": [-float(place.center @ left) for place in candidates],
            f"the {kind} on the right": [float(place.center @ left) for place in candidates],
            f"the {kind} nearest to me": distance,
            f"the farthest {kind}": [-value for value in distance],
        }
        for text, values in keys.items():
            first, second = np.argsort(values)[:2]
            if values[second] - values[first] > APART:
                yield KnownQuery("order", text, (candidates[first].name,))


def _negations(kinds: Mapping[str, list[Place]]) -> Iterator[KnownQuery]:
    for kind, candidates in kinds.items():
        for color in sorted({place.color for place in candidates}):
            rest = tuple(place.name for place in candidates if place.color != color)
            text = f"the {kind} that is not {color}"
            if len(rest) == 1:
                yield KnownQuery("negation", text, rest)
            elif not rest:
                yield KnownQuery("false negation", text, ())


def _numbers(kinds: Mapping[str, list[Place]]) -> Iterator[KnownQuery]:
    singles = 0
    for kind, candidates in sorted(kinds.items()):
        names = tuple(place.name for place in candidates)
        if len(names) == 2:
            yield KnownQuery("number", f"both {plural(kind)}", names)
            yield KnownQuery("false number", f"three {plural(kind)}", ())
        elif len(names) == 1 and singles < 2:
            singles += 1
            yield KnownQuery("false number", f"two {plural(kind)}", ())


def plural(kind: str) -> str:
    """Return the plural of a category's name."""
    if kind == "dice":
        return kind
    return kind + ("es" if kind.endswith(("sh", "ch", "x", "s")) else "s")
