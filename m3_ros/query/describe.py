"""An inventory in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.geometry import inverse, project, transform
from m3_ros.memory.queries import View
from m3_ros.query.grammar import UNCHANGED, QueryError, singular
from m3_ros.query.inventory import UNKNOWN, Inventory, InventoryObject
from m3_ros.query.result import place
from m3_ros.query.shape import OrientedBox
from m3_ros.types import Array

EMPTY = "the memory has no object"
VOWELS = tuple("aeiou")


@dataclass(frozen=True)
class Description:
    """What is said of a memory.

    Attributes:
        sentences: one or more, for a person.
        objects: indices in the inventory that they tell of, in that order.
    """

    sentences: list[str]
    objects: list[int]


def describe(inventory: Inventory) -> Description:
    """Return a sentence for every object of an inventory."""
    every = list(range(len(inventory)))
    return Description(sentences(inventory, every) or [EMPTY], every)


def describe_at(inventory: Inventory, point: Sequence[float]) -> Description:
    """Return what is at a point, or that nothing is and which object is nearest.

    Args:
        inventory: of a memory.
        point: `[3]` in the memory's frame and unit. It is at an object if it is in its box, or
            nearer to that than `Localizer.touch`.

    Raises:
        QueryError: a coordinate is not finite.
    """
    if not np.isfinite(point).all():
        raise QueryError(f"the point {list(point)} must have three finite coordinates")
    nothing = f"nothing is at {', '.join(f'{value:g}' for value in point)}"
    if not len(inventory):
        return Description([f"{nothing}: {EMPTY}"], [])
    apart = [_distance(item.box, np.asarray(point, float)) for item in inventory]
    nearest = int(np.argmin(apart))
    said = sentences(inventory, [nearest])
    if apart[nearest] > inventory.localizer.touch:
        length = _lengths([apart[nearest]], inventory.localizer.memory.metric)
        said = [f"{nothing}; nearest, {length} away: {said[0]}"]
    return Description(said, [nearest])


def describe_view(inventory: Inventory, view: View) -> Description:
    """Return what stands in the picture of a view, whether or not something hides it."""
    seen = []
    for index, item in enumerate(inventory):
        (u, v), _ = project(transform(inverse(view.camtoworld), item.box.center), view.K)
        if 0 <= u < view.width and 0 <= v < view.height:  # NaN behind the camera
            seen.append(index)
    return Description(sentences(inventory, seen) or ["no object is in this view"], seen)


def sentences(inventory: Inventory, objects: Sequence[int]) -> list[str]:
    """Return a sentence for each of some objects, by their indices."""
    names = Counter(item.name for item in inventory)
    return [_sentence(inventory, inventory[index], names) for index in objects]


def _sentence(inventory: Inventory, item: InventoryObject, names: Counter[str]) -> str:
    memory = inventory.localizer.memory
    known = item.kind != UNKNOWN
    doubt = "perhaps " if item.doubtful else ""
    parts = [doubt + _with_article(item.name), _lengths(item.box.size, memory.metric)]
    if item.surface:
        parts.append(f"on the {item.surface}")
    if item.relation is not None:
        other = inventory[item.neighbour].name
        if other == item.name:
            other = f"another {other}"
        else:
            other = f"the {other}" if names[other] == 1 else _with_article(other)
        parts.append(f"{item.relation.value} {other}")
    parts.append(f"{place(item.box, 'm' if memory.metric else 'units')} in {memory.frame_id}")
    return ", ".join(parts) + (f" (sure: {item.score:.2f})" if known else "")


def _with_article(name: str) -> str:
    """Return a name with "a", "an" or, for a plural, "a pair of"."""
    last = name.split()[-1]
    if last.endswith("s") and (last in UNCHANGED or singular(last) != last):
        return f"a pair of {name}"
    return f"{'an' if name.startswith(VOWELS) else 'a'} {name}"


def _lengths(lengths: Sequence[float] | Array, metric: bool) -> str:
    if not metric:
        return " x ".join(f"{value:.3g}" for value in lengths) + " units"
    return " x ".join(f"{100 * value:.{int(value < 0.01)}f}" for value in lengths) + " cm"


def _distance(box: OrientedBox, point: Array) -> float:
    """Return the distance of a point `[3]` from a box; 0 inside."""
    local = np.abs(box.rotation.T @ (point - box.center))
    return float(np.linalg.norm(np.maximum(local - box.size / 2, 0.0)))
