"""`m3 bench query`: random simulated scenes, remembered; questions with known answers.

Present, absent, moved and removed objects, asked with a live frame from a new viewpoint; beside
the memory's answers those of the live frame's features alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from m3_ros.capture.frame import Frame
from m3_ros.config import M3Config
from m3_ros.evaluate.simulated import POSE_NOISE, SimulatedScene
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.memory.build import build_memory
from m3_ros.query.live import live_relevancy, see_thing
from m3_ros.query.localize import Localizer
from m3_ros.query.relevancy import clean_prompt, text_probability
from m3_ros.query.shape import upright_box
from m3_ros.sim.objects import CATEGORIES, COLORS
from m3_ros.sim.scene import label_of, random_scene
from m3_ros.view.report import write_json

Array = NDArray[np.float64]

FIRST_SEED = 100_000
"""Scenes of the benchmark start here, far from those of demos and tests."""
OBJECTS = (8, 15)  # from, below
ABSENT = 6  # absent prompts a scene
MARGIN = 0.005  # a centroid this far outside the true box still counts as inside, m
CLAIMS = ("FOUND", "AMBIGUOUS", "NO_DEPTH", "OUT_OF_VIEW")
"""Statuses that say where the object is."""


@dataclass(frozen=True)
class Answer:
    """One question and what was answered.

    Attributes:
        seed: of the scene.
        kind: "present", "absent", "hard absent" (colour and category occur, not together),
            "moved" or "removed".
        method: "memory" or "single view".
        prompt: the question.
        status: of the answer.
        inside: the best detection's centroid lies in the true object's box.
        error: of that centroid from the middle of the box, m; NaN without a detection.
        score: of the best detection; NaN without one.
        seconds: to answer.
    """

    seed: int
    kind: str
    method: str
    prompt: str
    status: str
    inside: bool
    error: float
    score: float
    seconds: float


def ask_scene(
    seed: int, config: M3Config, extractor: LanguageExtractor, views: int
) -> list[Answer]:
    """Scan one random scene, remember it, and ask every kind of question."""
    rng = np.random.default_rng([seed, 11])
    scene = random_scene(seed, int(rng.integers(*OBJECTS)), include=())
    simulated = SimulatedScene(scene, config.simulation, POSE_NOISE)
    try:
        memory = build_memory(simulated.scan(views), config, [extractor])
        localizer = Localizer(memory, extractor, config.query)
        return list(_questions(seed, simulated, localizer, rng))
    finally:
        simulated.close()


def _questions(
    seed: int, scene: SimulatedScene, localizer: Localizer, rng: np.random.Generator
) -> Iterator[Answer]:
    """Ask for all objects, for absent ones, for one that is removed and one that is moved."""

    def look() -> Frame:
        return scene.frame(scene.viewpoint(180.0 + rng.uniform(-60, 60), rng.uniform(45, 65)))

    def ask(kind: str, prompt: str, name: str | None, frame: Frame) -> Iterator[Answer]:
        truth = None if name is None else scene.truth(name)
        for method in (_by_memory, _by_single_view):
            yield method(seed, kind, prompt, truth, localizer, frame)

    frame, names = look(), list(scene.objects)
    for name in names:
        yield from ask("present", scene.objects[name].label, name, frame)
    for kind, label in absent_labels([item.label for item in scene.objects.values()], rng):
        yield from ask(kind, label, None, frame)
    first, second = rng.permutation(names)[:2]
    scene.move(first, np.array([0.0, 0.0, -5.0]))
    yield from ask("removed", scene.objects[first].label, None, look())
    offset = scene.free_offset(second)
    if offset is not None:
        scene.move(second, offset)
        yield from ask("moved", scene.objects[second].label, second, look())


def absent_labels(present: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    """Kinds and labels of things that are not there, half of them hard."""
    every = [label_of(category, color) for category in CATEGORIES for color in COLORS]
    split = [label.partition(" ")[::2] for label in present]
    colors, things = {color for color, _ in split}, {thing for _, thing in split}

    def hard(label: str) -> bool:
        color, _, thing = label.partition(" ")
        return color in colors and thing in things

    absent = [label for label in every if label not in present]
    easy = [label for label in absent if label.partition(" ")[2] not in things]
    difficult = [label for label in absent if hard(label)]
    chosen = [("absent", str(label)) for label in rng.permutation(easy)[: ABSENT // 2]]
    return chosen + [
        ("hard absent", str(label)) for label in rng.permutation(difficult)[: ABSENT // 2]
    ]


Truth = tuple[Array, Array] | None


def _by_memory(
    seed: int, kind: str, prompt: str, truth: Truth, localizer: Localizer, frame: Frame
) -> Answer:
    start = time.perf_counter()
    result = localizer.locate(prompt, frame)
    seconds = time.perf_counter() - start
    best = result.detections[0] if result.detections else None
    centroid = None if best is None else best.centroid
    score = float("nan") if best is None else best.score
    judged = _judge(truth, centroid)
    return Answer(seed, kind, "memory", prompt, result.status, *judged, score, seconds)


def _by_single_view(
    seed: int, kind: str, prompt: str, truth: Truth, localizer: Localizer, frame: Frame
) -> Answer:
    """What the live frame's features say without any memory."""
    start = time.perf_counter()
    text = clean_prompt(prompt, localizer.config.max_prompt_length)
    probability = text_probability(localizer.extractor, text)
    relevancy = live_relevancy(localizer.extractor, frame, probability)
    seen = see_thing(frame, relevancy, localizer.config.found_probability)
    seconds = time.perf_counter() - start
    centroid = None if seen is None else upright_box(seen[0]).center
    score = float("nan") if seen is None else seen[1]
    status = "NOT_FOUND" if seen is None else "FOUND"
    judged = _judge(truth, centroid)
    return Answer(seed, kind, "single view", prompt, status, *judged, score, seconds)


