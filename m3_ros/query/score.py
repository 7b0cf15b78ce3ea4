"""Stage 2 of a query, score: how probable is it that a segment is what the query asks for?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from m3_ros.config import QueryConfig
from m3_ros.features.extractor import LanguageExtractor, probability
from m3_ros.memory.separation import median_cosine
from m3_ros.query.calibration import Calibration
from m3_ros.query.connectivity import connected_components
from m3_ros.query.grammar import COLORS, TextQuery, is_adjective
from m3_ros.query.request import parse_request
from m3_ros.query.segment import Segment, Segments
from m3_ros.types import Image

Score = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Unit features `[..., d]` to scores `[...]`, 0..1, that they show an attribute."""
SAME_MEANING = 0.15
"""A negative nearer to the query than this share of what different words are apart (1 - cosine,
median over the negatives) means the same, and is left out. Words of the compact encoder are 1
apart, those of CLIP ViT-B/32 .255 (real vectors of 1203 nouns), so the cosine is .85, or .96."""
SAME_FEATURE = 0.999
"""Texts whose features have at least this cosine are the same to a model: words that the compact
encoder drops leave 0.9994 and more (18 phrases), a colour 0.71."""
CACHED_TEXTS = 64
"""Texts whose encoding is kept; a robot is asked for the same object again and again."""


@dataclass(frozen=True, eq=False)
class Query:
    """What is asked for, in attributes that an object must have all.

    Attributes:
        label: the words that name it, or "the picture".
        attributes: a score for each: the kind of object, and its colour if one is named; none
            for any object.
        unknown: words that are not in the model's vocabulary; nothing shows them.
        ignored: adjectives that change nothing for the model.
    """

    label: str
    attributes: tuple[Score, ...]
    unknown: str = ""
    ignored: tuple[str, ...] = ()

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the score `[...]`, 0..1, that unit features `[..., d]` show every attribute."""
        shown = np.ones(features.shape[:-1], np.float32)
        return np.prod([shown, *(attribute(features) for attribute in self.attributes)], axis=0)


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A segment, or a part of one, that may be what is asked for.

    Attributes:
        segment: that it is, or is part of.
        members: rows `[K]` of `Segments.points`.
        feature: unit mean feature `[d]`.
        score: calibrated probability, 0..1.
    """

    segment: Segment
    members: NDArray[np.int64]
    feature: NDArray[np.float32]
    score: float


def text_query(extractor: LanguageExtractor, text: TextQuery) -> Query:
    """Return the attributes that a text names, each scored against the model's negatives."""
    known = [r for r in text.readings if not r.kind or extractor.in_vocabulary(r.kind)]
    if not known:
        return Query(text.label, (_never,), text.readings[0].kind)
    meant, attributes = known[0], []
    ignored = ignored_words(extractor, meant.kind)
    kind = " ".join(word for word in meant.kind.split() if word not in ignored)
    if kind:
        target = extractor.encode_text([kind])[0]
        attributes.append(_against(extractor, target, extractor.negatives(kind)))
    if meant.color:
        target = extractor.encode_text([f"{meant.color} thing"])[0]
        attributes.append(_against(extractor, target, [f"{other} thing" for other in COLORS]))
    return Query(text.label, tuple(attributes), ignored=ignored)


def ignored_words(extractor: LanguageExtractor, kind: str) -> tuple[str, ...]:
    """Return the adjectives of a kind without which the model's text feature is the same."""
    words = kind.split()
    adjectives = [word for word in words[:-1] if is_adjective(word)]
    without = [" ".join(w for w in words if w != adjective) for adjective in adjectives]
    features = extractor.encode_text([kind, *without]) if adjectives else np.zeros((1, 1))
    return tuple(np.array(adjectives, str)[features[1:] @ features[0] > SAME_FEATURE].tolist())


def image_query(extractor: LanguageExtractor, crop: Image) -> Query:
    """Return the query for what a picture `crop [H, W, 3]` shows."""
    target = extractor.encode_image(crop)
    return Query("the picture", (_against(extractor, target, extractor.negatives("object")),))


