"""`m3 bench stops`: how soon the robot is at rest after every kind of stop in every phase.

Each trial starts the nodes anew, from a saved state of its scene, and stops them once, at a random
moment.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from m3_ros.errors import UsageError
from m3_ros.nodes.client import ClientError
from m3_ros.nodes.stop_trial import KINDS, PHASES, StopTrial, run_trial


def run(
    moments: int = 20,
    phases: Sequence[str] = (),
    kinds: Sequence[str] = (),
    seed: int = 0,
    json_path: Path | None = None,
) -> list[StopTrial]:
    """Run the benchmark, print its table and write JSON.

    Args:
        moments: of each phase and kind, each in a scene of its own.
        phases: of `PHASES`; all when empty.
        kinds: of `KINDS`; all when empty.
        seed: of the first scene.
        json_path: written after every trial; trials that it holds already are not run again.

    Raises:
        UsageError: a phase or kind is unknown.
    """
    for given, known in ((phases, PHASES), (kinds, KINDS)):
        if unknown := set(given) - set(known):
            raise UsageError(f"{', '.join(unknown)}: it must be of {', '.join(known)}")
    with TemporaryDirectory(prefix="m3_stops_") as folder:
        return _run(moments, phases, kinds, seed, json_path, Path(folder))


def _run(
    moments: int,
    phases: Sequence[str],
    kinds: Sequence[str],
    seed: int,
    json_path: Path | None,
    folder: Path,
) -> list[StopTrial]:
    trials = _read(json_path)
    done = {(trial.phase, trial.kind, trial.seed) for trial in trials}
    for index in range(seed, seed + moments):
        for phase in phases or PHASES:
            for kind in kinds or KINDS:
                if (phase, kind, index) in done:
                    continue
                try:
                    trials.append(run_trial(phase, kind, index, folder))
                except (ClientError, UsageError) as error:
                    print(f"{phase}, {kind}, scene {index}: {error}", flush=True)
                    continue
                print(trials[-1], flush=True)
                _write(json_path, trials)
    Console(width=150).print(summary(trials))
    return trials


def summary(trials: Sequence[StopTrial]) -> Table:
    """Return the longest time to rest and the largest motion of a joint, by phase and kind."""
    kinds = [kind for kind in KINDS if any(trial.kind == kind for trial in trials)]
    table = Table("phase", title="Longest time to rest (s) and largest way of a joint (rad) (n)")
    for kind in kinds:
        table.add_column(kind, justify="right")
    for phase in PHASES:
        cells = []
        for kind in kinds:
            own = [trial for trial in trials if (trial.phase, trial.kind) == (phase, kind)]
            longest, farthest = (
                max((getattr(trial, name) for trial in own), default=float("nan"))
                for name in ("rest_s", "moved")
            )
            cells.append(f"{longest:.2f} {farthest:.2f} ({len(own)})" if own else "")
        if any(cells):
            table.add_row(phase, *cells)
    return table


def _read(path: Path | None) -> list[StopTrial]:
    if path is None or not path.exists():
        return []
    return [StopTrial(**row) for row in json.loads(path.read_text())["trials"]]


def _write(path: Path | None, trials: Sequence[StopTrial]) -> None:
    if path is not None:
        path.write_text(json.dumps({"trials": [asdict(trial) for trial in trials]}, indent=1))
