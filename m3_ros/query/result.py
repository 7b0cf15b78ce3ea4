"""What a question is answered with: a status, the objects it names, a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.query.shape import OrientedBox

MESSAGES = {
    "FOUND": "{label} is {place}",
    "NO_DEPTH": "{label} should be {place}, but the camera measures no depth there",
    "OUT_OF_VIEW": "{label} was last {place}, which the camera does not see now",
}


@dataclass(frozen=True, eq=False)
class Detection:
    """One object that answers a question, in the memory's frame.

    Attributes:
        label: the text it answers.
        score: probability that it is what was asked, 0..1.
        centroid: `[3]` m, middle of the box.
        box: upright box about the object.
        points: `[M, 3]` m, on its surface.
        covariance: `[3, 3]` m^2 of the points.
        visible: seen now, at its remembered place.
    """

    label: str
    score: float
    centroid: NDArray[np.float64]
    box: OrientedBox
    points: NDArray[np.float64]
    covariance: NDArray[np.float64]
    visible: bool = False


@dataclass(frozen=True, eq=False)
class QueryResult:
    """The answer.

    Attributes:
        status: FOUND, NOT_FOUND, AMBIGUOUS, STALE, NO_DEPTH or OUT_OF_VIEW.
        detections: best first; with STALE, where the live view shows the object now, if it does.
        heatmap: `[H, W]` float32 relevancy 0..1 at the live frame's pixels; None without a frame.
        message: one sentence for a person.
        relevancy: `[N]` float32, the same of every Gaussian of the memory.
    """

    status: str
    detections: list[Detection]
    heatmap: NDArray[np.float32] | None
    message: str
    relevancy: NDArray[np.float32] | None = None


def answer(
    checked: list[tuple[Detection, str]], label: str, heatmap: NDArray[np.float32] | None
) -> QueryResult:
    """The answer from the contenders that are not known to be gone."""
    standing = [(detection, status) for detection, status in checked if status != "STALE"]
    detections = [detection for detection, _ in standing]
    if not standing:
        return QueryResult("NOT_FOUND", [], heatmap, f"nothing here looks like {label!r}")
    if len(standing) > 1:
        message = f"{len(standing)} things look like {label!r}; say more to tell them apart"
        return QueryResult("AMBIGUOUS", detections, heatmap, message)
    x, y, z = detections[0].centroid
    place = f"at x {x:.3f}, y {y:.3f}, z {z:.3f} m"
    message = MESSAGES[standing[0][1]].format(label=repr(label), place=place)
    return QueryResult(standing[0][1], detections, heatmap, message)
