"""Types at the boundary of a grasp: target, outcome, and the errors in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.codes import GraspErrorCode, QueryStatus
from m3_ros.errors import M3Error
from m3_ros.grasp.candidates import Grasp
from m3_ros.grasp.planning import PlanError


class GraspError(M3Error, RuntimeError):
    """The goal has failed; no further attempt is made.

    Attributes:
        code: reason, as the action reports it.
    """

    def __init__(self, code: GraspErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class RetryableGraspFailure(RuntimeError):
    """One attempt failed; another grasp may succeed."""


class EmptyGrasp(RetryableGraspFailure):
    """The jaws closed completely: there is no object between them."""


@dataclass(frozen=True, eq=False)
class Target:
    """Result of locating the object to grasp.

    Attributes:
        status: of the query; UNKNOWN without an answer. STALE with points: the object has moved,
            and the camera sees it at these points.
        points: `[M, 3]` on the object, in map, m; empty unless it was located.
        message: one sentence for the user.
        error_code: why there is no answer; NONE with one.
    """

    status: QueryStatus
    points: NDArray[np.float64]
    message: str = ""
    error_code: GraspErrorCode = GraspErrorCode.NONE

    @classmethod
    def of_answer(
        cls, status: QueryStatus, points: Sequence[NDArray[np.float64]], message: str
    ) -> Target:
        """Return the target of a query's answer; several objects that are all meant are no target.

        Args:
            status: of the answer.
            points: `[M, 3]` of each object of the answer, best first.
            message: of the answer.
        """
        if len(points) > 1 and status not in (QueryStatus.AMBIGUOUS, QueryStatus.UNCERTAIN):
            message = f"a grasp takes one object, but the request means {len(points)}; name one"
            status = QueryStatus.AMBIGUOUS
        return cls(status, np.concatenate([np.zeros((0, 3)), *points[:1]]), message)

    @property
    def located(self) -> bool:
        """Whether its position is known; only what is also `seen` may be grasped."""
        known = (
            QueryStatus.FOUND,
            QueryStatus.OUT_OF_VIEW,
            QueryStatus.NO_DEPTH,
            QueryStatus.STALE,
        )
        return self.status in known and len(self.points) > 0

    @property
    def is_surface(self) -> bool:
        """Whether the answer is a surface, on which something can be put; it is no object."""
        return self.status is QueryStatus.NOT_FOUND and len(self.points) > 0

    @property
    def seen(self) -> bool:
        """Whether the camera sees the object at its points."""
        return self.located and self.status in (QueryStatus.FOUND, QueryStatus.STALE)

    @property
    def center(self) -> NDArray[np.float64]:
        """Centre `[3]` of the axis-aligned bounding box of the points, in map, m."""
        return (self.points.min(0) + self.points.max(0)) / 2.0


def require_located(target: Target) -> Target:
    """Return the target.

    Raises:
        GraspError: its position is not known.
    """
    if not target.located:
        named = GraspErrorCode.__members__.get(target.status.name, GraspErrorCode.NOT_FOUND)
        code = target.error_code or named
        raise GraspError(code, target.message)
    return target


def plan_failure(error: PlanError) -> GraspError:
    """Return the failure of the goal that a planning error means."""
    code = GraspErrorCode.UNREACHABLE if error.unreachable else GraspErrorCode.PLAN_FAILED
    return GraspError(code, str(error))


@dataclass(frozen=True, eq=False)
class GraspOutcome:
    """Result of a grasp goal.

    Attributes:
        error_code: NONE when the object is held (in a dry run: when a plan exists).
        error_msg: one sentence for the user, empty with NONE.
        retries: attempts after the first.
        grasp: the last one attempted or planned, in map; None if there is none.
        lift_height: how far the gripper was raised, m.
    """

    error_code: GraspErrorCode
    error_msg: str = ""
    retries: int = 0
    grasp: Grasp | None = None
    lift_height: float = 0.0
