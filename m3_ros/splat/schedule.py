"""How many steps a fit takes: by quality and number of frames, never by the clock."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.config import SplatConfig


@dataclass(frozen=True)
class Effort:
    """Steps of a quality.

    Attributes:
        per_frame: Steps a training frame.
        least: Steps however few frames there are: with fewer the learning rates, which fall by
            `final_rate` in all, have no time to settle.
    """

    per_frame: float
    least: int


EFFORTS = {"draft": Effort(2.5, 120), "normal": Effort(7.0, 400), "best": Effort(30.0, 1600)}
"""Of frames with depth. Normal: 400 steps for the 53 training frames of 60, what a fit of the
default scan reached in the 15 s that were its budget before budgets were steps."""


WITHOUT_DEPTH = 3.0
"""Times as many steps for frames whose depth is not measured: Gaussians must move and split."""


def steps(config: SplatConfig, frames: int, measured: bool = True) -> int:
    """Return the steps of a fit.

    Args:
        config: Its quality, or the number itself.
        frames: Number of frames that are fitted.
        measured: Whether most of their depth is.
    """
    if config.max_iterations:
        return config.max_iterations
    effort = EFFORTS[config.quality]
    return round(max(effort.least, effort.per_frame * frames) * (1 if measured else WITHOUT_DEPTH))
