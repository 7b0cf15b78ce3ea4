"""Types that all stages share: arrays by element type, and the progress callback."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""Geometry: positions (m), rotations, transforms, joint positions (rad)."""
Image = NDArray[np.uint8]
"""Colour `[H, W, 3]`, sRGB."""
Depth = NDArray[np.float32]
"""Depth along z `[H, W]`, m; 0 where none is measured."""
Mask = NDArray[np.bool_]
"""Pixels `[H, W]` or cells `[h, w]`; True: used."""

Progress = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done, 0..1."""


def no_progress(stage: str, share: float) -> None:
    """Ignore progress."""
