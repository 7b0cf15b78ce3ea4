"""Where is what the text names? Answered in 3D from the memory, confirmed in the live frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import LanguageExtractor, probability
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.calibration import Calibration
from m3_ros.query.live import BESIDE, MIN_PIXELS, Evidence, LiveView, SeenThing, in_image
from m3_ros.query.relevancy import Image, Question, clean_prompt, image_question, text_question
from m3_ros.query.result import Detection, QueryResult, answer
from m3_ros.query.shape import upright_box
from m3_ros.query.things import Things

MIN_IN_IMAGE = 0.3
"""A thing is out of view when a smaller share of its points projects into the image."""
MIN_MEASURED = 0.2
"""Smallest share of its pixels with live depth that says anything."""
MIN_AGREE = 0.4
"""A thing is still there when at least this share of its pixels has the remembered depth."""
SAME_LOOK = 2.75
"""A thing may look so many of the bank's angles (see `Things.alike`) unlike what is remembered."""
QUESTIONS = 64
"""Texts whose encoding is kept; a robot asks for the same thing again and again."""
SAME_THING = 0.5
"""Least probability that a new thing is the one that is gone, and none of the others."""


@dataclass(frozen=True, eq=False)
class _Thing:
    """A detection, the rows `[M]` of `Things.points` it consists of, and its feature `[d]`."""

    detection: Detection
    part: NDArray[np.int64]
    feature: NDArray[np.float32]


