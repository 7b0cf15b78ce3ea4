"""Calibration of an encoder on a scan without labels.

Right answers are the words, and colours, on which the scan's views agree: each view on its own
ranks one first for a segment. All others of the vocabulary are taken to be absent. Some are not,
which makes the calibration careful.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.errors import DataError
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.features.open_vocabulary import GENERAL, KINDS
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.calibration import Calibration, fit_calibration
from m3_ros.query.grammar import COLORS
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.verify import FrameVerifier

FRAMES = 20
"""Views that are asked, spread over the scan: enough for each side of an object."""
AGREE, MIN_VIEWS = 0.8, 3
"""Share of the views of a segment that must rank one word first, of at least so many."""


@dataclass(frozen=True)
class ScanCalibration:
    """A calibration, the words on which the views agree, a segment each, and the words asked."""

    calibration: Calibration
    agreed: tuple[str, ...]
    words: int


def calibrate_by_views(
    frames: Sequence[RgbdFrame], memory: SpatialMemory, extractor: LanguageExtractor
) -> ScanCalibration:
    """Return the calibration that a scan gives without labels.

    Args:
        frames: of the scan.
        memory: built of it with the model.
        extractor: the model.

    Raises:
        DataError: the views agree on no word, or on all.
    """
    everything = replace(memory.config.query, found_probability=0.0, ambiguity_share=1.0)
    localizer = Localizer(memory, extractor, everything, Calibration())
    words = [word for word in KINDS if extractor.in_vocabulary(word)]
    kinds = agreed_words(frames, localizer, words, GENERAL)
    colors = agreed_words(frames, localizer, [f"{color} thing" for color in COLORS], ["thing"])
    shown = {
        id: (kind, colors[id].split()[0] if id in colors else "") for id, kind in kinds.items()
    }
    scores, attributes, right = [], [], []
    for text, meant in _queries(words, shown):
        query = localizer.scorer.query(text)
        found = localizer.scorer.hypotheses(query, localizer.scorer.of_gaussians(query))
        if found:
            kind, color = shown.get(found[0].segment.id, ("", ""))
            scores.append(found[0].score)
            attributes.append(len(query.attributes))
            right.append(meant in ((kind, ""), (kind, color)))
    if not any(right) or all(right):
        raise DataError(
            f"the views of the scan agree on {len(kinds)} of {len(words)} words, so that nothing "
            "can be calibrated; scan a place with several known things from more sides"
        )
    numbers = np.array(scores, np.float64), np.array(attributes), np.array(right)
    return ScanCalibration(fit_calibration(*numbers), tuple(kinds.values()), len(words))


def _queries(
    words: Sequence[str], shown: dict[int, tuple[str, str]]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield texts, each with the kind and colour that it means: every word, and in all colours
    those on which the views agree."""
    for word in words:
        yield word, (word, "")
    for kind in {kind for kind, color in shown.values() if color}:
        for color in COLORS:
            yield f"{color} {kind}", (kind, color)


def agreed_words(
    frames: Sequence[RgbdFrame],
    localizer: Localizer,
    words: Sequence[str],
    others: Sequence[str],
) -> dict[int, str]:
    """Return the word, by segment, that nearly all views of the segment rank first.

    Args:
        frames: of the scan.
        localizer: of its memory.
        words: that may be agreed on.
        others: that compete with them.
    """
    segments, extractor, config = localizer.segments, localizer.extractor, localizer.config
    texts = extractor.encode_text([*words, *others])
    votes: dict[int, list[int]] = {segment.id: [] for segment in segments}
    for index in np.unique(np.linspace(0, len(frames) - 1, FRAMES).round().astype(int)):
        observed = ObservedFrame(frames[index], extractor, config)
        verifier = FrameVerifier(localizer.memory, segments, observed, config)
        seen = verifier.evidence([segment.members for segment in segments])
        for segment, evidence in zip(segments, seen, strict=True):
            if evidence.certain:
                votes[segment.id].append(_first(evidence.feature, texts))
    agreed = {}
    for id, ranked in votes.items():
        if len(ranked) < MIN_VIEWS:
            continue
        (first, count), *_ = Counter(ranked).most_common(1)
        if first < len(words) and count >= AGREE * len(ranked):
            agreed[id] = words[first]
    return agreed


def _first(feature: NDArray[np.float32], texts: NDArray[np.float32]) -> int:
    return int((texts @ feature).argmax())
