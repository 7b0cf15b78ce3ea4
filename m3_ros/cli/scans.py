"""Commands on scans: import, simulate, show, check, export."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from m3_ros.cli.app import FAILED, OK, Positional, scan, settings_from
from m3_ros.errors import UsageError
from m3_ros.view.progress import show_stage, stage_bar


@scan.command(name="import")
def scan_import(
    source: Positional[Path], target: Positional[Path | None] = None, config: Path | None = None
) -> int:
    """Make a scan of a video, pictures, or another program's scan; see docs/scans.md.

    Args:
        source: a video; a folder of pictures; a folder with a transforms.json; a COLMAP folder; a
            ROS 2 bag; a recording of Polycam, Record3D, Stray Scanner; TUM RGB-D; 7-Scenes.
        target: the folder to make; scans/NAME by default.
        config: YAML file of settings; `robot` and `scan` say what is read of a bag, `photographs`
            how pictures are placed.
    """
    from m3_ros.capture.importers import import_scan

    target = target or Path("scans") / source.resolve().stem
    with stage_bar() as bar:
        scan = import_scan(
            source, target, lambda *state: show_stage(bar, *state), settings_from(config)
        )
    print(f"{len(scan)} frames in {target}")
    return OK


@scan.command(name="simulate")
def scan_simulate(
    folder: Positional[Path],
    seed: int = 0,
    views: int | None = None,
    room: bool = False,
    ring: bool = False,
    config: Path | None = None,
) -> int:
    """Scan a simulated table with a free camera, without robot and ROS; or a room, or a statue.

    Args:
        folder: the scan folder to make.
        seed: of the random scene and the sensors' noise.
        views: keyframes, 60 by default, of a room 500.
        room: a furnished room instead, by a hand-held camera on a path of 7 m, with drift,
            auto-exposure and noise; the true poses are in groundtruth.txt.
        ring: a statue outdoors instead, two rounds about it, colour only, with sparse points.
        config: YAML file of settings; `simulation` is used, its `scene` in place of a random
            table. A hand-held camera has the focal length, baseline and range of a Kinect.
    """
    if room and ring:
        raise UsageError("--room and --ring are two scenes; give one of them")
    settings = settings_from(config).simulation
    if settings.scene and (room or ring):
        raise UsageError(
            f"simulation.scene = {settings.scene} is a table; leave out that, or --room, --ring"
        )
    views = views if views is not None else 500 if room else 60
    if room or ring:
        from m3_ros.evaluate.simulated_walk import simulate_ring, simulate_room

        (simulate_room if room else simulate_ring)(folder, seed, views, settings)
        print(f"{views} frames of a {'room' if room else 'statue'} in {folder}")
        return OK
    from m3_ros.evaluate.simulated import simulate_scan

    labels = simulate_scan(folder, seed, views, settings)
    print(f"{views} frames of {', '.join(labels)} in {folder}")
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


@scan.command(name="check")
def scan_check(
    source: Positional[Path], output: Path | None = None, config: Path | None = None
) -> int:
    """Print what is understood of a scan of any format, and what is suspicious; draw it.

    Args:
        source: what `m3 scan import` reads, or a scan folder.
        output: the picture to write; NAME.png here by default.
        config: YAML file of settings; `robot` and `scan` say what is read of a bag.
    """
    from m3_ros.view.pictures import write_picture
    from m3_ros.view.scan import check_scan

    lines, problems, sheet = check_scan(source, settings_from(config))
    print("\n".join(lines))
    for problem in problems:
        print(f"suspicious: {problem}")
    print("nothing is suspicious" if not problems else f"{len(problems)} suspicious")
    picture = write_picture(sheet, output or Path(f"{source.resolve().stem}.png"))
    print(f"contact sheet: {picture}")
    return FAILED if problems else OK


@scan.command(name="export")
def scan_export(
    folder: Positional[Path],
    target: Positional[Path],
    to: Literal["colmap", "nerfstudio", "rosbag2"] = "nerfstudio",
    config: Path | None = None,
) -> int:
    """Write a scan as COLMAP, nerfstudio or ROS 2 read it.

    Args:
        folder: the scan folder.
        target: the folder to make.
        to: its format.
        config: YAML file of settings; `robot` names the topics and frames of a bag.
    """
    from m3_ros.capture.exporters import export_scan
    from m3_ros.capture.scan import Scan

    opened = Scan.open(folder)
    with stage_bar() as bar:
        export_scan(
            opened, target, to, settings_from(config), lambda *state: show_stage(bar, *state)
        )
    print(f"{len(opened)} frames in {target}")
    return OK
