"""What m3_ros uses of the ROS package tf_transformations, with its names and conventions.

Quaternions are xyzw. Rotations are those of the upper left 3 x 3 of a homogeneous matrix.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def quaternion_from_matrix(matrix: ArrayLike) -> NDArray[np.float64]:
    """Return the unit quaternion `[4]`, w >= 0, of a homogeneous matrix `[4, 4]`.

    The eigenvector of the largest eigenvalue of Bar-Itzhack's symmetric matrix K (2000, "New
    Method for Extracting the Quaternion from a Rotation Matrix"), also for a rotation with noise.
    """
    r = np.asarray(matrix, np.float64)[:3, :3]
    K = np.empty((4, 4))
    K[:3, :3] = r + r.T - np.trace(r) * np.eye(3)
    K[:3, 3] = K[3, :3] = r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]
    K[3, 3] = np.trace(r)
    quaternion = np.linalg.eigh(K)[1][:, -1]
    return quaternion if quaternion[3] >= 0.0 else -quaternion
