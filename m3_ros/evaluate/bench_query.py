"""`m3 bench query`: memories of random simulated scenes, and queries with known answers.

Queries for present, absent, ambiguous, moved and removed objects, with a live frame from a new
viewpoint. Baselines: the features of the live frame alone, and features lifted onto the same
Gaussians.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.config import M3Config
from m3_ros.evaluate.clip_twin import ClipTwin
from m3_ros.evaluate.known_queries import KnownQuery, known_queries, query_scene
from m3_ros.evaluate.plain_lifting import by_lifting, lifted_features
from m3_ros.evaluate.query_answers import Answer, judge, summarize
from m3_ros.evaluate.scan_calibration import calibrate_by_views
from m3_ros.evaluate.simulated import POSE_NOISE, SimulatedScene
from m3_ros.evaluate.structured_queries import Place, structured_queries
from m3_ros.evaluate.workers import worker_pool
from m3_ros.features.cache import CachedExtractor
from m3_ros.features.extractor import FeatureExtractor, LanguageExtractor
from m3_ros.features.loading import load_extractor
from m3_ros.memory.build import build_memory
from m3_ros.memory.serialization import MemoryFileError
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.noise import SIGMAS
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.planes import find_planes
from m3_ros.query.result import QueryResult
from m3_ros.view.report import write_json

BENCHMARK_SEED = 100_000
"""Scenes of the benchmark start here, far from those of demos, tests and calibration."""
FIT_STEPS = 120
"""Steps of a fit, those of a draft of the 60 views."""


def ask_scene(
    seed: int, config: M3Config, extractor: LanguageExtractor, views: int, work: Path
) -> list[Answer]:
    """Build the memory of a random scene and send every query, unless done before in `work`."""
    done = work / f"{seed}.json"
    if done.exists():
        stored = json.loads(done.read_text())
        if stored["digest"] == extractor.digest:
            return [Answer(**row) for row in stored["answers"]]
    twin = extractor if isinstance(extractor, ClipTwin) else None
    frames = scan_scene(seed, config, views, twin)
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedExtractor(extractor, folder)
        memory = remember_scene(frames, config, cached, work / str(seed))
        lifted = lifted_features(memory, frames, cached)
    calibration = twin and calibrate_by_views(frames, memory, twin).calibration
    localizer = Localizer(memory, extractor, config.query, calibration)
    scene = SimulatedScene(query_scene(seed), config.simulation, POSE_NOISE)
    if twin is not None:
        twin.watch(scene)
    try:
        answers = list(_ask(seed, scene, localizer, lifted))
    finally:
        scene.close()
    rows = [asdict(answer) for answer in answers]
    write_json(done, {"digest": extractor.digest, "answers": rows})
    return answers


def remember_scene(
    frames: Sequence[RgbdFrame], config: M3Config, extractor: FeatureExtractor, folder: Path
) -> SpatialMemory:
    """Return the memory of a scan, from `folder` if it was built before."""
    try:
        memory = SpatialMemory.load(folder)
        if memory.model(extractor.name).digest == extractor.digest:
            return memory
    except MemoryFileError:
        pass
    splat = replace(config.splat, max_iterations=FIT_STEPS)
    memory = build_memory(frames, replace(config, splat=splat), [extractor])
    memory.save(folder)
    return memory


def scan_scene(
    seed: int, config: M3Config, views: int, twin: ClipTwin | None = None
) -> list[RgbdFrame]:
    """Return frames of a query scene from all around it; the twin is shown what is in them."""
    scene = SimulatedScene(query_scene(seed), config.simulation, POSE_NOISE)
    if twin is not None:
        twin.watch(scene)
    try:
        return scene.scan(views)
    finally:
        scene.close()


def _ask(
    seed: int, scene: SimulatedScene, localizer: Localizer, lifted: NDArray[np.float16]
) -> Iterator[Answer]:
    """Yield the answers to all queries; then remove one object, and move one."""
    rng = np.random.default_rng([seed, 13])
    methods: dict[str, Callable[[str, RgbdFrame], QueryResult]] = {
        "memory": localizer.locate,
        "single view": partial(by_single_view, localizer),
        "plain lifting": lambda text, _: by_lifting(localizer, lifted, text),
    }

    def capture() -> RgbdFrame:
        return scene.frame(scene.viewpoint(180.0 + rng.uniform(-60, 60), rng.uniform(45, 65)))

    def ask(
        query: KnownQuery, frame: RgbdFrame, asked: Sequence[str] = tuple(methods)
    ) -> Iterator[Answer]:
        truths = [scene.truth(name) for name in query.names]
        for method in asked:
            answer = methods[method]
            start = time.process_time()
            result = answer(query.text, frame)
            seconds = time.process_time() - start
            yield judge(seed, query, method, result, truths, seconds)

    frame = capture()
    for query in known_queries(query_scene(seed)):
        yield from ask(query, frame)
    places = [
        Place(name, item.label, item.model.category, scene.truth(name)[0][:2, 3])
        for name, item in scene.objects.items()
    ]
    for query in structured_queries(places, frame.camtoworld, rng):
        yield from ask(query, frame, ["memory"])
    labels = [item.label for item in scene.objects.values()]
    single = [name for name, item in scene.objects.items() if labels.count(item.label) == 1]
    removed, moved = (str(name) for name in rng.permutation(single)[:2])
    scene.move(removed, np.array([0.0, 0.0, -5.0]))
    yield from ask(KnownQuery("removed", scene.objects[removed].label, ()), capture())
    offset = scene.free_offset(moved)
    if offset is not None:
        scene.move(moved, offset)
        yield from ask(KnownQuery("moved", scene.objects[moved].label, (moved,)), capture())


def by_single_view(localizer: Localizer, text: str, frame: RgbdFrame) -> QueryResult:
    """Answer from the live frame's features and depth, without any memory."""
    query, config = localizer.scorer.query(text), localizer.config
    observed = ObservedFrame(frame, localizer.extractor, config)
    measured = observed.depth > 0
    tolerance = (SIGMAS * observed.noise[measured]).clip(config.plane_distance)
    planes, _ = find_planes(observed.points_of(measured), tolerance, config.min_plane_area)
    segments = observed.segments(observed.off_planes(planes))
    features = np.array([segment.feature for segment in segments])
    scores = localizer.scorer.probabilities(query, features) if segments else np.zeros(1)
    best = int(np.argmax(scores))
    if not segments or scores[best] < config.found_probability:
        return QueryResult(QueryStatus.NOT_FOUND, [], None, "")
    points, score = segments[best].points, float(scores[best])
    target = localizer.target(query.label, points, score, visible=True)
    return QueryResult(QueryStatus.FOUND, [target], None, "")


