"""Commands that measure fits of Gaussians: bench splat, scan and device."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from m3_ros.cli.app import OK, Positional, bench, require_scan, settings_from


@bench.command(name="splat")
def bench_splat(scan: Path | None = None, json: Path | None = None) -> int:
    """Time the rasterizer beside the PyTorch oracle, and fits of a scan against their PSNR."""
    from m3_ros.evaluate.bench_splat import run

    require_scan(scan)
    run(json, scan)
    return OK


@bench.command(name="scan")
def bench_scan(
    scans: Positional[tuple[Path, ...]],
    quality: tuple[Literal["draft", "normal", "best"], ...] = ("normal",),
    config: Path | None = None, json: Path | None = None,
) -> int:  # fmt: skip
    """Fit scans with and without their depth; score held-out frames as they are and corrected.

    Args:
        scans: scan folders.
        quality: of the fits.
        config: YAML file of settings.
        json: file for the figures.
    """
    for folder in scans:
        require_scan(folder)
    from m3_ros.evaluate.bench_scan import run

    run(scans, settings_from(config), quality, json)
    return OK


@bench.command(name="device")
def bench_device(
    scan: Positional[Path | None] = None, config: Path | None = None, json: Path | None = None
) -> int:
    """Time steps of the rasterizer on CPU and GPU; with a scan also a build and its queries.

    Args:
        scan: a scan folder, or none.
        config: YAML file of settings.
        json: file for the figures.
    """
    require_scan(scan)
    from m3_ros.evaluate.bench_device import run

    run(scan, settings_from(config), json)
    return OK
