"""What all commands share: the tree they hang on, exit codes, settings."""

from __future__ import annotations

from pathlib import Path

import tyro

from m3_ros.config import M3Config, load_config

app = tyro.extras.SubcommandApp()
scan = tyro.extras.SubcommandApp()
bench = tyro.extras.SubcommandApp()
evaluate = tyro.extras.SubcommandApp()
app.command(scan, name="scan")
app.command(bench, name="bench")
app.command(evaluate, name="eval")
Positional = tyro.conf.Positional
OK, FAILED, INTERRUPTED = 0, 1, 130


def settings_from(config: Path | None) -> M3Config:
    """Settings of a YAML file, or the defaults."""
    return load_config(config) if config is not None else M3Config()
