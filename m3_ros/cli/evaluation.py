"""Commands that measure: bench and calibrate; each prints a table and writes JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from m3_ros.cli.app import (
    OK,
    Positional,
    app,
    bench,
    require_at_least,
    require_scan,
    settings_from,
)
from m3_ros.cli.ros import require_ros
from m3_ros.config import M3Config


@bench.command(name="query")
def bench_query(
    scenes: int = 40, seed: int = 0, views: int = 60, encoder: str = "compact", workers: int = 1,
    work: Path | None = None, json: Path | None = None, sensor: Literal["d405", "noisy"] = "d405",
    vectors: Path = Path("clip_vectors"),
) -> int:  # fmt: skip
    """Ask random simulated scenes for present, absent, ambiguous, moved and removed objects.

    Args:
        scenes: number of scenes.
        seed: added to the seeds of all scenes.
        views: of a scan.
        encoder: name of the model that answers.
        workers: processes that share the scenes.
        work: folder that keeps memories and answers, to go on from.
        json: file for the figures and all answers.
        sensor: errors of the camera, as `simulation.sensor`.
        vectors: folder of CLIP's text vectors, for `--encoder twin`, which has its statistics.
    """
    require_at_least(1, scenes=scenes, views=views, workers=workers)
    from m3_ros.evaluate.bench_query import run

    run(M3Config(), encoder, scenes, seed, views, workers, work, json, sensor, vectors)
    return OK


@app.command(name="calibrate")
def calibrate(
    scan: Positional[Path | None] = None, encoder: str = "compact", scenes: int = 8,
    views: int = 60, work: Path = Path("calibration"), output: Path | None = None,
) -> int:  # fmt: skip
    """Learn what a model's scores are worth: on a scan, or simulated scenes no benchmark uses.

    Args:
        scan: scan folder of your place, with several known things; it needs no labels.
        encoder: name of the model.
        scenes: number of scenes.
        views: of a scan.
        work: folder that keeps the memories.
        output: file; beside the model's weights unless given.
    """
    require_at_least(1, scenes=scenes, views=views)
    from m3_ros.evaluate.calibrate import run, run_scan

    if scan is not None:
        run_scan(scan, M3Config(), encoder, work, output)
        return OK
    run(M3Config(), encoder, scenes, views, work, output)
    return OK


@bench.command(name="chain")
def bench_chain(
    trials: int = 100, seed: int = 0, hand_eye: tuple[float, float] = (0.002, 0.005),
    joints: float = 0.001, odometry: tuple[float, float] = (0.001, 0.0005),
    drift: tuple[float, float] = (0.003, 0.003), delay: float = 0.02, arm_speed: float = 0.2,
    base_speed: float = 0.1, yaw_rate: float = 0.1, driven: float = 2.0, turned: float = 1.0,
    json: Path | None = None,
) -> int:  # fmt: skip
    """Say what each error of the pose chain costs at the target.

    Args:
        trials: draws of every error at every distance.
        seed: of the draws.
        hand_eye: error of the camera's mount, m and rad.
        joints: noise of a joint angle, rad.
        odometry: noise of a LiDAR pose, m and rad.
        drift: of the LiDAR odometry, m per m driven and rad per rad turned.
        delay: image stamps are this much too late, s.
        arm_speed: of every joint at the query, rad/s.
        base_speed: at the query, m/s.
        yaw_rate: at the query, rad/s.
        driven: way between scan and query, m.
        turned: turns between scan and query, rad.
        json: file for the figures.
    """
    from m3_ros.evaluate.bench_chain import run
    from m3_ros.evaluate.chain_trial import Errors, Motion

    errors = Errors(hand_eye, joints, odometry, drift, delay)
    run(errors, Motion(arm_speed, base_speed, yaw_rate, driven, turned), trials, seed, json)
    return OK


@bench.command(name="grasp")
def bench_grasp(
    scenes: int = 50, seed: int = 0, oracle: bool = False, clutter: int = 5,
    noise: float = 0.001, bias: float = 0.0, hand_eye: tuple[float, float] = (0.0, 0.0),
    drift: float = 0.0, workers: int = 1, pictures: Path | None = None, json: Path | None = None,
) -> int:  # fmt: skip
    """Lift a named object in random scenes with physics: scan, memory, query, grasp.

    Args:
        scenes: how many.
        seed: of the first.
        oracle: let the truth say where the object is; quick.
        clutter: other objects on the table.
        noise: of each of the oracle's points, m.
        bias: of all of the oracle's points, m.
        hand_eye: camera mounted off the URDF by m and degrees.
        drift: of the odometry between memory and grasp, m.
        workers: processes.
        pictures: folder for strips of successes and failures.
        json: file of all trials; a run that was broken off goes on.
    """
    require_at_least(1, scenes=scenes, workers=workers)
    from m3_ros.evaluate.bench_grasp import run
    from m3_ros.evaluate.grasp_trial import Conditions

    conditions = Conditions(oracle, clutter, noise, bias, hand_eye, drift)
    run(scenes, seed, conditions, workers=workers, pictures=pictures, json_path=json)
    return OK


@bench.command(name="stops")
def bench_stops(
    moments: int = 20, phases: tuple[str, ...] = (), kinds: tuple[str, ...] = (), seed: int = 0,
    json: Path | None = None,
) -> int:  # fmt: skip
    """Stop the simulated robot in every phase by cancel, signals and kills; time it until rest.

    Args:
        moments: stops of each kind in each phase.
        phases: scan, look, pre-grasp, approach, close, lift, place; all unless given.
        kinds: cancel, SIGINT, SIGTERM, SIGKILL, SIGSTOP, "guard SIGINT", "guard SIGKILL".
        seed: of the first scene.
        json: file of all trials; a run that was broken off goes on.
    """
    require_ros()
    from m3_ros.nodes.bench_stops import run

    run(moments, phases, kinds, seed, json)
    return OK


@bench.command(name="memory")
def bench_memory(
    scan: Positional[Path | None] = None, frames: int = 1000, dim: int = 768,
    encoder: tuple[str, ...] = ("compact",), config: Path | None = None, json: Path | None = None,
) -> int:  # fmt: skip
    """Pass synthetic features through a bank; time the build of a scan, grown and at once.

    Args:
        scan: a scan folder to build, or none.
        frames: synthetic frames; 0: none.
        dim: of their features.
        encoder: models of the build.
        config: YAML file of settings.
        json: file of the figures.
    """
    require_at_least(0, frames=frames)
    require_at_least(1, dim=dim)
    from m3_ros.evaluate.bench_memory import run
    from m3_ros.features.loading import load_extractor

    require_scan(scan)
    models = [load_extractor(name) for name in encoder] if scan else []
    run(frames, dim, scan, settings_from(config), models, json)
    return OK
