"""A frame refuses what is not a posed RGB-D image."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame, shrink

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


def test_a_large_frame_is_shrunk_with_its_rays_depth_and_mask():
    rgb = np.zeros((40, 60, 3), np.uint8)
    rgb[:, 30:] = 200
    depth, mask = np.zeros((40, 60), np.float32), np.ones((40, 60), bool)
    depth[11, 21], depth[35, 3], mask[:, :12] = 0.7, 0.9, False
    K = np.array([[50.0, 0, 31], [0, 50, 19], [0, 0, 1]])
    small = shrink(RgbdFrame(rgb, depth, K, np.eye(4), mask=mask), 15)
    assert (small.width, small.height) == (15, 10)
    np.testing.assert_allclose(small.K[:2], K[:2] / 4)
    assert small.depth[2, 5] == np.float32(0.7) and np.count_nonzero(small.depth) == 2
    np.testing.assert_array_equal(small.mask[0], np.arange(15) >= 3)
    assert small.rgb[0, 6, 0] == 0 and small.rgb[0, 8, 0] == 200


def test_a_frame_of_the_size_is_kept():
    frame = RgbdFrame(**GOOD)
    assert shrink(frame, 6) is frame
