"""Importer of `transforms.json` with its images, depths and masks, of any dialect."""

from __future__ import annotations

from pathlib import Path

from m3_ros.capture.importers.imported import Imported, ImportRequest
from m3_ros.capture.scan import Scan
from m3_ros.capture.transforms_file import transforms_path


def matches(source: Path) -> bool:
    """Return whether a path is a `transforms.json`, or a folder that holds one."""
    return transforms_path(source).is_file()


def read(request: ImportRequest) -> Imported:
    """Open a nerfstudio folder.

    Raises:
        ScanError: `transforms.json` is invalid, or too many of its files are missing.
    """
    scan = Scan.open(request.source, request.config.scan)
    return Imported(len(scan), iter(scan), scan.points, scan.metric)
