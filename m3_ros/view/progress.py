"""Progress bars in the terminal: how far which stage is."""

from __future__ import annotations

import sys

from tqdm import tqdm


def stage_bar(shown: bool = True) -> tqdm:
    """A bar for `show_stage`."""
    form = "{desc:>16} {bar} {n:3d} % {elapsed}"
    return tqdm(total=100, file=sys.stdout, bar_format=form, disable=not shown)


def show_stage(bar: tqdm, stage: str, share: float) -> None:
    """Show how far (share in [0, 1]) which stage is."""
    bar.set_description(stage, refresh=False)
    advance(bar, round(100 * share), 100)


def advance(bar: tqdm, done: int, total: int) -> None:
    """Show that so many of a total are done."""
    bar.total, bar.n = total, done
    bar.refresh()
