"""Progress bars in the terminal: how far which stage is."""

from __future__ import annotations

import sys

from tqdm import tqdm


def stage_bar() -> tqdm:
    """A bar for `show_stage`."""
    return tqdm(total=100, file=sys.stdout, bar_format="{desc:>16} {bar} {n:3d} % {elapsed}")


def show_stage(bar: tqdm, stage: str, share: float) -> None:
    """Show how far (share in [0, 1]) which stage is."""
    bar.set_description(stage, refresh=False)
    advance(bar, round(100 * share), 100)


def advance(bar: tqdm, done: int, total: int) -> None:
    """Show that so many of a total are done."""
    bar.total, bar.n = total, done
    bar.refresh()
