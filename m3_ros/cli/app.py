"""What all commands share: the tree they hang on, exit codes, settings."""

from __future__ import annotations

from pathlib import Path

import tyro

from m3_ros.config import M3Config, load_config
from m3_ros.errors import UsageError

app = tyro.extras.SubcommandApp()
scan = tyro.extras.SubcommandApp()
bench = tyro.extras.SubcommandApp()
evaluate = tyro.extras.SubcommandApp()
app.command(scan, name="scan")
app.command(bench, name="bench")
app.command(evaluate, name="eval")
Positional = tyro.conf.Positional
OK, FAILED = 0, 1


def settings_from(config: Path | None) -> M3Config:
    """Settings of a YAML file, or the defaults."""
    return load_config(config) if config is not None else M3Config()


def require_at_least(least: int, **options: int) -> None:
    """Do nothing where every option, by its name, is `least` or more.

    Raises:
        UsageError: one is less.
    """
    for name, value in options.items():
        if value < least:
            raise UsageError(f"{name} = {value}: it must be at least {least}")


def require_scan(folder: Path | None) -> None:
    """Do nothing where a folder is a scan, or none is given.

    Raises:
        ScanError: it is no scan.
    """
    from m3_ros.capture.scan import Scan

    if folder is not None:
        Scan.open(folder)
