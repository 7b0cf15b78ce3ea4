"""`m3 calibrate`: fit the calibration of a model's scores on scenes that no benchmark uses."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.evaluate.bench_query import remember_scene, scan_scene
from m3_ros.evaluate.known_queries import known_queries, query_scene
from m3_ros.evaluate.query_answers import inside
from m3_ros.evaluate.scan_calibration import calibrate_by_views
from m3_ros.evaluate.simulated import POSE_NOISE, SimulatedScene
from m3_ros.features.extractor import LanguageExtractor
from m3_ros.features.loading import load_extractor, load_language_extractor
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.calibration import Calibration, calibration_file, fit_calibration
from m3_ros.view.report import write_json

CALIBRATION_SEED = 200_000
"""Scenes of the calibration start here; the benchmark's at 100 000."""


@dataclass(frozen=True)
class Scored:
    """The best target of a query, as the memory alone scores it.

    Attributes:
        kind: of the query, see `KnownQuery`.
        attributes: of the query.
        score: before calibration, 0..1.
        right: it is what was asked for.
    """

    kind: str
    attributes: int
    score: float
    right: bool


def score_scene(
    seed: int, memory: SpatialMemory, extractor: LanguageExtractor, config: M3Config
) -> list[Scored]:
    """Score the best target of every query about a scene."""
    everything = replace(config.query, found_probability=0.0, ambiguity_share=1.0)
    localizer = Localizer(memory, extractor, everything, Calibration())
    scene = SimulatedScene(query_scene(seed), config.simulation, POSE_NOISE)
    truths = {name: scene.truth(name) for name in scene.objects}
    scene.close()
    scored = []
    for query in known_queries(query_scene(seed)):
        targets = localizer.locate(query.text).targets
        if targets:
            center = targets[0].box.center
            right = any(inside(truths[name], center) for name in query.names)
            attributes = len(localizer.scorer.query(query.text).attributes)
            scored.append(Scored(query.kind, attributes, targets[0].score, right))
    return scored


def run(
    config: M3Config,
    encoder: str = "compact",
    scenes: int = 8,
    views: int = 60,
    work: Path = Path("calibration"),
    output: Path | None = None,
) -> Calibration:
    """Score scenes, fit the calibration, print what it does, store it.

    Args:
        config: settings of the memories and queries.
        encoder: name of the model.
        scenes: number of scenes.
        views: of a scan.
        work: folder that keeps the memories.
        output: file; beside the model's weights unless given.
    """
    extractor = load_extractor(encoder)
    scored: list[Scored] = []
    for seed in track(range(CALIBRATION_SEED, CALIBRATION_SEED + scenes), "scenes"):
        frames = scan_scene(seed, config, views)
        memory = remember_scene(frames, config, extractor, work / str(seed))
        scored += score_scene(seed, memory, extractor, config)
    scores = np.array([item.score for item in scored])
    right = np.array([item.right for item in scored])
    attributes = np.array([item.attributes for item in scored])
    calibration = fit_calibration(scores, attributes, right)
    probability = np.array(
        [calibration(score, n) for score, n in zip(scores, attributes, strict=True)]
    )
    claimed = probability >= config.query.found_probability
    table = Table("query", "number", "best is right", "claimed", title=f"{calibration}")
    for kind in dict.fromkeys(item.kind for item in scored):
        of = np.array([item.kind == kind for item in scored])
        shares = f"{right[of].mean():.2f}", f"{claimed[of].mean():.2f}"
        table.add_row(kind, str(of.sum()), *shares)
    Console(width=100).print(table)
    data = (
        f"{scenes} simulated scenes from seed {CALIBRATION_SEED}, {views} views each, "
        f"{len(scored)} queries of m3_ros/evaluate/known_queries.py"
    )
    _store(calibration, extractor, data, output)
    return calibration


def run_scan(
    scan: Path, config: M3Config, encoder: str, work: Path, output: Path | None = None
) -> Calibration:
    """Calibrate a model on a scan without labels; print what the views agree on, store it.

    Args:
        scan: scan folder.
        config: settings of the memory.
        encoder: name of the model.
        work: folder that keeps the memory.
        output: file; beside the model's weights unless given.

    Raises:
        DataError: the views agree on too little.
    """
    extractor, opened = load_language_extractor(encoder), Scan.open(scan)
    memory = remember_scene(opened, config, extractor, work / scan.resolve().name)
    found = calibrate_by_views(opened, memory, extractor)
    print(f"views agree on {', '.join(sorted(found.agreed))}; {found.words} words asked")
    print(found.calibration)
    data = f"a scan of {len(opened)} views that agree on {len(found.agreed)} things, no labels"
    _store(found.calibration, extractor, data, output)
    return found.calibration


def _store(
    calibration: Calibration, extractor: LanguageExtractor, data: str, output: Path | None
) -> None:
    values = {
        **{name: round(value, 4) for name, value in asdict(calibration).items()},
        "digest": extractor.digest,
        "data": data,
        "date": date.today().isoformat(),
    }
    write_json(output or calibration_file(extractor.name), values)