def _never(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.zeros(features.shape[:-1], np.float32)


def _against(
    extractor: LanguageExtractor, target: NDArray[np.float32], negatives: Sequence[str]
) -> Score:
    others = extractor.encode_text(list(negatives)) if negatives else np.zeros((0, len(target)))
    others = np.asarray(others, np.float32)
    others = others[1.0 - others @ target > SAME_MEANING * distance_of_words(others)]
    return lambda features: probability(features, target, others, extractor.logit_scale)


def distance_of_words(features: NDArray[np.float32]) -> float:
    """Return the median of 1 - cosine between different texts `[n, d]`; 1 for fewer than three."""
    if len(features) < 3:
        return 1.0
    return 1.0 - median_cosine(features)


class Scorer:
    """Scores the segments of one memory.

    Args:
        segments: of the memory.
        extractor: model of the memory's features.
        config: thresholds.
        calibration: from scores to probabilities.
    """

    def __init__(
        self,
        segments: Segments,
        extractor: LanguageExtractor,
        config: QueryConfig,
        calibration: Calibration,
    ) -> None:
        self._segments, self._extractor = segments, extractor
        self._config, self._calibration = config, calibration
        self._text_query = lru_cache(CACHED_TEXTS)(lambda text: text_query(extractor, text))

    def query(self, query: str | Image) -> Query:
        """Return what the noun of a text, or a picture `[H, W, 3]`, asks for.

        Raises:
            QueryError: the text is not understood, see `parse_request`.
        """
        if isinstance(query, str):
            return self.noun(parse_request(query, self._config.max_query_length).noun)
        return image_query(self._extractor, query)

    def noun(self, noun: TextQuery | None) -> Query:
        """Return what a noun phrase asks for; None asks for any object."""
        return Query("object", ()) if noun is None else self._text_query(noun)

    def probabilities(self, query: Query, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities `[...]` that unit features `[..., d]` match a query."""
        scores = query.score(features)
        return self._calibration(scores, len(query.attributes)) if query.attributes else scores

    def match(
        self,
        feature: NDArray[np.float32],
        target: NDArray[np.float32],
        others: NDArray[np.float32],
    ) -> float:
        """Return the probability that a feature `[d]` shows the same object as the feature
        `target [d]` rather than one of `others [n, d]`."""
        scale = self._extractor.logit_scale
        return float(probability(feature, target, others, scale))

    def of_gaussians(self, query: Query) -> NDArray[np.float32]:
        """Return the probability `[N]` of every Gaussian that it shows what is asked for."""
        return self._segments.of_gaussians(self.probabilities(query, self._segments.components))

    def hypotheses(
        self,
        query: Query,
        values: NDArray[np.float32],
        excluded: Sequence[Query] = (),
        every: bool = False,
    ) -> list[Hypothesis]:
        """Return what is probable enough, best first, and about as probable as the best.

        Where nothing is, return what has at least `uncertain_probability`: whether it is there
        cannot be decided, see `uncertain`.

        Args:
            query: what is asked for.
            values: probability `[N]` of every Gaussian.
            excluded: what it must not be.
            every: whether less probable ones are returned, too.
        """
        config, found = self._config, []
        lowest = min(config.uncertain_probability, config.found_probability)
        for segment, members in self._candidates(self._segments.smoothed(values)):
            score = float(self.probabilities(query, self._segments.feature(members)))
            if score >= lowest:
                members = self._segments.with_attached(segment, members)
                feature = self._segments.feature(members)
                for other in excluded:
                    score *= 1.0 - float(self.probabilities(other, feature))
                found.append(Hypothesis(segment, members, feature, score))
        found.sort(key=lambda hypothesis: -hypothesis.score)
        uncertain = self.uncertain(found)
        share = 0.0 if every or uncertain else config.ambiguity_share
        least = lowest if uncertain else config.found_probability
        least = max([least, *(share * hypothesis.score for hypothesis in found[:1])])
        kept: list[Hypothesis] = []
        for hypothesis in found:
            # a segment and a part of it are one object
            taken = any(np.isin(hypothesis.members, other.members).any() for other in kept)
            if hypothesis.score >= least and not taken:
                kept.append(hypothesis)
        return kept

    def uncertain(self, hypotheses: Sequence[Hypothesis]) -> bool:
        """Return whether there are hypotheses, best first, but none of them is found."""
        return bool(hypotheses) and hypotheses[0].score < self._config.found_probability

    def _candidates(self, values: NDArray[np.float32]) -> list[tuple[Segment, NDArray[np.int64]]]:
        """Return all segments, and parts of a segment that is several objects that touch.

        A part is a connected component of the points with at least half of the segment's highest
        smoothed probability, of `values [M]`, if it does not look as the rest of the segment does.
        """
        segments, found = self._segments, []
        probable, part_of = np.zeros(len(values), bool), np.zeros(len(values), np.int64)
        for segment in segments:
            inside = values[segment.members]
            peak = np.sort(inside)[-max(5, len(inside) // 10) :].mean()  # a robust maximum
            probable[segment.members] = inside > 0.5 * peak
            part_of[segment.members] = segment.id
        parts: list[list[NDArray[np.int64]]] = [[] for _ in segments]
        for part in connected_components(segments.graph, probable):  # none reaches two segments
            parts[part_of[part[0]]].append(part)
        for segment in segments:
            found.append((segment, segment.members))
            for part in filter(segments.is_large, parts[segment.id]):
                rest = np.setdiff1d(segment.members, part)
                features = map(segments.feature, (part, rest))
                if segments.is_large(rest) and not segments.same_appearance(*features):
                    found.append((segment, part))
        return found
