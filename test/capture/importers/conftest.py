"""Three frames of a camera around the origin."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import look_at

K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
EYES = ([0.5, 0, 0.5], [0, 0.5, 0.4], [-0.5, 0.1, 0.6])


@pytest.fixture
def frames():
    rng = np.random.default_rng(0)
    return [
        RgbdFrame(
            rng.integers(0, 255, (48, 64, 3), dtype=np.uint8),
            np.full((48, 64), 0.5, np.float32),
            K,
            look_at(eye, [0, 0, 0]),
        )
        for eye in EYES
    ]
