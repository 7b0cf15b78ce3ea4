"""`m3 bench grasp`: lift one named object in each of many random scenes with physics.

Scan, memory, query, planning and execution are the code of the robot. With `oracle` the true pose
replaces the first three, so that the figure measures grasping alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from m3_ros.config import M3Config
from m3_ros.errors import DataError
from m3_ros.evaluate.grasp_trial import Conditions, Trial, run_trial
from m3_ros.evaluate.workers import worker_pool
from m3_ros.sim.objects import CATEGORIES
from m3_ros.sim.scene import label_of
from m3_ros.types import Image
from m3_ros.view.pictures import contact_sheet, write_picture

COLORS = ("yellow", "red", "green", "blue")
SUCCESSES_SHOWN = 3
HOLDABLE = 0.073  # up to this width, m, the angle between the pads stays within friction 0.5
STRIP_WIDTH = 320  # of each of its pictures, px


def run(
    scenes: int = 50,
    seed: int = 0,
    conditions: Conditions | None = None,
    categories: Sequence[str] = CATEGORIES,
    workers: int = 1,
    pictures: Path | None = None,
    json_path: Path | None = None,
) -> list[Trial]:
    """Run the benchmark, print its table and optionally write JSON.

    Args:
        scenes: number of scenes, each with its own object, in turn from `categories`.
        seed: of the first scene; the next ones follow.
        conditions: errors and clutter; the defaults when None.
        categories: kinds of objects asked for.
        workers: processes.
        pictures: folder for strips of three successes and of every kind of failure.
        json_path: written after every trial; trials that it holds already are not run again.

    Raises:
        ValueError: `json_path` holds trials of other conditions.
    """
    conditions, console = conditions or Conditions(), Console()
    rng = np.random.default_rng([seed, 11])
    colors = rng.integers(len(COLORS), size=scenes)
    labels = {
        seed + i: label_of(categories[i % len(categories)], COLORS[colors[i]])
        for i in range(scenes)
    }
    recorded = _read(json_path, conditions)
    trials = [trial for trial in recorded if labels.get(trial.seed) == trial.object]
    todo = {s: label for s, label in labels.items() if s not in {trial.seed for trial in trials}}
    shown: Counter[str] = Counter(trial.outcome for trial in trials)
    for trial, strip in _run_all(todo, conditions, workers, pictures is not None):
        trials.append(trial)
        console.print(f"{trial.seed:4d} {trial.object:22s} {trial.outcome:16s} {trial.message}")
        if pictures is not None and shown[trial.outcome] < _wanted(trial):
            pictures.mkdir(parents=True, exist_ok=True)
            name = f"{trial.outcome.lower()}_{trial.seed}_{trial.object.replace(' ', '_')}.jpg"
            write_picture(contact_sheet(strip, len(strip), STRIP_WIDTH), pictures / name)
        shown[trial.outcome] += 1
        _write(json_path, conditions, trials)
    trials.sort(key=lambda trial: trial.seed)
    _write(json_path, conditions, trials)
    console.print(summary(trials, conditions))
    return trials


def summary(trials: Sequence[Trial], conditions: Conditions) -> Table:
    """Return a table of outcomes, forces and times."""
    search = "oracle" if conditions.oracle else "scan, memory, query"
    table = Table(title=f"grasp: {len(trials)} scenes, {search}")
    for name in ("outcome", "count"):
        table.add_column(name)
    for name, count in Counter(trial.outcome for trial in trials).most_common():
        table.add_row(name, f"{count} ({100 * count / len(trials):.1f} %)")
    table.add_section()
    narrow = [trial.lifted for trial in trials if trial.width <= HOLDABLE]
    rows = {
        f"lifted, % of {len(narrow)} at most {100 * HOLDABLE} cm wide": 100 * np.mean(narrow),
        "lifted at the first try": sum(t.lifted and t.retries == 0 for t in trials),
        "robot on table, max N": max(t.table_force for t in trials),
        "object on table, max N": max(t.pressed_force for t in trials),
        "target error, median cm": _median([100 * t.target_error for t in trials]),
        "simulated s, median": _median([t.sim_s for t in trials]),
        "CPU s, median": _median([t.cpu_s for t in trials]),
    }
    for name, value in rows.items():
        table.add_row(name, f"{value:.4g}")
    return table


def _run_all(
    todo: dict[int, str], conditions: Conditions, workers: int, pictures: bool
) -> Iterator[tuple[Trial, list[Image]]]:
    """Yield each trial with its pictures when it ends."""
    if workers == 1:
        for seed, label in todo.items():
            yield _trial(seed, label, conditions, pictures)
        return
    with worker_pool(workers) as pool:
        futures = [
            pool.submit(_trial, seed, label, conditions, pictures) for seed, label in todo.items()
        ]
        for future in as_completed(futures):
            yield future.result()


def _trial(
    seed: int, label: str, conditions: Conditions, pictures: bool
) -> tuple[Trial, list[Image]]:
    images: dict[str, Image] | None = {} if pictures else None
    trial = run_trial(seed, label, M3Config(), conditions, images)
    return trial, list((images or {}).values())


def _wanted(trial: Trial) -> int:
    """Return how many strips of this outcome are written."""
    return SUCCESSES_SHOWN if trial.lifted else 1


def _median(values: Sequence[float]) -> float:
    """Return the median of the finite values; NaN without any."""
    finite = np.array(values)[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _read(path: Path | None, conditions: Conditions) -> list[Trial]:
    """Return the trials of an earlier run under the same conditions."""
    if path is None or not path.exists():
        return []
    recorded = json.loads(path.read_text())
    if recorded["conditions"] != json.loads(json.dumps(asdict(conditions))):
        raise DataError(f"{path} holds trials under {recorded['conditions']}; name another file")
    return [Trial(**row) for row in recorded["trials"]]


def _write(path: Path | None, conditions: Conditions, trials: Sequence[Trial]) -> None:
    if path is not None:
        report = {"conditions": asdict(conditions), "trials": [asdict(trial) for trial in trials]}
        path.write_text(json.dumps(report, indent=1))
