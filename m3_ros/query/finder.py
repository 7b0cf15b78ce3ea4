"""Finds the objects that a noun means: score, then verify in the live frame where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.result import TargetObject
from m3_ros.query.score import Hypothesis, Query, Scorer
from m3_ros.query.segment import Segments
from m3_ros.query.verify import FrameVerifier, Verification


class Finder:
    """Finds objects for one request.

    Args:
        memory: where to look.
        segments: its objects.
        scorer: of them.
        extractor: model of the live frame's features.
        config: thresholds.
        frame: what the camera sees now; None asks the memory alone.
        make_target: returns a target from label, points, score, status, id, visible and shift.

    Attributes:
        gone: labels of nouns whose objects the camera shows to be gone.
        uncertain: probability of the best object of each noun of which that is not enough.
    """

    def __init__(
        self,
        memory: SpatialMemory,
        segments: Segments,
        scorer: Scorer,
        extractor: LanguageExtractor,
        config: QueryConfig,
        frame: RgbdFrame | None,
        make_target: Callable[..., TargetObject],
    ) -> None:
        self._memory, self._segments, self._scorer = memory, segments, scorer
        self._extractor, self._config, self._frame = extractor, config, frame
        self._make_target = make_target
        self._hypotheses: list[Hypothesis] = []
        self.gone: list[str] = []
        self.uncertain: list[float] = []

    @cached_property
    def _verifier(self) -> FrameVerifier | None:
        if self._frame is None:
            return None
        observed = ObservedFrame(self._frame, self._extractor, self._config)
        return FrameVerifier(self._memory, self._segments, observed, self._config)

    def find(
        self, query: Query, excluded: Sequence[Query] = (), every: bool = False
    ) -> list[TargetObject]:
        """Return the objects that fit and are not known to be gone, best first.

        Args:
            query: what is asked for.
            excluded: what it must not be.
            every: whether less probable ones are returned, too.
        """
        scorer = self._scorer
        found = scorer.hypotheses(query, scorer.of_gaussians(query), excluded, every)
        self._hypotheses = found
        targets = [
            self._make_target(
                query.label,
                item.points,
                hypothesis.score,
                item.status,
                hypothesis.segment.id,
                self._frame is not None and item.status is QueryStatus.FOUND,
                item.shift,
            )
            for hypothesis, item in zip(found, self._verify(query, found), strict=True)
            if item.status is not QueryStatus.STALE
        ]
        if scorer.uncertain(found):
            self.uncertain.append(found[0].score)
        elif found and not targets:
            self.gone.append(query.label)
        return targets

    def _verify(self, query: Query, hypotheses: Sequence[Hypothesis]) -> Sequence[Verification]:
        """Return what the live frame says; without one all count as found."""
        if hypotheses and self._verifier is not None:
            return self._verifier.verify(query, hypotheses, self._scorer)
        surfaces = (self._segments.surface(hypothesis.members) for hypothesis in hypotheses)
        return [Verification(QueryStatus.FOUND, points) for points in surfaces]

    def moved(self, query: Query) -> TargetObject | None:
        """Return where the live frame shows the object of the last query that is gone; None where
        it shows it nowhere."""
        seen = self._verifier.find_moved(self._hypotheses, self._scorer)
        if seen is None:
            return None
        score = float(self._scorer.probabilities(query, seen.feature))
        return self._make_target(query.label, seen.points, score, QueryStatus.STALE, visible=True)
