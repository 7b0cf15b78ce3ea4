"""The `m3` command line: one function a command, the library does the work."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import tyro
from tqdm import tqdm

from m3_ros.config import M3Config, load_config

app = tyro.extras.SubcommandApp()
scan = tyro.extras.SubcommandApp()
app.command(scan, name="scan")
Positional = tyro.conf.Positional
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


@app.command
def demo(
    seed: int = 0,
    query: str = "yellow bath duck",
    scene: Path | None = None,
    base_shift: tuple[float, float, float] | None = None,
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
        output: the picture to write; contact_sheet.png in the scan by default.
    """
    from m3_ros.view.scan import describe_scan, draw_scan

    print(describe_scan(folder))
    print(f"contact sheet: {draw_scan(folder, output or folder / 'contact_sheet.png')}")
    return OK


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
