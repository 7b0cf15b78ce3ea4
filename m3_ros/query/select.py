"""Which of the objects that a noun phrase fits does a request mean?

Objects are found by their noun; then relations, exclusions, order and number choose among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.query.relations import Relations
from m3_ros.query.request import Link, Rank, Request
from m3_ros.query.request_words import Order, Relation
from m3_ros.query.result import QueryResult, TargetObject, summarize
from m3_ros.query.shape import OrientedBox
from m3_ros.query.surface_relations import SurfaceRelations

Find = Callable[[Request], list[TargetObject]]
"""Return the objects that fit the noun of a request and none that it excludes, best first."""
CLEAR = 0.5
"""A relation that holds by half or more counts, and lowers the object's score."""


@dataclass(frozen=True)
class Selection:
    """The objects that a request means.

    Attributes:
        targets: best first, or in the order asked for.
        problem: why there are none, or not as many as asked for; empty if all is well.
        complete: the targets together are the answer.
    """

    targets: list[TargetObject]
    problem: str = ""
    complete: bool = False


class Selector:
    """Chooses the objects of one request after the other.

    Args:
        find: finds objects by their noun.
        surfaces: the level surfaces.
        relations: judges them.
        config: thresholds.
    """

    def __init__(
        self,
        find: Find,
        surfaces: SurfaceRelations,
        relations: Relations,
        config: QueryConfig,
    ) -> None:
        self._find, self._surfaces = find, surfaces
        self._relations, self._config = relations, config

    def select(self, request: Request) -> Selection:
        """Return the objects that a request means."""
        targets = self._find(request)
        if not targets:
            return Selection([], f"nothing here looks like {_name(request)!r}")
        for link in request.links:
            targets, problem = self._related(targets, link)
            if not targets:
                return Selection([], problem)
        if request.rank is not None:
            return self._ranked(targets, request.rank, request.count)
        least = self._config.ambiguity_share * max(target.score for target in targets)
        targets = [target for target in targets if target.score >= least]
        return _counted(targets, request)

    def _related(self, targets: list[TargetObject], link: Link) -> tuple[list[TargetObject], str]:
        """Return the targets to which a link applies, with lower scores; else why none."""
        said = ("not " if link.negated else "") + link.relation.value
        anchor = link.anchors[0]
        names = " and ".join(request.label for request in link.anchors)
        problem = f"nothing that fits is {said} {names}"
        if anchor.is_surface and link.relation not in (Relation.ON, Relation.UNDER):
            return [], f"things are only 'on' or 'under' {anchor.label!r}, not {said!r} it"
        if anchor.is_surface:
            name = anchor.noun.label
            holds = [self._surfaces.holds(link.relation, t.box, name) for t in targets]
            kept = [t for t, on in zip(targets, holds, strict=True) if on != link.negated]
            return kept, problem
        groups: list[list[TargetObject | None]] = []
        for request in link.anchors:
            if request.is_robot:
                groups.append([None])
                continue
            anchors = self.select(request)
            if anchors.problem:
                return [], anchors.problem
            groups.append([*anchors.targets])
        kept = []
        for target in targets:
            holds = self._holds(target, link.relation, groups)
            share = 1.0 - holds if link.negated else holds
            if share >= CLEAR:
                kept.append(replace(target, score=target.score * share))
        return sorted(kept, key=lambda target: -target.score), problem

    def _holds(
        self,
        target: TargetObject,
        relation: Relation,
        groups: Sequence[Sequence[TargetObject | None]],
    ) -> float:
        """Return how well a relation holds to the anchors that suit it best."""
        if relation is Relation.BETWEEN and len(groups) == 1:
            pairs = list(combinations(groups[0], 2))
        elif relation is Relation.BETWEEN:
            pairs = [(a, b) for a in groups[0] for b in groups[1] if a is not b]
        else:
            pairs = [(anchor,) for anchor in groups[0]]
        return max(
            (
                self._relations.strength(relation, target.box, [self._box(a) for a in pair])
                for pair in pairs
                if not any(a is not None and _same(a, target) for a in pair)
            ),
            default=0.0,
        )

    def _box(self, anchor: TargetObject | None) -> OrientedBox:
        return self._relations.robot() if anchor is None else anchor.box

    def _ranked(self, targets: list[TargetObject], rank: Rank, count: int | None) -> Selection:
        """Return the target at a place of an order, or all that may be it."""
        anchor = None
        if rank.anchor is not None:
            anchors = self.select(rank.anchor)
            if anchors.problem:
                return Selection([], anchors.problem)
            if len(anchors.targets) > 1:
                which = f"{len(anchors.targets)} objects look like {rank.anchor.label!r}"
                return Selection(targets, f"{which}; say which one is meant")
            anchor = anchors.targets[0].box
            targets = [target for target in targets if not _same(target, anchors.targets[0])]

        def key(target: TargetObject) -> float:
            return self._relations.key(rank.order, target.box, anchor)

        row = sorted(targets, key=key)
        first, wanted = rank.place - 1, count or 1
        if rank.order is Order.MIDDLE:
            if len(row) % 2 == 0:
                return Selection(row, f"there are {len(row)}, so none of them is in the middle")
            first, wanted = len(row) // 2, 1
        last = first + wanted
        if len(row) < last:
            return Selection([], f"there are only {len(row)}, so none is number {last}")
        for inner, outer in ((first, first - 1), (last - 1, last)):
            if 0 <= outer < len(row) and self._relations.undecided(
                rank.order, row[inner].box, row[outer].box, anchor
            ):
                both = [row[inner], row[outer]]
                return Selection(both, f"which of two is the {rank.order.value} cannot be told")
        return Selection(row[first:last], "", complete=True)


def _counted(targets: list[TargetObject], request: Request) -> Selection:
    """Return the targets, if they are as many as the request says."""
    found, wanted = len(targets), request.count
    if wanted is None:
        return Selection(targets)
    if wanted and found != wanted:
        name = _name(request)
        enough = targets if found > wanted else []
        return Selection(enough, f"{name!r}: {found} found, {wanted} asked for")
    return Selection(targets, "", complete=True)


def _name(request: Request) -> str:
    return request.label if request.noun is None else request.noun.label


def _same(a: TargetObject, b: TargetObject) -> bool:
    """Return whether two targets, perhaps of two nouns, are one object."""
    offset = a.box.rotation.T @ (b.box.center - a.box.center)
    return bool((abs(offset) <= a.box.size / 4).all())


def summarize_selection(
    selection: Selection, label: str, heatmap: NDArray[np.float32] | None
) -> QueryResult:
    """Return the response; several objects that are all meant are FOUND together."""
    targets = selection.targets
    if selection.problem:
        status = QueryStatus.AMBIGUOUS if targets else QueryStatus.NOT_FOUND
        return QueryResult(status, targets, heatmap, selection.problem)
    if not selection.complete or len(targets) == 1:
        return summarize(targets, label, heatmap)
    others = (t.status for t in targets if t.status is not QueryStatus.FOUND)
    status = next(others, QueryStatus.FOUND)
    return QueryResult(status, targets, heatmap, f"these {len(targets)} are {label!r}")
