"""Frames over time: composition, interpolation, and refusals."""

import numpy as np
import pytest

from m3_ros.capture.problem_counter import FURTHER, MAX_LENGTH, MAX_PROBLEMS, ProblemCounter
from m3_ros.capture.transform_buffer import (
    MAX_FRAMES,
    MAX_NAME,
    TransformBuffer,
    TransformError,
)
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


def told():
    """A buffer, and the sentences that it tells."""
    sentences = []
    return TransformBuffer(tell=sentences.append), sentences


def test_leading_slashes_mean_nothing():
    tree, _ = told()
    tree.add("/map", "/base_link", None, planar_pose(1, 2, 0))
    assert np.array_equal(tree.lookup("map", "base_link"), planar_pose(1, 2, 0))
    assert np.array_equal(tree.lookup("/map", "/base_link"), planar_pose(1, 2, 0))


def test_a_second_parent_is_set_aside_and_both_are_named():
    tree, sentences = told()
    for stamp in (0.0, 0.1, 0.2):
        tree.add("map", "base_link", stamp, planar_pose(1, 0, 0))
        tree.add("odom", "base_link", stamp, planar_pose(9, 0, 0))
    assert np.allclose(tree.lookup("map", "base_link", 0.2), planar_pose(1, 0, 0))
    assert len(sentences) == 1 and "map and odom; map came first" in sentences[0]
    assert "(3 times)" in tree.dropped.recent()


def test_another_parent_takes_over_when_the_first_has_ended():
    tree, sentences = told()
    tree.add("camera_init", "base_link", 0.0, np.eye(4))
    tree.add("map", "base_link", 31.0, planar_pose(1, 0, 0))
    assert np.allclose(tree.lookup("map", "base_link"), planar_pose(1, 0, 0))
    assert not sentences


@pytest.mark.parametrize("static_first", [True, False])
def test_of_a_static_and_a_moving_transform_the_moving_one_is_used(static_first):
    tree, sentences = told()
    adds = [("map", "base_link", None, np.eye(4)), ("map", "base_link", 1.0, planar_pose(3, 0, 0))]
    for arguments in adds if static_first else adds[::-1]:
        tree.add(*arguments)
    assert np.allclose(tree.lookup("map", "base_link", 1.0), planar_pose(3, 0, 0))
    assert np.allclose(tree.lookup("map", "base_link"), planar_pose(3, 0, 0))
    assert "map -> base_link is on /tf and on /tf_static" in sentences[0]


def test_what_would_close_a_loop_is_dropped_and_the_rest_stays():
    tree, sentences = told()
    tree.add("map", "odom", None, planar_pose(1, 0, 0))
    tree.add("odom", "base_link", None, planar_pose(1, 0, 0))
    for parent, child in (("base_link", "map"), ("map", "map")):
        tree.add(parent, child, None, np.eye(4))
        assert f"{parent} -> {child} is dropped: it would close a loop" in sentences[-1]
    assert np.allclose(tree.lookup("map", "base_link"), planar_pose(2, 0, 0))


@pytest.mark.parametrize("stamp", [2.0**31 - 1, 131.0])
def test_a_stamp_in_the_future_is_dropped(stamp):
    tree, sentences = told()
    for time in (99.0, 100.0):
        tree.add("map", "base_link", time, planar_pose(time, 0, 0), now=100.0)
        tree.add("map", "base_link", stamp, np.eye(4), now=100.0)
    assert np.allclose(tree.lookup("map", "base_link", 99.5), planar_pose(99.5, 0, 0))
    assert len(sentences) == 1 and "map -> base_link" in sentences[0]


def test_numbers_that_are_not_finite_are_dropped():
    tree, sentences = told()
    tree.add("foo", "bar", 0.0, planar_pose(np.nan, 0, 0))
    assert "foo -> bar" in sentences[0] and "finite" in sentences[0]
    with pytest.raises(TransformError, match="unknown"):
        tree.lookup("foo", "bar")


