"""What goes into a grasp and what comes out of it: target, error code, outcome."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.codes import GraspErrorCode
from m3_ros.grasp.candidates import Grasp


class GraspError(RuntimeError):
    """A grasp cannot go on.

    Attributes:
        code: why.
    """

    def __init__(self, code: GraspErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class RetryableGraspFailure(RuntimeError):
    """An attempt failed in a way that another one may not."""


class Missed(RetryableGraspFailure):
    """The jaws closed on nothing: what looked solid there is not."""


@dataclass(frozen=True, eq=False)
class Target:
    """An answer to "where is it?".

    Attributes:
        status: FOUND, OUT_OF_VIEW, or the name of the `GraspErrorCode` that tells why. STALE with
            points: not where it was remembered, but the camera sees it there.
        points: `[M, 3]` on the object, in map; empty unless it was found.
        message: one sentence for a person.
    """

    status: str
    points: NDArray[np.float64]
    message: str = ""

    @property
    def located(self) -> bool:
        """Whether there is something to look at, and to reach for when it is `seen`."""
        known = self.status in ("FOUND", "OUT_OF_VIEW", "NO_DEPTH", "STALE")
        return known and len(self.points) > 0

    @property
    def seen(self) -> bool:
        """Whether the camera sees it where its points are."""
        return self.located and self.status in ("FOUND", "STALE")

    @property
    def center(self) -> NDArray[np.float64]:
        """Middle `[3]` of the box around the points, in map."""
        return (self.points.min(0) + self.points.max(0)) / 2.0


@dataclass(frozen=True, eq=False)
class GraspOutcome:
    """How a grasp ended.

    Attributes:
        error_code: NONE when the object hangs in the gripper (in a dry run: when a plan exists).
        error_msg: one sentence for a person, empty with NONE.
        retries: grasps tried after the first.
        grasp: the last one tried or planned, in map; None before.
        lift_height: how far the gripper was raised, m.
    """

    error_code: GraspErrorCode
    error_msg: str = ""
    retries: int = 0
    grasp: Grasp | None = None
    lift_height: float = 0.0
