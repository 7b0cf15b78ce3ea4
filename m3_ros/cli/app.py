"""What all commands share: the tree they hang on, exit codes, progress bars."""

from __future__ import annotations

from pathlib import Path

import tyro
from tqdm import tqdm

from m3_ros.config import M3Config, load_config

app = tyro.extras.SubcommandApp()
scan = tyro.extras.SubcommandApp()
bench = tyro.extras.SubcommandApp()
evaluate = tyro.extras.SubcommandApp()
app.command(scan, name="scan")
app.command(bench, name="bench")
app.command(evaluate, name="eval")
Positional = tyro.conf.Positional
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
STAGE_BAR = "{desc:>16} {bar} {n:3d} % {elapsed}"
"""Format of a bar that `show_stage` advances, of 100 in all."""


def show_stage(bar: tqdm, stage: str, share: float) -> None:
    """Show how far (share in [0, 1]) which stage is."""
    bar.set_description(stage, refresh=False)
    bar.n = round(100 * share)
    bar.refresh()


def advance(bar: tqdm, done: int, total: int) -> None:
    """Show that so many of a total are done."""
    bar.total = total
    bar.update(done - bar.n)


def settings_from(config: Path | None) -> M3Config:
    """Settings of a YAML file, or the defaults."""
    return load_config(config) if config is not None else M3Config()
