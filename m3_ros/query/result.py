"""The response to a query: a status, the objects that match, a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.codes import QueryStatus
from m3_ros.query.shape import OrientedBox
from m3_ros.types import Array


@dataclass(frozen=True, eq=False)
class TargetObject:
    """One object that matches a query, in the memory's frame.

    Attributes:
        id: index of the memory's segment that it is, or is part of; -1 for an object that only
            the live frame shows.
        label: words of the query.
        score: probability that it is what was asked for, 0..1.
        status: FOUND, NO_DEPTH or OUT_OF_VIEW; STALE for an object seen elsewhere than remembered.
        box: upright box about it; its centre and rotation are the object's pose, its size m.
        position_stddev: standard deviation (m) of the box's centre along any axis, see
            `m3_ros.query.shape.position_stddev`.
        visible: the live frame shows it there.
        points: `[M, 3]` m, on its surface.
    """

    id: int
    label: str
    score: float
    status: QueryStatus
    box: OrientedBox
    position_stddev: float
    visible: bool
    points: Array


@dataclass(frozen=True, eq=False)
class QueryResult:
    """The response to a query.

    Attributes:
        status: what the query came to.
        targets: best first; with STALE, where the live frame shows the object now, if it does.
        heatmap: `[H, W]` float32 probability 0..1 at the live frame's pixels; None without one.
        message: one sentence for a person.
        probabilities: `[N]` float32, the same of every Gaussian of the memory.
    """

    status: QueryStatus
    targets: list[TargetObject]
    heatmap: NDArray[np.float32] | None
    message: str
    probabilities: NDArray[np.float32] | None = None


NOT_METRIC = (
    "in the memory's unit, which is not metres; `m3 align` gives a scale, until then the camera's "
    "frames are not compared"
)
MESSAGES = {
    QueryStatus.FOUND: "{label} is {place}",
    QueryStatus.NO_DEPTH: "{label} should be {place}, but the camera measures no depth there",
    QueryStatus.OUT_OF_VIEW: "{label} was last {place}, which the camera does not see now",
}


def place(box: OrientedBox, unit: str = "m") -> str:
    """Return in words where the centre of a box is."""
    x, y, z = box.center
    return f"at x {x:.3f}, y {y:.3f}, z {z:.3f} {unit}"


def rescaled(result: QueryResult, factor: float) -> QueryResult:
    """Return a response with all lengths times `factor`, in a unit that is not metres."""
    targets = [
        replace(
            target,
            box=OrientedBox(
                factor * target.box.center, target.box.rotation, factor * target.box.size
            ),
            position_stddev=factor * target.position_stddev,
            points=factor * target.points,
        )
        for target in result.targets
    ]
    message = result.message
    for old, new in zip(result.targets[:1], targets[:1], strict=True):
        message = message.replace(place(old.box), place(new.box, NOT_METRIC))
    return replace(result, targets=targets, message=message)


def summarize(
    targets: list[TargetObject], label: str, heatmap: NDArray[np.float32] | None
) -> QueryResult:
    """Return the response with targets that are not known to be gone, best first."""
    if not targets:
        message = f"nothing here looks like {label!r}"
        return QueryResult(QueryStatus.NOT_FOUND, [], heatmap, message)
    if len(targets) > 1:
        message = f"{len(targets)} objects look like {label!r}; say more to tell them apart"
        return QueryResult(QueryStatus.AMBIGUOUS, targets, heatmap, message)
    where = place(targets[0].box)
    message = MESSAGES[targets[0].status].format(label=repr(label), place=where)
    return QueryResult(targets[0].status, targets, heatmap, message)


def summarize_uncertain(
    targets: list[TargetObject],
    label: str,
    heatmap: NDArray[np.float32] | None,
    probability: float,
    needed: float,
) -> QueryResult:
    """Return the response where whether the object is there cannot be decided.

    Args:
        targets: the likeliest first.
        label: words of the query.
        heatmap: of the response.
        probability: of the likeliest, or of the object that it is related to.
        needed: probability that FOUND needs.
    """
    if not targets:
        return summarize([], label, heatmap)
    where = f"the likeliest of {len(targets)} places is" if len(targets) > 1 else "it may be"
    message = (
        f"it cannot be decided whether {label!r} is here (probability {probability:.2f}, FOUND "
        f"needs {needed:.2f}); {where} {place(targets[0].box)}"
    )
    return QueryResult(QueryStatus.UNCERTAIN, targets, heatmap, message)


def summarize_moved(
    target: TargetObject | None, label: str, heatmap: NDArray[np.float32] | None
) -> QueryResult:
    """Return the response for an object that is gone, and perhaps seen elsewhere."""
    where = "it is not seen now" if target is None else "it is seen elsewhere now"
    message = f"{label!r} is no longer where the memory has it; {where}"
    targets = [] if target is None else [target]
    return QueryResult(QueryStatus.STALE, targets, heatmap, message)


def with_ignored(result: QueryResult, model: str, words: Sequence[str]) -> QueryResult:
    """Return the response; its message names the words that count for nothing in it.

    Args:
        result: the response.
        model: name of the model that does not understand them.
        words: any number.
    """
    if not words:
        return result
    listed = ", ".join(map(repr, words))
    message = f"{result.message}; {listed} not considered: {model!r} has not learnt it"
    return replace(result, message=message)
