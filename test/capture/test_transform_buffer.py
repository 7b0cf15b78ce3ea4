"""Frames over time: composition, interpolation, and refusals."""

import numpy as np
import pytest

from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.geometry import inverse, planar_pose, quat_to_matrix, se3


@pytest.fixture
def tree():
    tree = TransformBuffer()
    for stamp in (0.0, 1.0, 2.0):
        tree.add("map", "base_link", stamp, planar_pose(stamp, 0, 0.2 * stamp))
    tree.add("base_link", "camera", None, planar_pose(0.1, 0.2, 0.3, z=0.5))
    tree.add("base_link", "lidar", None, planar_pose(0.4, 0, 0))
    return tree


def test_lookup_composes_along_the_path(tree):
    expected = planar_pose(1, 0, 0.2) @ planar_pose(0.1, 0.2, 0.3, z=0.5)
    np.testing.assert_allclose(tree.lookup("map", "camera", 1.0), expected, atol=1e-12)


def test_lookup_both_ways_is_inverse(tree):
    forward, back = tree.lookup("map", "camera", 1.3), tree.lookup("camera", "map", 1.3)
    np.testing.assert_allclose(forward @ back, np.eye(4), atol=1e-12)


def test_between_siblings_time_does_not_matter(tree):
    expected = inverse(planar_pose(0.4, 0, 0)) @ planar_pose(0.1, 0.2, 0.3, z=0.5)
    np.testing.assert_allclose(tree.lookup("lidar", "camera", 99.0), expected, atol=1e-12)


def test_poses_are_interpolated(tree):
    expected = planar_pose(0.25, 0, 0.05)
    np.testing.assert_allclose(tree.lookup("map", "base_link", 0.25), expected, atol=1e-12)


def test_without_a_stamp_the_newest_common_time_counts(tree):
    tree.add("odom", "map", 1.5, np.eye(4))
    tree.add("odom", "map", 0.5, np.eye(4))
    np.testing.assert_allclose(
        tree.lookup("odom", "base_link"), planar_pose(1.5, 0, 0.3), atol=1e-12
    )


def test_out_of_order_messages_are_sorted():
    tree = TransformBuffer()
    for stamp in (2.0, 0.0, 1.0):
        tree.add("a", "b", stamp, planar_pose(stamp, 0, 0))
    np.testing.assert_allclose(tree.lookup("a", "b", 0.5), planar_pose(0.5, 0, 0), atol=1e-12)


@pytest.mark.parametrize("stamp", [-0.1, 2.1])
def test_nothing_is_extrapolated(tree, stamp):
    with pytest.raises(TransformError, match=r"map -> base_link is known from 0.000 to 2.000"):
        tree.lookup("map", "camera", stamp)


def test_unknown_frame_and_separate_trees_are_named(tree):
    with pytest.raises(TransformError, match="gripper is unknown.*base_link"):
        tree.lookup("map", "gripper", 0.0)
    tree.add("world2", "other", None, np.eye(4))
    with pytest.raises(TransformError, match="separate trees"):
        tree.lookup("map", "other", 0.0)


def test_a_loop_is_refused_not_followed():
    tree = TransformBuffer()
    tree.add("a", "b", None, np.eye(4))
    tree.add("b", "a", None, np.eye(4))
    with pytest.raises(TransformError, match="loop"):
        tree.lookup("a", "b")


def test_old_poses_are_forgotten():
    tree = TransformBuffer(max_age=1.0)
    for stamp in np.arange(0.0, 5.0, 0.1):
        tree.add("a", "b", stamp, np.eye(4))
    with pytest.raises(TransformError):
        tree.lookup("a", "b", 2.0)
    assert tree.latest("b") == pytest.approx(4.9)


def test_random_chain_equals_the_product():
    rng = np.random.default_rng(0)
    tree, expected = TransformBuffer(), np.eye(4)
    for index in range(8):
        T = se3(quat_to_matrix(rng.normal(size=4)), rng.normal(size=3))
        tree.add(f"f{index}", f"f{index + 1}", None, T)
        expected = expected @ T
    np.testing.assert_allclose(tree.lookup("f0", "f8"), expected, atol=1e-12)
