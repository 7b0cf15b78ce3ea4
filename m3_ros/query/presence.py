"""A second model that must see an object, by its name, in the live frame: SAM 3's presence head.

It only takes back: what it does not see is UNCERTAIN instead of FOUND. What it sees makes no
answer FOUND, since it was measured on nothing here.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Protocol

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.errors import UsageError
from m3_ros.features.sam3 import Presence, Sam3Verifier
from m3_ros.query.result import QueryResult
from m3_ros.splat.device import choose_device
from m3_ros.types import Image

PRESENT = 0.5
"""Probability of presence below which the model says that it is likelier absent."""


class PresenceModel(Protocol):
    """Says whether a picture shows what a text names."""

    def see(self, rgb: Image, text: str) -> Presence:
        """Return whether and where a picture `[H, W, 3]` shows what a text names."""
        ...


@lru_cache(maxsize=1)
def load_presence(name: str, device: str) -> PresenceModel | None:
    """Return the model of the setting `query.presence`, kept for other memories; None for none.

    Raises:
        UsageError: the name is none.
        FileNotFoundError: weights are missing.
    """
    if not name:
        return None
    model, _, weights = name.partition(":")
    if model != "sam3":
        raise UsageError.at("query.presence", name, "sam3, sam3:FOLDER, or empty")
    return Sam3Verifier(weights or None, choose_device(device))


def confirmed(result: QueryResult, presence: PresenceModel, frame: RgbdFrame) -> QueryResult:
    """Return a response; one that is FOUND is UNCERTAIN if the frame does not show the object.

    Args:
        result: of a query with the frame.
        presence: the second model.
        frame: what the camera sees.
    """
    if result.status is not QueryStatus.FOUND:
        return result
    seen = presence.see(frame.rgb, result.targets[0].label)
    if seen.probability >= PRESENT:
        return result
    message = (
        f"{result.message}; but the camera's picture does not show {result.targets[0].label!r} to "
        f"the model of query.presence (probability {seen.probability:.2f}, {PRESENT:g} needed)"
    )
    return replace(result, status=QueryStatus.UNCERTAIN, message=message)