class Localizer:
    """Answers questions about one memory; prepared once, asked often, by several threads.

    Args:
        memory: where to look.
        extractor: the language-aligned model that the memory was built with.
        config: thresholds.
        calibration: from scores to probabilities; what is stored for the model unless given.

    Raises:
        ValueError: the memory lacks the model, or was built with other weights of it.
    """

    def __init__(
        self,
        memory: SpatialMemory,
        extractor: LanguageExtractor,
        config: QueryConfig | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.memory, self.extractor = memory, extractor
        self.config = config or memory.config.query
        self.calibration = calibration or Calibration.of(extractor)
        model = memory.model(extractor.name)
        if model.digest != extractor.digest:
            raise ValueError(
                f"the memory was built with weights {model.digest[:12]} of {extractor.name!r}, "
                f"but {extractor.digest[:12]} is loaded; build the memory again"
            )
        self._things = Things(memory, model, self.config.min_area)
        self._text_question = lru_cache(QUESTIONS)(partial(text_question, extractor))

    def locate(self, prompt: str | Image, frame: RgbdFrame | None = None) -> QueryResult:
        """Find what `prompt` names, or what the picture `[H, W, 3]` shows.

        Args:
            prompt: plain words, or a crop of the thing.
            frame: what the camera sees now; None asks the memory alone.

        Raises:
            QueryError: the prompt is empty or too long.
        """
        question = self.question(prompt)
        values = self.relevancy(question)
        result = replace(self._locate(question, values, frame), relevancy=values)
        if question.unknown:
            message = f"{self.extractor.name!r} has not learnt what {question.unknown!r} is"
            result = replace(result, message=message)
        return result

    def _locate(
        self, question: Question, values: NDArray[np.float32], frame: RgbdFrame | None
    ) -> QueryResult:
        found = self._contenders(question, values)
        if frame is None:
            return answer([(thing.detection, "FOUND") for thing in found], question.label, None)
        place = (frame.camtoworld, frame.K, (frame.width, frame.height))
        heatmap = self._render(values, *place)
        if not found:
            return answer([], question.label, heatmap)
        live = LiveView(self.memory, self.extractor, frame, self.config.agreement_gate)
        checked = self._check(question, found, frame, live)
        if all(status == "STALE" for _, status in checked):
            return self._search(question, found, live, heatmap)
        return answer(checked, question.label, heatmap)

    def heatmap(
        self,
        prompt: str | Image,
        camtoworld: NDArray[np.float64],
        K: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32]:
        """Relevancy `[H, W]` in 0..1 of a prompt from any pose; size is (width, height)."""
        return self._render(self.relevancy(self.question(prompt)), camtoworld, K, size)

    def question(self, prompt: str | Image) -> Question:
        """What a prompt asks for.

        Raises:
            QueryError: it is empty, too long, or names no thing.
        """
        if isinstance(prompt, str):
            text = clean_prompt(prompt, self.config.max_prompt_length)
            return self._text_question(text)
        return image_question(self.extractor, prompt)

    def probability(self, question: Question, feature: NDArray[np.float32]) -> float:
        """Calibrated probability that a thing with the unit feature `[d]` is what is asked for."""
        return float(self.calibration(question(feature[None]), len(question.aspects))[0])

    def relevancy(self, question: Question) -> NDArray[np.float32]:
        """Probability `[N]` of every Gaussian that it shows what is asked for."""
        scores = question(self._things.components)
        return self._things.every(self.calibration(scores, len(question.aspects)))

    def _contenders(self, question: Question, values: NDArray[np.float32]) -> list[_Thing]:
        """Things likely enough, best first, that may be meant as well as the best one."""
        things = []
        for part in self._things.candidates(self._things.smoothed(values)):
            score = self.probability(question, self._things.feature(part))
            if score >= self.config.found_probability:
                whole = self._things.whole(part)
                points = self._things.surface(whole)
                detection = self.detection(question.label, points, score)
                things.append(_Thing(detection, whole, self._things.feature(whole)))
        things.sort(key=lambda thing: -thing.detection.score)
        best = things[0].detection.score if things else 0.0
        alternatives: list[_Thing] = []
        for thing in things:
            close = thing.detection.score >= self.config.ambiguity_share * best
            # a part and the whole piece are not two answers
            taken = any(np.isin(thing.part, other.part).any() for other in alternatives)
            if close and not taken:
                alternatives.append(thing)
        return alternatives

    def detection(
        self, label: str, points: NDArray[np.float64], score: float, visible: bool = False
    ) -> Detection:
        """An object at points `[M, 3]`, with its box down to what it stands on."""
        box = upright_box(points, self._things.floor(points))
        covariance = np.cov(points.T, bias=True)  # one point has none
        return Detection(label, score, box.center, box, points, covariance, visible)

    def _check(
        self, question: Question, found: list[_Thing], frame: RgbdFrame, live: LiveView
    ) -> list[tuple[Detection, str]]:
        """What the live frame says about remembered things."""
        least = self.config.found_probability
        looks = live.look([self._things.index[thing.part] for thing in found])
        checked = []
        for thing, evidence in zip(found, looks, strict=True):
            status = "OUT_OF_VIEW"
            if in_image(thing.detection.points, frame) >= MIN_IN_IMAGE:
                alike = not evidence.tells_what
                alike |= self._things.alike(evidence.feature, thing.feature, SAME_LOOK)
                alike |= self.probability(question, evidence.feature) >= least
                status = _verdict(evidence, alike)
            checked.append((replace(thing.detection, visible=status == "FOUND"), status))
        return checked

    def _search(
        self,
        question: Question,
        gone: list[_Thing],
        live: LiveView,
        heatmap: NDArray[np.float32],
    ) -> QueryResult:
        """Where the best of things that are gone is seen now: new there, and like no other."""
        feature = gone[0].feature
        others = np.stack([self._things.feature(piece) for piece in self._things.pieces])
        others = others[others @ feature < self._things.threshold]
        scale, missing = self.extractor.logit_scale, np.concatenate([thing.part for thing in gone])
        found = [
            seen
            for seen in self._unexpected(live, missing)
            if probability(seen.feature[None], feature, others, scale)[0] >= SAME_THING
        ]
        where, detections = "it is not seen now", []
        if found:
            # parts of it look like it, too
            largest = max(found, key=lambda seen: len(seen.points))
            score = self.probability(question, largest.feature)
            detections = [self.detection(question.label, largest.points, score, True)]
            where = "it is seen elsewhere now"
        message = f"{question.label!r} is no longer where the memory has it; {where}"
        return QueryResult("STALE", detections, heatmap, message)

    def _unexpected(self, live: LiveView, gone: NDArray[np.int64]) -> list[SeenThing]:
        """Things seen where the memory has none but the points `gone`, or one unlike this."""
        things = self._things
        kept = np.setdiff1d(np.concatenate(things.pieces), gone)  # specks hide nothing
        seen = live.things(things.planes, remembered=things.points[kept])
        for thing in live.things(things.planes):
            part = things.near(thing.points, BESIDE)
            if len(part) and not things.alike(things.feature(part), thing.feature):
                seen.append(thing)
        return seen

    def _render(
        self,
        values: NDArray[np.float32],
        camtoworld: NDArray[np.float64],
        K: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32]:
        column = torch.from_numpy(values)[:, None]
        return self.memory.render_values(column, camtoworld, K, size)[..., 0].clip(0.0, 1.0)


def _verdict(evidence: Evidence, alike: bool) -> str:
    """Status of one thing from what the live frame shows at its place."""
    if evidence.pixels < MIN_PIXELS:
        return "OUT_OF_VIEW"  # behind something that the memory knows
    if evidence.measured < MIN_MEASURED:
        return "NO_DEPTH"
    if evidence.agree >= MIN_AGREE:
        return "FOUND" if alike else "STALE"
    hidden = 1.0 - evidence.agree - evidence.behind
    return "OUT_OF_VIEW" if hidden > evidence.behind else "STALE"
