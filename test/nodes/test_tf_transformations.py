"""The installed tf_transformations, ROS's or that of tools/bare_ros, agrees with scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tf_transformations import quaternion_from_matrix

HALF_TURNS = [Rotation.from_rotvec(np.pi * np.array(axis)) for axis in np.eye(3)]


@pytest.mark.parametrize(
    "rotation",
    [Rotation.identity(), *HALF_TURNS, *Rotation.random(20, random_state=0)],
)
def test_quaternions_are_those_of_scipy(rotation):
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = rotation.as_matrix(), [1.0, -2.0, 3.0]
    quaternion = quaternion_from_matrix(T)
    expected = rotation.as_quat(canonical=True)
    assert quaternion[3] >= 0.0
    # A half turn has two quaternions with w = 0.
    assert min(np.abs(quaternion - expected).max(), np.abs(quaternion + expected).max()) < 1e-9
    if abs(expected[3]) > 1e-9:
        assert np.allclose(quaternion, expected, atol=1e-9)
