"""Responses to queries judged by the truth, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.evaluate.known_queries import KnownQuery
from m3_ros.query.result import QueryResult
from m3_ros.types import Array

MARGIN = 0.005
"""A centre this far (m) outside the true box still counts as inside: one or two spacings of
Gaussians, to which an outline is known."""
SEEN = (QueryStatus.FOUND.name, QueryStatus.AMBIGUOUS.name)
"""Names of the statuses that say that the live frame shows the object."""
CLAIMS = (*SEEN, QueryStatus.NO_DEPTH.name, QueryStatus.OUT_OF_VIEW.name)
"""Names of the statuses that say where the object is."""


@dataclass(frozen=True)
class Answer:
    """One query and its response, as JSON holds it.

    Attributes:
        seed: of the scene.
        kind: of the query (see `KnownQuery`, `structured_queries`), "moved" or "removed".
        method: "memory", "single view" or "plain lifting".
        query: its words.
        status: name of the response's `QueryStatus`.
        hits: true objects in whose box lies the centre of one of as many targets, best first.
        wanted: number of true objects.
        inside: the best target's centre lies in the box of a true object.
        error: of that centre from the middle of the nearest true box, m; NaN without.
        score: of the best target; NaN without one.
        seconds: of CPU time to answer; on all cores together.
    """

    seed: int
    kind: str
    method: str
    query: str
    status: str
    hits: int
    wanted: int
    inside: bool
    error: float
    score: float
    seconds: float


Truth = tuple[Array, Array]
"""Pose `[4, 4]` of the middle of a box, and its size `[3]`."""


def judge(
    seed: int,
    query: KnownQuery,
    method: str,
    result: QueryResult,
    truths: Sequence[Truth],
    seconds: float,
) -> Answer:
    """Compare a response with the true boxes of the objects that the query means."""
    centers = [target.box.center for target in result.targets]
    wanted = len(truths)
    hits = sum(any(inside(truth, center) for center in centers[:wanted]) for truth in truths)
    within, error, score = False, float("nan"), float("nan")
    if centers:
        score = result.targets[0].score
    if centers and truths:
        within = any(inside(truth, centers[0]) for truth in truths)
        error = min(float(np.linalg.norm(centers[0] - pose[:3, 3])) for pose, _ in truths)
    outcome = (query.text, result.status.name, hits, wanted, within, error, score, seconds)
    return Answer(seed, query.kind, method, *outcome)


def inside(truth: Truth, center: Array) -> bool:
    """Return whether a point `[3]` lies in a true box."""
    pose, size = truth
    local = pose[:3, :3].T @ (center - pose[:3, 3])
    return bool((np.abs(local) <= size / 2 + MARGIN).all())


def summarize(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Return rates and errors by method; a rate over no query is NaN."""
    return {
        method: _summary([answer for answer in answers if answer.method == method])
        for method in dict.fromkeys(answer.method for answer in answers)
    }


def _summary(answers: Sequence[Answer]) -> dict[str, float]:
    def of(*kinds: str) -> list[Answer]:
        return [answer for answer in answers if answer.kind in kinds]

    def share(values: Sequence[bool]) -> float:
        return float(np.mean(values)) if len(values) else float("nan")

    def found(*kinds: str) -> float:
        return share([a.status in CLAIMS and a.inside for a in of(*kinds)])

    def claimed(*kinds: str) -> float:
        return share([a.status in CLAIMS for a in of(*kinds)])

    def uncertain(*kinds: str) -> float:
        return share([a.status == QueryStatus.UNCERTAIN.name for a in of(*kinds)])

    moved = of("moved")
    errors = [100.0 * a.error for a in of("present") if a.inside] or [float("nan")]
    times = [1000.0 * a.seconds for a in answers] or [float("nan")]
    return {
        "queries": len(answers),
        "present: inside": found("present"),
        "present: elsewhere": claimed("present") - found("present"),
        "present: hedged (AMBIGUOUS)": share(
            [a.status == QueryStatus.AMBIGUOUS.name for a in of("present")]
        ),
        "present: UNCERTAIN": uncertain("present"),
        "phrase: inside": found("phrase"),
        "synonym: inside": found("synonym"),
        "category alone: inside": found("category"),
        "error, median cm": float(np.median(errors)),
        "error, 95 % cm": float(np.percentile(errors, 95)),
        "absent: claimed": claimed("absent"),
        "absent: UNCERTAIN": uncertain("absent", "hard absent", "absent category", "unknown"),
        "hard absent: claimed": claimed("hard absent"),
        "absent category: claimed": claimed("absent category"),
        "unknown word: claimed": claimed("unknown"),
        "ambiguous: said so": share(
            [a.status == QueryStatus.AMBIGUOUS.name for a in of("ambiguous")]
        ),
        "ambiguous: all listed": share([a.hits == a.wanted for a in of("ambiguous")]),
        "removed: seen there": share([a.status in SEEN for a in of("removed")]),
        "moved: seen at a wrong place": share([a.status in SEEN and not a.inside for a in moved]),
        "moved: found again": share([a.inside for a in moved]),
        "relation, order: inside": found("relation", "order"),
        "relation, order: elsewhere": claimed("relation", "order") - found("relation", "order"),
        "negation: inside": found("negation"),
        "negation: elsewhere": claimed("negation") - found("negation"),
        "number: all found": share(
            [a.status == QueryStatus.FOUND.name and a.hits == a.wanted for a in of("number")]
        ),
        "false relation, negation or number: claimed": claimed(
            "false relation", "false negation", "false number"
        ),
        "CPU ms to answer, p50": float(np.median(times)),
        "CPU ms to answer, p95": float(np.percentile(times, 95)),
    }
