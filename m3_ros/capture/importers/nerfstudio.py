"""Importer of nerfstudio folders: `transforms.json` with its images, depths and masks."""

from __future__ import annotations

from pathlib import Path

from m3_ros.capture.importers.imported import Imported
from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config


def matches(source: Path) -> bool:
    """Return whether a folder holds a `transforms.json`."""
    return (source / "transforms.json").is_file()


def read(source: Path, _: M3Config) -> Imported:
    """Open a nerfstudio folder.

    Raises:
        ScanError: `transforms.json` is invalid.
    """
    scan = Scan.open(source)
    return Imported(len(scan), iter(scan), scan.points, scan.metric)
