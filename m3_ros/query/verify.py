"""Stage 3 of a query, verify: does the live frame show what the memory expects there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.observed import ObservedFrame, ObservedSegment
from m3_ros.query.score import Hypothesis, Query, Scorer
from m3_ros.query.segment import Segments

OWN_SHARE = 0.5
"""A pixel shows a segment where most of its rendered light comes from it."""
LIKELIER = 0.5
"""An observed segment is the one that is gone if that is likelier than all others together."""


@dataclass(frozen=True, eq=False)
class VerificationEvidence:
    """How a remembered segment appears in the live frame.

    Attributes:
        pixels: pixels of the comparison image in which it should be seen.
        measured: share of them with live depth.
        agree: share of the measured ones within the gate of the remembered depth.
        behind: share of the measured ones where the camera sees farther: nothing is there.
        feature: unit mean feature `[d]` of the pixels that agree: what hides the rest, the gripper
            for instance, has another appearance. Zero where none agrees.
    """

    pixels: int
    measured: float
    agree: float
    behind: float
    feature: NDArray[np.float32]

    @property
    def agreeing_pixels(self) -> float:
        """Return the number of pixels that agree."""
        return self.pixels * self.measured * self.agree


class FrameVerifier:
    """Compares segments of a memory with a live frame.

    Args:
        memory: renders what is expected.
        segments: of the memory.
        observed: what is seen.
        config: thresholds.
    """

    def __init__(
        self,
        memory: SpatialMemory,
        segments: Segments,
        observed: ObservedFrame,
        config: QueryConfig,
    ) -> None:
        self._memory, self._segments = memory, segments
        self._observed, self._config = observed, config

    @cached_property
    def _expected(self) -> NDArray[np.float32]:
        """Depth `[h, w]` (m) that the memory expects."""
        return self._memory.render(*self._observed.place, what="depth")

    def evidence(self, members: Sequence[NDArray[np.int64]]) -> list[VerificationEvidence]:
        """Return the evidence for sets of points, rows of `Segments.points`."""
        if not members:
            return []
        own = torch.zeros(len(self._memory.gaussians), len(members))
        for column, rows in enumerate(members):
            own[self._segments.index[rows], column] = 1.0
        masks = self._memory.render_values(own, *self._observed.place) > OWN_SHARE
        return [self._compare(masks[..., column]) for column in range(len(members))]

    def _compare(self, mask: NDArray[np.bool_]) -> VerificationEvidence:
        """Return the evidence for an object that is expected at the pixels of a mask `[h, w]`."""
        live, expected = self._observed.depth, self._expected
        count = int(mask.sum())
        compared = mask & (live > 0) & (expected > 0)
        if count < self._config.min_pixels or not compared.any():
            nothing = self._observed.feature(np.zeros_like(mask))
            return VerificationEvidence(count, 0.0, 0.0, 0.0, nothing)
        gate = self._config.agreement_gate
        farther = live - expected
        agreeing = compared & (np.abs(farther) <= gate)
        return VerificationEvidence(
            count,
            float(compared.sum() / count),
            float(agreeing.sum() / compared.sum()),
            float((farther[compared] > gate).mean()),
            self._observed.feature(agreeing),
        )

    def verify(
        self, query: Query, hypotheses: Sequence[Hypothesis], scorer: Scorer
    ) -> list[QueryStatus]:
        """Return FOUND, STALE, OUT_OF_VIEW or NO_DEPTH for each hypothesis."""
        evidence = self.evidence([hypothesis.members for hypothesis in hypotheses])
        return [
            self._status(query, hypothesis, seen, scorer)
            for hypothesis, seen in zip(hypotheses, evidence, strict=True)
        ]

    def _status(
        self, query: Query, hypothesis: Hypothesis, evidence: VerificationEvidence, scorer: Scorer
    ) -> QueryStatus:
        config = self._config
        surface = self._segments.surface(hypothesis.members)
        if self._observed.share_in_image(surface) < config.min_in_image:
            return QueryStatus.OUT_OF_VIEW
        same = evidence.agreeing_pixels < config.min_appearance_pixels
        same |= bool(
            self._segments.same_appearance(
                evidence.feature, hypothesis.feature, config.appearance_angles
            )
        )
        same |= scorer.probabilities(query, evidence.feature) >= config.found_probability
        return depth_status(evidence, same, config)

    def find_moved(self, gone: Sequence[Hypothesis], scorer: Scorer) -> ObservedSegment | None:
        """Return where the best of hypotheses that are gone is seen now: unexpected there, and
        more like it than like any other segment."""
        feature = gone[0].feature
        others = np.stack([self._segments.feature(segment.members) for segment in self._segments])
        others = others[~self._segments.same_appearance(others, feature, 1.0)]
        missing = np.concatenate([hypothesis.members for hypothesis in gone])
        found = [
            seen
            for seen in self._unexpected(missing)
            if scorer.match(seen.feature, feature, others) >= LIKELIER
        ]
        # its parts have its appearance, too
        return max(found, key=lambda seen: len(seen.points), default=None)

    def _unexpected(self, gone: NDArray[np.int64]) -> list[ObservedSegment]:
        """Return observed segments where the memory has none but the members `gone`, or one of
        another appearance."""
        segments = self._segments
        everything = np.concatenate([segment.members for segment in segments])
        kept = np.setdiff1d(everything, gone)
        seen = self._observed.segments(segments.planes, segments.points[kept])
        for observed in self._observed.segments(segments.planes):
            members = segments.nearest(observed.points, self._config.new_distance)
            if len(members) and not segments.same_appearance(
                segments.feature(members), observed.feature
            ):
                seen.append(observed)
        return seen


def depth_status(
    evidence: VerificationEvidence, same_appearance: bool, config: QueryConfig
) -> QueryStatus:
    """Return the status of a segment from what the live frame shows at its place."""
    if evidence.pixels < config.min_pixels:
        return QueryStatus.OUT_OF_VIEW  # hidden by something that the memory knows
    if evidence.measured < config.min_measured:
        return QueryStatus.NO_DEPTH
    if evidence.agree >= config.min_agree:
        return QueryStatus.FOUND if same_appearance else QueryStatus.STALE
    hidden = 1.0 - evidence.agree - evidence.behind
    return QueryStatus.OUT_OF_VIEW if hidden > evidence.behind else QueryStatus.STALE