def _judge(truth: Truth, centroid: Array | None) -> tuple[bool, float]:
    """Whether a centroid lies in the true box, and its distance (m) from the box's middle."""
    if truth is None or centroid is None:
        return False, float("nan")
    pose, size = truth
    local = pose[:3, :3].T @ (centroid - pose[:3, 3])
    return bool((np.abs(local) <= size / 2 + MARGIN).all()), float(np.linalg.norm(local))


def summarize(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Rates and errors by method; a rate over no question is NaN."""
    return {
        method: _summary([answer for answer in answers if answer.method == method])
        for method in dict.fromkeys(answer.method for answer in answers)
    }


def _summary(answers: Sequence[Answer]) -> dict[str, float]:
    def of(*kinds: str) -> list[Answer]:
        return [answer for answer in answers if answer.kind in kinds]

    def share(values: Sequence[bool]) -> float:
        return float(np.mean(values)) if len(values) else float("nan")

    present, gone = of("present"), of("moved", "removed")
    errors = [100.0 * answer.error for answer in present if answer.inside] or [float("nan")]
    times = [1000.0 * answer.seconds for answer in answers] or [float("nan")]
    return {
        "questions": len(answers),
        "present_inside": share([a.status in CLAIMS and a.inside for a in present]),
        "error_median_cm": float(np.median(errors)),
        "error_95_cm": float(np.percentile(errors, 95)),
        "false_found": share([a.status in CLAIMS for a in of("absent")]),
        "false_found_hard": share([a.status in CLAIMS for a in of("hard absent")]),
        "gone_noticed": share([a.status in ("STALE", "NOT_FOUND") or a.inside for a in gone]),
        "moved_found_again": share([a.inside for a in of("moved")]),
        "latency_p50_ms": float(np.median(times)),
        "latency_p95_ms": float(np.percentile(times, 95)),
    }


def run(
    config: M3Config,
    extractor: LanguageExtractor,
    scenes: int = 40,
    seed: int = 0,
    views: int = 60,
    json_path: Path | None = None,
) -> dict[str, dict[str, float]]:
    """Ask `scenes` scenes, print the table, write the JSON if a path is given."""
    answers: list[Answer] = []
    for index in track(range(scenes), "scenes"):
        answers += ask_scene(FIRST_SEED + seed + index, config, extractor, views)
    summary = summarize(answers)
    table = Table("figure", *summary, title=f"{scenes} scenes, {views} views each")
    for name in next(iter(summary.values())):
        table.add_row(name, *(f"{values[name]:.3f}" for values in summary.values()))
    Console(width=110).print(table)
    if json_path is not None:
        rows = [asdict(answer) for answer in answers]
        write_json(
            json_path, {"scenes": scenes, "seed": seed, "summary": summary, "answers": rows}
        )
    return summary
