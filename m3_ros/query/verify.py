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
from m3_ros.query.noise import SIGMAS
from m3_ros.query.observed import ObservedFrame, ObservedSegment
from m3_ros.query.score import Hypothesis, Query, Scorer
from m3_ros.query.segment import Segments
from m3_ros.types import Array

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
        shift: mean of live minus remembered depth of the pixels that agree, m.
        agreeing: `[h, w]` the pixels that agree.
        feature: unit mean feature `[d]` of the pixels that agree: what hides the rest, the gripper
            for instance, has another appearance. Of those away from the picture's border if they
            are enough. Zero where none agrees.
        certain: the feature is of enough pixels away from the border.
    """

    pixels: int
    measured: float
    agree: float
    behind: float
    shift: float
    agreeing: NDArray[np.bool_]
    feature: NDArray[np.float32]
    certain: bool


@dataclass(frozen=True, eq=False)
class Verification:
    """What the live frame says about a hypothesis.

    Attributes:
        status: FOUND, STALE, OUT_OF_VIEW or NO_DEPTH.
        points: `[M, 3]` (m) on the object: remembered ones, and with FOUND what the live frame
            shows of it besides.
        shift: mean of live minus remembered depth of an object that is FOUND, m.
    """

    status: QueryStatus
    points: Array
    shift: float = 0.0


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
            none = np.zeros_like(mask)
            feature = self._observed.feature(none)
            return VerificationEvidence(count, 0.0, 0.0, 0.0, 0.0, none, feature, False)
        gate = np.maximum(self._config.agreement_gate, SIGMAS * self._observed.noise)
        farther = live - expected
        agreeing = compared & (np.abs(farther) <= gate)
        inside = agreeing & self._observed.interior()
        certain = bool(inside.sum() >= self._config.min_appearance_pixels)
        return VerificationEvidence(
            count,
            float(compared.sum() / count),
            float(agreeing.sum() / compared.sum()),
            float((farther > gate)[compared].mean()),
            float(farther[agreeing].mean()) if agreeing.any() else 0.0,
            agreeing,
            self._observed.feature(inside if certain else agreeing),
            certain,
        )

    def verify(
        self, query: Query, hypotheses: Sequence[Hypothesis], scorer: Scorer
    ) -> list[Verification]:
        """Verify each hypothesis of a query."""
        evidence = self.evidence([hypothesis.members for hypothesis in hypotheses])
        return [
            self._verify(query, hypothesis, seen, scorer)
            for hypothesis, seen in zip(hypotheses, evidence, strict=True)
        ]

    def _verify(
        self, query: Query, hypothesis: Hypothesis, evidence: VerificationEvidence, scorer: Scorer
    ) -> Verification:
        surface = self._segments.surface(hypothesis.members)
        if self._observed.share_in_image(surface) < self._config.min_in_image:
            return Verification(QueryStatus.OUT_OF_VIEW, surface)
        same = self._shows(query, hypothesis, evidence, scorer)
        status = depth_status(evidence, same, self._config)
        if status is not QueryStatus.FOUND:
            return Verification(status, surface)
        completion = self._completion(query, hypothesis, evidence, scorer)
        return Verification(status, np.concatenate([surface, completion]), evidence.shift)

    def _shows(
        self, query: Query, hypothesis: Hypothesis, evidence: VerificationEvidence, scorer: Scorer
    ) -> bool:
        """Return whether the pixels that agree in depth do not show something else.

        They show something else if their appearance differs from the remembered one and does not
        match the query. At the picture's border that is not enough: there they must also be more
        like another segment. Few pixels show nothing.
        """
        if evidence.agreeing.sum() < self._config.min_appearance_pixels:
            return True
        if self._same(query, hypothesis, evidence.feature, scorer):
            return True
        if evidence.certain:
            return False
        others = self._other_features(hypothesis.feature)
        return scorer.match(evidence.feature, hypothesis.feature, others) >= LIKELIER

    def _same(
        self, query: Query, hypothesis: Hypothesis, feature: NDArray[np.float32], scorer: Scorer
    ) -> bool:
        """Return whether a live feature is near the remembered one, or matches the query."""
        angles = self._config.appearance_angles
        if self._segments.same_appearance(feature, hypothesis.feature, angles):
            return True
        return bool(scorer.probabilities(query, feature) >= self._config.found_probability)

    def _other_features(self, feature: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features `[n, d]` of the segments that do not share a component with one."""
        others = np.stack([self._segments.feature(segment.members) for segment in self._segments])
        return others[~self._segments.same_appearance(others, feature, 1.0)]

    def _completion(
        self, query: Query, hypothesis: Hypothesis, evidence: VerificationEvidence, scorer: Scorer
    ) -> Array:
        """Return points `[L, 3]` of the object that the live frame shows and the memory lacks.

        They are connected in the picture with the pixels that agree, far from everything
        remembered, and have the object's appearance.
        """
        observed, segments, lacking = self._observed, self._segments, []
        others = np.setdiff1d(segments.all_members(), hypothesis.members)
        free = observed.off_planes(segments.planes)
        free = observed.away_from(segments.points[others], free)
        surface = segments.surface(hypothesis.members)
        for component in observed.components(free):
            if not (component & evidence.agreeing).any():
                continue
            new = observed.smooth_surface(observed.away_from(surface, component))
            if new.sum() < self._config.min_pixels:
                continue
            if self._same(query, hypothesis, observed.feature(new), scorer):
                lacking.append(observed.points_of(new))
        return np.concatenate([np.zeros((0, 3)), *lacking])

    def find_moved(self, gone: Sequence[Hypothesis], scorer: Scorer) -> ObservedSegment | None:
        """Return where the best of hypotheses that are gone is seen now: unexpected there, and
        more like it than like any other segment."""
        feature = gone[0].feature
        others = self._other_features(feature)
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
        segments, observed = self._segments, self._observed
        kept = np.setdiff1d(segments.all_members(), gone)
        off = observed.off_planes(segments.planes)
        found = observed.segments(observed.away_from(segments.points[kept], off))
        for seen in observed.segments(off):
            members = segments.nearest(seen.points, self._config.new_distance)
            if len(members) and not segments.same_appearance(
                segments.feature(members), seen.feature
            ):
                found.append(seen)
        return found


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
