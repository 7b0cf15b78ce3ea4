"""The page of a scan."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.view.page.scan_page import sampled


@pytest.mark.parametrize(("share", "count"), [(0.5, 100), (0.0, 0)])
def test_points_are_where_depth_was_measured(share, count):
    depth = np.zeros((20, 30), np.float32)
    depth[: round(20 * share)] = 2.0
    pose = np.eye(4)
    pose[:3, 3] = [1.0, 2.0, 3.0]
    K = np.array([[30.0, 0, 15], [0, 30.0, 10], [0, 0, 1]])
    frame = RgbdFrame(np.full((20, 30, 3), 9, np.uint8), depth, K, pose, 0.0)
    points, shades = sampled(frame, 100)
    assert len(points) == len(shades) <= max(count, 1) and (shades == 9).all()
    assert len(points) >= count / 2
    np.testing.assert_allclose(points[:, 2], 5.0)
