"""Export of scans to other programs: COLMAP, nerfstudio, ROS 2 bags; `EXPORTERS` lists them.

Each can be imported again by `m3_ros.capture.importers`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from m3_ros.capture.exporters import colmap, nerfstudio, rosbag2
from m3_ros.capture.scan import Scan, ScanError
from m3_ros.config import M3Config
from m3_ros.files import require_folder
from m3_ros.types import Progress, no_progress

EXPORTERS: dict[str, Callable[[Scan, Path, M3Config, Progress], None]] = {
    "colmap": colmap.write,
    "nerfstudio": nerfstudio.write,
    "rosbag2": rosbag2.write,
}


def export_scan(
    scan: Scan,
    target: str | Path,
    kind: str,
    config: M3Config | None = None,
    progress: Progress = no_progress,
) -> None:
    """Write a scan as another program reads it; an export is complete or absent.

    Args:
        scan: to write.
        target: folder to make; it must not exist or be empty.
        kind: one of `EXPORTERS`.
        config: names of a bag's topics and frames (`robot`).
        progress: called after each frame with the stage "export".

    Raises:
        ScanError: the target is not empty, or a frame cannot be read.
        WriteError: no folder can be made there.
        OSError: a file could not be written.
    """
    require_folder(target)
    target = Path(target).resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ScanError(f"{target} exists and is not empty; name a new folder")
    try:
        EXPORTERS[kind](scan, target, config or M3Config(), progress)
    except BaseException:  # after Ctrl-C too
        shutil.rmtree(target, ignore_errors=True)
        raise