def test_time_that_goes_back_clears_moving_frames_and_goes_on():
    tree, sentences = told()
    cleared = []
    tree.on_clear(lambda: cleared.append(True))
    tree.add("base_link", "camera", None, planar_pose(0, 0, 0, z=1.0))
    for y in (0.0, 1.0):  # the second run drives 1 m to the side
        for stamp in np.arange(1000.0, 1040.0, 0.1):
            tree.add("map", "base_link", stamp, planar_pose(stamp - 1000.0, y, 0))
            tree.add("base_link", "wrist", stamp, np.eye(4))
            if stamp > 1000.1:  # never a pose of the other run
                assert tree.lookup("map", "camera", stamp - 0.05)[1, 3] == y
        with pytest.raises(TransformError):
            tree.lookup("map", "camera", 1041.0)
    assert cleared == [True] and len(sentences) == 1
    assert "time went back by 39.9 s" in sentences[0] and "map -> base_link" in sentences[0]


def test_a_message_that_is_a_little_late_is_no_new_run():
    tree, sentences = told()
    for stamp in (10.0, 11.0, 10.2):
        tree.add("map", "base_link", stamp, planar_pose(stamp, 0, 0))
    assert np.allclose(tree.lookup("map", "base_link", 10.1), planar_pose(10.1, 0, 0))
    assert not sentences


IMU = planar_pose(0.1, 0.0, 0.3, z=0.2)
"""Pose of the IMU in base_link."""


@pytest.mark.parametrize(
    ("world", "moving", "static"),
    [
        ("camera_init", ("camera_init", "body"), ("body", "base_link")),
        ("camera_init", ("camera_init", "aft_mapped"), ("aft_mapped", "base_link")),
        ("map", ("odom", "base_link"), ("map", "odom")),
        ("odom_lidar", ("base_link", "odom_lidar"), None),
    ],
    ids=["FAST-LIO", "Point-LIO", "LIO-SAM", "KISS-ICP"],
)
def test_trees_of_lidar_odometry(world, moving, static):
    tree, sentences = told()
    imu = static is not None and static[1] == "base_link"
    if static:
        tree.add(*static, None, inverse(IMU) if imu else np.eye(4))
    tree.add("base_link", "camera", None, planar_pose(0.3, 0, 0, z=0.5))
    for stamp in (0.0, 1.0):
        base = planar_pose(stamp, 2.0, 0.2 * stamp)  # in the odometry's world
        pose = inverse(base) if moving[0] == "base_link" else base @ IMU if imu else base
        tree.add(*moving, stamp, pose)
    expected = planar_pose(1.0, 2.0, 0.2) @ planar_pose(0.3, 0, 0, z=0.5)
    np.testing.assert_allclose(tree.lookup(world, "camera", 1.0), expected, atol=1e-12)
    assert not sentences


def test_a_correction_that_comes_seldom_does_not_delay_what_comes_often():
    # REP-105: map -> odom is stamped ahead by those who correct seldom (transform_tolerance).
    tree, _ = told()
    for stamp in (0.0, 1.0):
        tree.add("map", "odom", stamp, planar_pose(stamp, 0, 0))
    for stamp in np.arange(0.0, 1.0, 0.02):
        tree.add("odom", "base_link", stamp, planar_pose(0, stamp, 0))
    np.testing.assert_allclose(
        tree.lookup("map", "base_link", 0.5), planar_pose(0.5, 0.5, 0), atol=1e-12
    )


def test_frames_that_strangers_name_are_bounded():
    """Known frames go on, others are dropped, and little is told of any number of them."""
    told = []
    tree = TransformBuffer(tell=told.append)
    for index in range(MAX_FRAMES + 500):
        tree.add("map", f"frame {index}", 1.0, np.eye(4))
    tree.add("map", "frame 0", 2.0, planar_pose(1, 0, 0))
    assert tree.lookup("map", "frame 0", 2.0)[0, 3] == 1.0
    assert tree.latest(f"frame {MAX_FRAMES}") is None and told
    assert len(told) <= MAX_PROBLEMS + 1 and told[-1] == FURTHER
    tree.add("map", "x" * (MAX_NAME + 1), 1.0, np.eye(4))
    with pytest.raises(TransformError) as error:
        tree.lookup("map", "nowhere")
    assert len(str(error.value)) < 2000


def test_problems_without_end_are_counted_as_one():
    told = []
    counter = ProblemCounter(told.append)
    for index in range(10 * MAX_PROBLEMS):
        counter.count(f"{index} is wrong" + "!" * 5000)
    assert len(told) == MAX_PROBLEMS + 1 and told[-1] == FURTHER
    assert max(map(len, told)) < MAX_LENGTH + 10
    assert f"({9 * MAX_PROBLEMS} times)" in counter.recent()
