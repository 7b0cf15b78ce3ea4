"""Commands that measure: bench and eval; each prints a table and writes JSON."""

from __future__ import annotations

from pathlib import Path

from m3_ros.cli.app import OK, Positional, bench, evaluate, settings_from
from m3_ros.config import M3Config


@bench.command(name="splat")
def bench_splat(scan: Path | None = None, json: Path | None = None) -> int:
    """Time the rasterizer beside the PyTorch oracle, and fits of a scan against their PSNR."""
    from m3_ros.evaluate.bench_splat import run

    run(json, scan)
    return OK


@bench.command(name="query")
def bench_query(scenes: int = 40, seed: int = 0, views: int = 60, json: Path | None = None) -> int:
    """Ask random simulated scenes for present, absent, moved and removed objects."""
    from m3_ros.evaluate.bench_query import run
    from m3_ros.features.extractor import load_extractor

    run(M3Config(), load_extractor("compact"), scenes, seed, views, json)
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
    from m3_ros.evaluate.bench_chain import Errors, Motion, run

    errors = Errors(hand_eye, joints, odometry, drift, delay)
    run(errors, Motion(arm_speed, base_speed, yaw_rate, driven, turned), trials, seed, json)
    return OK


@bench.command(name="grasp")
def bench_grasp(
    scenes: int = 50, seed: int = 0, noise: float = 0.001, bias: float = 0.0, clutter: int = 5,
    json: Path | None = None,
) -> int:  # fmt: skip
    """Grasp in random scenes with physics; an oracle says where, with noise and bias in m."""
    from m3_ros.evaluate.bench_grasp import run

    run(scenes, seed, noise, bias, clutter, json_path=json)
    return OK


@evaluate.command(name="features")
def eval_features(
    scan: Positional[Path], encoder: tuple[str, ...] = ("compact",), random: tuple[int, ...] = (),
    degrees: tuple[int, ...] = (8, 16, 32, 64), config: Path | None = None,
    json: Path | None = None,
) -> int:  # fmt: skip
    """Compare what memories remember of each model, on views that they never saw.

    Args:
        scan: a scan folder.
        encoder: models.
        random: also models with random weights and features of these dimensions.
        degrees: channels of the principal queries.
        config: YAML file of settings.
        json: file of the scores.
    """
    from m3_ros.evaluate.features import run
    from m3_ros.evaluate.random_model import RandomModel
    from m3_ros.features.extractor import load_extractor

    models = [load_extractor(name) for name in encoder] + [RandomModel(dim) for dim in random]
    run(scan, settings_from(config), models, degrees, json)
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
    from m3_ros.evaluate.bench_memory import run
    from m3_ros.features.extractor import load_extractor

    models = [load_extractor(name) for name in encoder] if scan else []
    run(frames, dim, scan, settings_from(config), models, json)
    return OK
