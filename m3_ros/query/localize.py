"""Where is what the text names? Answered in 3D from the memory, confirmed in the live frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from m3_ros.capture.frame import Frame
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.live import (
    MIN_PIXELS,
    Evidence,
    in_image,
    live_relevancy,
    look,
    see_thing,
)
from m3_ros.query.relevancy import (
    Image,
    Probability,
    clean_prompt,
    image_probability,
    text_probability,
)
from m3_ros.query.shape import OrientedBox, upright_box
from m3_ros.query.things import Things

MIN_IN_IMAGE = 0.3
"""A thing is out of view when a smaller share of its points projects into the image."""
MIN_MEASURED = 0.2
"""Smallest share of its pixels with live depth that says anything."""
MIN_AGREE = 0.5
"""A thing is still there when at least this share of its pixels has the remembered depth."""
MIN_LIKENESS = 0.3
"""... and the live features there are at least this share as likely as the remembered ones."""
MESSAGES = {
    "FOUND": "{label} is {place}",
    "NO_DEPTH": "{label} should be {place}, but the camera measures no depth there",
    "OUT_OF_VIEW": "{label} was last {place}, which the camera does not see now",
}


@dataclass(frozen=True, eq=False)
class Detection:
    """One object that answers a question, in the memory's frame.

    Attributes:
        label: the text it answers.
        score: probability that it is what was asked, 0..1.
        centroid: `[3]` m, middle of the box.
        box: upright box about the object.
        points: `[M, 3]` m, on its surface.
        covariance: `[3, 3]` m^2 of the points.
        visible: seen now, at its remembered place.
    """

    label: str
    score: float
    centroid: NDArray[np.float64]
    box: OrientedBox
    points: NDArray[np.float64]
    covariance: NDArray[np.float64]
    visible: bool = False


@dataclass(frozen=True, eq=False)
class QueryResult:
    """The answer.

    Attributes:
        status: FOUND, NOT_FOUND, AMBIGUOUS, STALE, NO_DEPTH or OUT_OF_VIEW.
        detections: best first; with STALE, where the live view shows the object now, if it does.
        heatmap: `[H, W]` float32 relevancy 0..1 at the live frame's pixels; None without a frame.
        message: one sentence for a person.
    """

    status: str
    detections: list[Detection]
    heatmap: NDArray[np.float32] | None
    message: str


@dataclass(frozen=True, eq=False)
class _Thing:
    """A detection and the rows `[M]` of `Things.points` that it consists of."""

    detection: Detection
    part: NDArray[np.int64]


class Localizer:
    """Answers questions about one memory; prepared once, asked often.

    Args:
        memory: where to look.
        extractor: the language-aligned model that the memory was built with.
        config: thresholds.

    Raises:
        ValueError: the memory lacks the model, or was built with other weights of it.
    """

    def __init__(
        self,
        memory: SpatialMemory,
        extractor: LanguageExtractor,
        config: QueryConfig | None = None,
    ) -> None:
        self.memory, self.extractor = memory, extractor
        self.config = config or memory.config.query
        model = memory.model(extractor.name)
        if model.digest != extractor.digest:
            raise ValueError(
                f"the memory was built with weights {model.digest[:12]} of {extractor.name!r}, "
                f"but {extractor.digest[:12]} is loaded; build the memory again"
            )
        self._components = normalize(model.bank.components, dim=-1).numpy()
        self._things = Things(memory, model, self.config.min_points)

    def locate(self, prompt: str | Image, frame: Frame | None = None) -> QueryResult:
        """Find what `prompt` names, or what the picture `[H, W, 3]` shows.

        Args:
            prompt: plain words, or a crop of the thing.
            frame: what the camera sees now; None asks the memory alone.

        Raises:
            QueryError: the prompt is empty or too long.
        """
        label, probability = self._question(prompt)
        every, values = self._things.scores(probability(self._components))
        found = self._contenders(label, probability, values)
        if frame is None:
            return _answer([(thing.detection, "FOUND") for thing in found], label, None)
        heatmap = self._render(every, frame.camtoworld, frame.K, (frame.width, frame.height))
        if not found:
            return _answer([], label, heatmap)
        live = live_relevancy(self.extractor, frame, probability)
        checked = [self._check(thing, frame, live) for thing in found]
        if all(status == "STALE" for _, status in checked):
            now = see_thing(frame, live, self.config.found_probability, heatmap)
            detections = [] if now is None else [self._detection(label, *now, visible=True)]
            where = "it is seen elsewhere now" if detections else "it is not seen now"
            message = f"{label!r} is no longer where the memory has it; {where}"
            return QueryResult("STALE", detections, heatmap, message)
        return _answer(checked, label, heatmap)

    def heatmap(
        self,
        prompt: str | Image,
        camtoworld: NDArray[np.float64],
        K: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32]:
        """Relevancy `[H, W]` in 0..1 of a prompt from any pose; size is (width, height)."""
        _, probability = self._question(prompt)
        every, _ = self._things.scores(probability(self._components))
        return self._render(every, camtoworld, K, size)

    def _question(self, prompt: str | Image) -> tuple[str, Probability]:
        """Label of a prompt and the probability that features show it."""
        if isinstance(prompt, str):
            text = clean_prompt(prompt, self.config.max_prompt_length)
            return text, text_probability(self.extractor, text)
        return "the picture", image_probability(self.extractor, prompt)

    def _contenders(
        self, label: str, probability: Probability, values: NDArray[np.float32]
    ) -> list[_Thing]:
        """Things likely enough, best first, that are about as likely as the best one.

        A thing's score is the probability of its mean feature over the likelier half of it.
        """
        things = []
        for part in self._things.candidates(values):
            core = part[np.argsort(values[part])[len(part) // 2 :]]
            feature = self._things.shares(core, len(self._components)) @ self._components
            feature /= max(float(np.linalg.norm(feature)), 1e-12)
            score = float(probability(feature[None])[0])
            if score >= self.config.found_probability:
                points = self._things.surface(part)
                things.append(_Thing(self._detection(label, points, score), part))
        things.sort(key=lambda thing: -thing.detection.score)
        least = self.config.ambiguity_ratio * max((t.detection.score for t in things), default=0.0)
        return [thing for thing in things if thing.detection.score >= least]

    def _detection(
        self, label: str, points: NDArray[np.float64], score: float, visible: bool = False
    ) -> Detection:
        box = upright_box(points, self._things.floor(points))
        covariance = np.cov(points.T)
        return Detection(label, score, box.center, box, points, covariance, visible)

    def _check(
        self, thing: _Thing, frame: Frame, live: NDArray[np.float32]
    ) -> tuple[Detection, str]:
        """What the live frame says about a remembered thing."""
        detection = thing.detection
        if in_image(detection.points, frame) < MIN_IN_IMAGE:
            return detection, "OUT_OF_VIEW"
        gaussians = self._things.index[thing.part]
        evidence = look(self.memory, gaussians, frame, self.config.agreement_gate, live)
        status = _verdict(evidence, detection.score)
        return replace(detection, visible=status == "FOUND"), status

    def _render(
        self,
        every: NDArray[np.float32],
        camtoworld: NDArray[np.float64],
        K: NDArray[np.float64],
        size: tuple[int, int],
    ) -> NDArray[np.float32]:
        values = torch.from_numpy(every)[:, None]
        return self.memory.render_values(values, camtoworld, K, size)[..., 0].clip(0.0, 1.0)


def _verdict(evidence: Evidence, score: float) -> str:
    """Status of one thing from what the live frame shows at its place."""
    if evidence.pixels < MIN_PIXELS:
        return "OUT_OF_VIEW"  # behind something that the memory knows
    if evidence.measured < MIN_MEASURED:
        return "NO_DEPTH"
    if evidence.agree >= MIN_AGREE:
        return "FOUND" if evidence.relevancy >= MIN_LIKENESS * score else "STALE"
    hidden = 1.0 - evidence.agree - evidence.behind
    return "OUT_OF_VIEW" if hidden > evidence.behind else "STALE"


def _answer(
    checked: list[tuple[Detection, str]], label: str, heatmap: NDArray[np.float32] | None
) -> QueryResult:
    """The answer from the contenders that are not known to be gone."""
    standing = [(detection, status) for detection, status in checked if status != "STALE"]
    detections = [detection for detection, _ in standing]
    if not standing:
        return QueryResult("NOT_FOUND", [], heatmap, f"nothing here looks like {label!r}")
    if len(standing) > 1:
        message = f"{len(standing)} things look like {label!r}; say more to tell them apart"
        return QueryResult("AMBIGUOUS", detections, heatmap, message)
    x, y, z = detections[0].centroid
    place = f"at x {x:.3f}, y {y:.3f}, z {z:.3f} m"
    message = MESSAGES[standing[0][1]].format(label=repr(label), place=place)
    return QueryResult(standing[0][1], detections, heatmap, message)
