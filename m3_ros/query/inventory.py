"""What a memory holds: every segment with its kind, colour, size, place and neighbour.

The kinds are those of the encoder's vocabulary. Each is searched for as a query does it, so that
the probability of an object is the one that `m3 query KIND` gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.query.answer import Localizer
from m3_ros.query.grammar import COLORS, noun_phrase
from m3_ros.query.relations import Relations, Viewpoint
from m3_ros.query.request import Side
from m3_ros.query.request_words import Order, Relation
from m3_ros.query.score import Hypothesis
from m3_ros.query.select import CLEAR
from m3_ros.query.shape import OrientedBox
from m3_ros.query.surface_relations import SurfaceRelations

UNKNOWN = "unknown object"
"""Kind of an object that fits no word of the vocabulary."""
SURFACE_NAMES = ("table", "floor")
"""What a level surface is called, the first that fits; see `named_planes`."""
TOLD = (
    Relation.IN,
    Relation.ON,
    Relation.ABOVE,
    Relation.UNDER,
    Relation.LEFT,
    Relation.RIGHT,
    Relation.FRONT,
    Relation.BEHIND,
)
"""Relations to a neighbour, the first of those that hold best is told; else `NEXT_TO`."""


@dataclass(frozen=True, eq=False)
class InventoryObject:
    """One object of an inventory.

    Attributes:
        id: index of the memory's segment that it is, or is part of.
        kind: word of the vocabulary, or `UNKNOWN`.
        color: one of `COLORS`; empty where none is probable enough.
        score: calibrated probability of the kind, 0..1; 0 for an unknown object.
        doubtful: it has a kind, but one that a query would call UNCERTAIN.
        box: upright box about it, in the memory's frame and unit.
        feature: unit mean feature `[d]`.
        surface: name of the surface it stands on; empty for none.
        relation: to its nearest neighbour; None where it is the only object.
        neighbour: index in the inventory of that one; -1 for none.
    """

    id: int
    kind: str
    color: str
    score: float
    doubtful: bool
    box: OrientedBox
    feature: NDArray[np.float32]
    surface: str
    relation: Relation | None
    neighbour: int

    @property
    def name(self) -> str:
        """Return its colour and kind."""
        return f"{self.color} {self.kind}".strip()


@dataclass(frozen=True, eq=False)
class _Found:
    kind: str
    id: int
    members: NDArray[np.int64]
    feature: NDArray[np.float32]
    score: float


class Inventory:
    """The objects of one memory, most probable first, unknown ones last.

    Left, right, front and behind are those of the memory's frame: x is away, y is left.

    Args:
        localizer: of the memory.

    Attributes:
        localizer: as given.
        boxes: of the objects, in m (a memory of another unit at its nominal scale).
        relations: judges those boxes.
        surfaces: the level surfaces.
    """

    def __init__(self, localizer: Localizer) -> None:
        segments = localizer.segments
        self.localizer = localizer
        self.relations = Relations(Viewpoint.of(Side.MAP, None), segments.touch)
        self.surfaces = SurfaceRelations(segments.planes, segments.solid, segments.touch)
        found = _best(self._known(), len(segments.points))
        found += self._unknown(found)
        self.boxes = [segments.box(segments.surface(each.members)) for each in found]
        self._items = tuple(self._object(*pair) for pair in enumerate(found))

    def __iter__(self) -> Iterator[InventoryObject]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> InventoryObject:
        return self._items[index]

    def _known(self) -> list[_Found]:
        """Return every segment, or part of one, that a query for a kind finds."""
        scorer, found = self.localizer.scorer, []
        for kind in self.localizer.extractor.vocabulary():
            query = scorer.noun(noun_phrase(kind.split()))
            for each in scorer.hypotheses(query, scorer.of_gaussians(query), every=True):
                found.append(_of(kind, each))
        return found

    def _unknown(self, found: Sequence[_Found]) -> list[_Found]:
        """Return the segments that are no known object, and what is left of the others.

        A rest that would belong to the object as its lid or stem is no object, see
        `Segments.with_attached`.
        """
        segments, unknown = self.localizer.segments, []
        for segment in segments:
            known = [each.members for each in found if each.id == segment.id]
            taken = np.concatenate([np.zeros(0, np.int64), *known])
            rest = np.setdiff1d(segment.members, taken)
            least = self.localizer.config.attached_share * segments.area(taken)
            if len(rest) and segments.is_large(rest) and segments.area(rest) > least:
                feature = segments.feature(rest)
                unknown.append(_Found(UNKNOWN, segment.id, rest, feature, 0.0))
        return unknown

    def _object(self, index: int, found: _Found) -> InventoryObject:
        box, factor = self.boxes[index], self.localizer.scale
        standing = (n for n in SURFACE_NAMES if self.surfaces.holds(Relation.ON, box, n))
        scaled = OrientedBox(factor * box.center, box.rotation, factor * box.size)
        doubtful = 0.0 < found.score < self.localizer.config.found_probability
        color, surface = self._color(found.feature), next(standing, "")
        neighbour = self._neighbour(index)
        relation = None if neighbour < 0 else self._relation(box, self.boxes[neighbour])
        return InventoryObject(
            found.id,
            found.kind,
            color,
            found.score,
            doubtful,
            scaled,
            found.feature,
            surface,
            relation,
            neighbour,
        )

    def _color(self, feature: NDArray[np.float32]) -> str:
        scorer = self.localizer.scorer
        queries = [scorer.noun(noun_phrase([color, "thing"])) for color in COLORS]
        scores = [float(scorer.probabilities(query, feature)) for query in queries]
        best = int(np.argmax(scores))
        return COLORS[best] if scores[best] >= self.localizer.config.found_probability else ""

    def _neighbour(self, index: int) -> int:
        """Return the index of the object with the least gap, the nearest centre among equals."""
        box = self.boxes[index]

        def apart(other: int) -> tuple[float, float]:
            gap = self.relations.key(Order.NEAREST, box, self.boxes[other])
            centres = np.linalg.norm(box.center - self.boxes[other].center)
            return max(gap, 0.0), float(centres)

        others = [other for other in range(len(self.boxes)) if other != index]
        return min(others, key=apart, default=-1)

    def _relation(self, box: OrientedBox, other: OrientedBox) -> Relation:
        holds = [self.relations.strength(relation, box, [other]) for relation in TOLD]
        best = int(np.argmax(holds))
        return TOLD[best] if holds[best] >= CLEAR else Relation.NEXT_TO


def _of(kind: str, found: Hypothesis) -> _Found:
    return _Found(kind, found.segment.id, found.members, found.feature, found.score)


def _best(candidates: list[_Found], points: int) -> list[_Found]:
    """Return the most probable candidates of which no two share a point.

    Args:
        candidates: in any order.
        points: number of points of all segments.
    """
    free, kept = np.ones(points, bool), []
    for each in sorted(candidates, key=lambda candidate: -candidate.score):
        if free[each.members].all():
            free[each.members] = False
            kept.append(each)
    return kept
