"""Keyframes: kept after motion, refused in between and when blurred."""

import numpy as np

from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.config import ScanConfig
from m3_ros.geometry import planar_pose

CONFIG = ScanConfig(keyframe_translation=0.05, keyframe_rotation=0.1, max_speed=0.5)


def accepted(poses, step=1.0):
    selector = KeyframeSelector(CONFIG)
    return [selector.accept(pose, step * index) for index, pose in enumerate(poses)]


def test_a_still_camera_gives_one_keyframe():
    assert accepted([np.eye(4)] * 4) == [True, False, False, False]


def test_rejected_frames_are_counted_by_reason():
    selector = KeyframeSelector(CONFIG)
    for x, time in ((0.0, 0.0), (0.01, 1.0), (0.02, 2.0), (0.9, 3.0)):
        selector.accept(planar_pose(x, 0, 0), time)
    assert (selector.too_near, selector.too_fast) == (2, 1)


def test_translation_counts_from_the_last_keyframe():
    poses = [planar_pose(0.03 * index, 0, 0) for index in range(5)]
    assert accepted(poses) == [True, False, True, False, True]


def test_rotation_alone_makes_a_keyframe():
    assert accepted([planar_pose(0, 0, 0), planar_pose(0, 0, 0.05), planar_pose(0, 0, 0.12)]) == [
        True,
        False,
        True,
    ]


def test_a_fast_camera_is_skipped():
    poses = [planar_pose(0.2 * index, 0, 0) for index in range(3)]
    assert accepted(poses, step=0.1) == [True, False, False]
