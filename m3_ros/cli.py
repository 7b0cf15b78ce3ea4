"""The `m3` command line: one function a command, the library does the work."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from pathlib import Path

import tyro
from tqdm import tqdm

from m3_ros.config import M3Config, load_config

app = tyro.extras.SubcommandApp()
scan = tyro.extras.SubcommandApp()
app.command(scan, name="scan")
bench, evaluate = tyro.extras.SubcommandApp(), tyro.extras.SubcommandApp()
app.command(bench, name="bench")
app.command(evaluate, name="eval")
Positional = tyro.conf.Positional
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


@app.command
def demo(
    seed: int = 0,
    query: str = "yellow bath duck",
    scene: Path | None = None,
    base_shift: tuple[float, float, float] = (-0.05, 0.20, -15.0),
    output: Path = Path("demo_output"),
    encoder: str = "compact",
) -> int:
    """Run the whole job in simulation over ROS 2: scan, memory, query, grasp, report.

    Args:
        seed: scene, sensor noise and everything else random.
        query: what to find and lift.
        scene: a scene.yaml with objects of your own.
        base_shift: move the robot by x m, y m, yaw deg between scan and query.
        output: folder for report.html, report.json, scan, memory and logs.
        encoder: "compact", or an open_clip model such as ViT-B-16:laion2b_s34b_b88k.
    """
    from m3_ros.nodes.demo import DemoOptions, run_demo

    return run_demo(DemoOptions(seed, query, scene, base_shift, output, encoder))


@app.command
def up(stack: Positional[str], config: Path | None = None, set: tuple[str, ...] = ()) -> int:
    """Start the nodes of a stack: scan, memory, query, grasp, simulation or m3 (all).

    Args:
        stack: which nodes.
        config: YAML file of settings.
        set: single parameters, as node.name=value.
    """
    from m3_ros.nodes.stack import run_stack

    return run_stack(stack, config, set)


@scan.command(name="import")
def scan_import(source: Positional[Path], target: Positional[Path | None] = None) -> int:
    """Copy a nerfstudio or COLMAP folder into a scan folder.

    Args:
        source: the folder to read.
        target: the folder to make; scans/NAME by default.
    """
    from m3_ros.capture.importer import import_scan

    target = target or Path("scans") / source.resolve().name
    with tqdm(unit="frame", desc="import") as bar:
        scan = import_scan(source, target, lambda done, total: _advance(bar, done, total))
    print(f"{len(scan)} frames in {target}")
    return OK


@scan.command(name="show")
def scan_show(folder: Positional[Path], output: Path | None = None) -> int:
    """Describe a scan folder and draw its contact sheet.

    Args:
        folder: the scan folder.
        output: the picture to write; NAME.png here by default.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.view.pictures import write_picture
    from m3_ros.view.scan import describe_scan, scan_sheet

    print(describe_scan(folder))
    sheet = scan_sheet(Scan.open(folder))
    print(f"contact sheet: {write_picture(sheet, output or Path(f'{folder.resolve().name}.png'))}")
    return OK


@app.command
def build(
    scan: Positional[Path],
    memory: Positional[Path | None] = None,
    encoder: tuple[str, ...] = ("compact",),
    config: Path | None = None,
) -> int:
    """Build a memory from a scan folder and measure it on views kept from the fit.

    Args:
        scan: the scan folder.
        memory: the memory folder to write; memories/NAME by default.
        encoder: models: "compact", or open_clip names such as ViT-B-16:laion2b_s34b_b88k.
        config: YAML file of settings.
    """
    from m3_ros.capture.scan import Scan
    from m3_ros.capture.self_mask import without_carrier
    from m3_ros.evaluate.views import score_views
    from m3_ros.features.extractor import load_extractor
    from m3_ros.memory.build import build_memory
    from m3_ros.splat.fit import held_out
    from m3_ros.view.memory import memory_sheet
    from m3_ros.view.pictures import write_picture

    settings, opened = _settings(config), Scan.open(scan)
    settings = replace(settings, features=replace(settings.features, models=encoder))
    extractors = [load_extractor(name, device=settings.features.device) for name in encoder]
    with tqdm(total=100, bar_format="{desc:>16} {bar} {n:3d} % {elapsed}") as bar:
        built = build_memory(opened, settings, extractors, lambda *state: _show(bar, *state))
    memory = memory or Path("memories") / scan.resolve().name
    built.save(memory)
    print(
        f"{built.frames} frames, {len(built.gaussians)} Gaussians, {built.components} components"
    )
    indices = held_out(len(opened), settings.splat.test_every) or range(len(opened))
    frames = without_carrier(list(opened))
    views = [frames[index] for index in indices]
    score = score_views(built, views)
    print(
        f"{len(views)} views kept from the fit: PSNR {score.psnr_db:.2f} dB, "
        f"median depth error {1e3 * score.depth_error:.1f} mm"
    )
    sheet = memory_sheet(built, views)
    print(f"memory: {memory}\npictures: {write_picture(sheet, memory.with_suffix('.views.png'))}")
    return OK


@app.command
def query(
    memory: Positional[Path],
    text: Positional[str],
    output: Path | None = None,
) -> int:
    """Ask a memory where something is: prints status, position, size, score; draws it.

    Args:
        memory: the memory folder.
        text: what to find, for instance "yellow bath duck".
        output: the picture to write; answer.png beside the memory by default.
    """
    from m3_ros.features.extractor import load_extractor
    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.query.localize import Localizer
    from m3_ros.view.memory import answer_picture
    from m3_ros.view.pictures import write_picture

    loaded = SpatialMemory.load(memory)
    localizer = Localizer(loaded, load_extractor(loaded.config.features.models[0]))
    result = localizer.locate(text)
    print(f"{result.status}: {result.message}" if result.message else result.status)
    for found in result.detections:
        place = ", ".join(f"{value:.3f}" for value in found.centroid)
        size = " x ".join(f"{100 * value:.1f}" for value in found.box.size)
        print(
            f"{found.label}: at {place} m in {loaded.frame_id}, {size} cm, score {found.score:.2f}"
        )
    best = result.detections[0] if result.detections else None
    picture = answer_picture(localizer, text, best)
    print(f"picture: {write_picture(picture, output or memory.with_suffix('.answer.png'))}")
    return OK if result.status == "FOUND" else FAILED


@app.command
def grasp(text: Positional[str], dry_run: bool = False) -> int:
    """Have the running stack find, grasp and lift something.

    Args:
        text: what to grasp, for instance "yellow bath duck".
        dry_run: plan only; nothing moves.
    """
    from m3_ros.nodes.ask import grasp_once

    return grasp_once(text, dry_run)


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
    scan: Positional[Path], encoder: tuple[str, ...] = ("compact",), json: Path | None = None
) -> int:
    """Compare what memories remember of each model, on views that they never saw."""
    from m3_ros.evaluate.features import run
    from m3_ros.features.extractor import load_extractor

    run(scan, M3Config(), [load_extractor(name) for name in encoder], json_path=json)
    return OK


def _show(bar: tqdm, stage: str, share: float) -> None:
    bar.set_description(stage, refresh=False)
    bar.n = round(100 * share)
    bar.refresh()


def _advance(bar: tqdm, done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def _settings(config: Path | None) -> M3Config:
    return load_config(config) if config is not None else M3Config()


def main() -> int:
    """Run the command line; errors a user can mend end in one line, not a trace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    try:
        return app.cli(prog="m3", description=__doc__, sort_subcommands=False) or OK
    except KeyboardInterrupt:
        print("m3: stopped", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        print(f"m3: {error}", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
