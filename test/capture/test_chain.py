"""Eq. 3 against the camera poses it is made of, exact to 1e-9."""

import numpy as np
import pytest

from m3_ros.capture.chain import PoseChain, composed_transform
from m3_ros.geometry import inverse, quat_to_matrix, se3


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def random_pose(rng):
    return se3(quat_to_matrix(rng.normal(size=4)), rng.normal(size=3))


def test_composed_transform_takes_the_new_camera_to_the_first(rng):
    mount, hand_eye = random_pose(rng), random_pose(rng)
    scan = PoseChain(random_pose(rng), mount, random_pose(rng), hand_eye)
    now = PoseChain(random_pose(rng), mount, random_pose(rng), hand_eye)
    point = np.append(rng.normal(size=3), 1.0)
    in_first = inverse(scan.camtoworld) @ now.camtoworld @ point
    np.testing.assert_allclose(composed_transform(scan, now) @ point, in_first, atol=1e-9)


def test_a_robot_that_did_not_move_sees_the_same(rng):
    chain = PoseChain(*(random_pose(rng) for _ in range(4)))
    np.testing.assert_allclose(composed_transform(chain, chain), np.eye(4), atol=1e-12)
