"""A frame refuses what is not a posed RGB-D image."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame

GOOD = {
    "rgb": np.zeros((4, 6, 3), np.uint8),
    "depth": np.zeros((4, 6), np.float32),
    "K": np.eye(3),
    "camtoworld": np.eye(4),
}


def test_size():
    frame = RgbdFrame(**GOOD)
    assert (frame.width, frame.height) == (6, 4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rgb", np.zeros((4, 6, 3), np.float32)),
        ("rgb", np.zeros((0, 6, 3), np.uint8)),
        ("depth", np.zeros((4, 5), np.float32)),
        ("depth", np.zeros((4, 6), np.uint16)),
        ("K", np.full((3, 3), np.nan)),
        ("K", np.zeros((3, 3))),
        ("K", np.diag([1.0, 1.0, 0.5])),
        ("K", np.diag([9.0, 1.0, 1.0])),
        ("K", np.array([[5.0, 0, 13], [0, 5, 2], [0, 0, 1]])),
        ("camtoworld", 2 * np.eye(4)),
        ("camtoworld", np.diag([1.0, 1.0, -1.0, 1.0])),
        ("camtoworld", np.eye(3)),
    ],
)
def test_a_bad_field_is_named(name, value):
    with pytest.raises(ValueError, match=f"frame.{name}"):
        RgbdFrame(**{**GOOD, name: value})