@lru_cache(1)
def _extractor(encoder: str, threads: int, vectors: Path) -> LanguageExtractor:
    """Load the model, once a process, and let it work with so many threads."""
    torch.set_num_threads(threads)
    return ClipTwin(vectors) if encoder == ClipTwin.name else load_extractor(encoder)


def _job(
    seed: int, config: M3Config, encoder: str, views: int, work: Path, threads: int, vectors: Path
) -> list[Answer]:
    return ask_scene(seed, config, _extractor(encoder, threads, vectors), views, work)


def run(
    config: M3Config,
    encoder: str = "compact",
    scenes: int = 40,
    seed: int = 0,
    views: int = 60,
    workers: int = 1,
    work: Path | None = None,
    json_path: Path | None = None,
    sensor: str = "d405",
    vectors: Path = Path("clip_vectors"),
) -> dict[str, dict[str, float]]:
    """Send queries about `scenes` scenes, print the table, write the JSON if a path is given.

    Args:
        config: settings of the memories and queries.
        encoder: name of the model that scores; "twin": a stand-in for CLIP (`ClipTwin`).
        scenes: number of scenes.
        seed: added to the seeds of all scenes.
        views: of a scan.
        workers: processes that share the scenes.
        work: folder that keeps memories and answers, for another run to go on from.
        json_path: file for the figures and all answers.
        sensor: errors of the camera, as `simulation.sensor`.
        vectors: folder of the twin's text vectors.
    """
    config = replace(config, simulation=replace(config.simulation, sensor=sensor))
    with tempfile.TemporaryDirectory() as scratch:
        folder = (work or Path(scratch)) / sensor
        folder.mkdir(parents=True, exist_ok=True)
        threads = max(1, torch.get_num_threads() // workers)
        jobs = [
            (BENCHMARK_SEED + seed + index, config, encoder, views, folder, threads, vectors)
            for index in range(scenes)
        ]
        with worker_pool(workers) as pool:
            futures = [pool.submit(_job, *job) for job in jobs]
            done = as_completed(futures)
            answers = [a for future in track(done, "scenes", scenes) for a in future.result()]
    answers.sort(key=lambda answer: answer.seed)
    summary = summarize(answers)
    table = Table("figure", *summary, title=f"{scenes} scenes, {views} views each, {sensor}")
    for name in next(iter(summary.values())):
        table.add_row(name, *(f"{values[name]:.3f}" for values in summary.values()))
    Console(width=110).print(table)
    if json_path is not None:
        rows = [asdict(answer) for answer in answers]
        write_json(
            json_path,
            {
                "scenes": scenes,
                "seed": seed,
                "sensor": sensor,
                "summary": summary,
                "answers": rows,
            },
        )
    return summary
