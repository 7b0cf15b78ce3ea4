"""SE(3), pinhole cameras and quaternion order: the only home of the project's conventions.

Inside the project quaternions are wxyz, camera axes are OpenCV's (x right, y down, z forward),
`T_a_b` maps coordinates of frame b to frame a, `camtoworld` is `T_world_camera`, lengths are
metres and the centre of the pixel in row i, column j lies at u = j + 0.5, v = i + 0.5 (gsplat's).
All functions take and return float64 NumPy arrays and broadcast over leading dimensions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation, Slerp

from m3_ros.types import Array

OPENGL_FROM_OPENCV: Array = np.diag([1.0, -1.0, -1.0, 1.0])
"""Camera axes: post-multiply `camtoworld` of one convention to get the other (an involution)."""


def se3(rotation: ArrayLike, translation: ArrayLike) -> Array:
    """Return rigid transforms `[..., 4, 4]`: rotations `[..., 3, 3]`, translations `[..., 3]`."""
    rotation = np.asarray(rotation, np.float64)
    translation = np.asarray(translation, np.float64)
    shape = np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1])
    T = np.zeros((*shape, 4, 4))
    T[..., :3, :3] = rotation
    T[..., :3, 3] = translation
    T[..., 3, 3] = 1.0
    return T


def inverse(T: ArrayLike) -> Array:
    """Invert rigid transforms `[..., 4, 4]`."""
    T = np.asarray(T, np.float64)
    rotation = np.swapaxes(T[..., :3, :3], -1, -2)
    return se3(rotation, -(rotation @ T[..., :3, 3:])[..., 0])


def transform(T: ArrayLike, points: ArrayLike) -> Array:
    """Apply one rigid or similarity transform `[4, 4]` to points `[..., 3]`."""
    T = np.asarray(T, np.float64)
    return np.asarray(points, np.float64) @ T[:3, :3].T + T[:3, 3]


def quat_to_matrix(quat: ArrayLike) -> Array:
    """Return rotation matrices `[..., 3, 3]` of wxyz quaternions `[..., 4]` of any length > 0."""
    quat = np.asarray(quat, np.float64)
    matrices = Rotation.from_quat(wxyz_to_xyzw(quat).reshape(-1, 4)).as_matrix()
    return matrices.reshape(*quat.shape[:-1], 3, 3)


def matrix_to_quat(rotation: ArrayLike) -> Array:
    """Return unit quaternions `[..., 4]`, wxyz, w >= 0, of rotation matrices `[..., 3, 3]`."""
    rotation = np.asarray(rotation, np.float64)
    quat = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_quat(canonical=True)
    return xyzw_to_wxyz(quat).reshape(*rotation.shape[:-2], 4)


def wxyz_to_xyzw(quat: ArrayLike) -> Array:
    """Reorder quaternions `[..., 4]` from the project's order to that of ROS."""
    return np.roll(np.asarray(quat, np.float64), -1, axis=-1)


def xyzw_to_wxyz(quat: ArrayLike) -> Array:
    """Reorder quaternions `[..., 4]` from the order of ROS to the project's."""
    return np.roll(np.asarray(quat, np.float64), 1, axis=-1)


def rpy_to_matrix(rpy: ArrayLike) -> Array:
    """Return rotations `[..., 3, 3]` of fixed-axis roll, pitch, yaw `[..., 3]`, rad (URDF)."""
    rpy = np.asarray(rpy, np.float64)
    matrices = Rotation.from_euler("xyz", rpy.reshape(-1, 3)).as_matrix()
    return matrices.reshape(*rpy.shape[:-1], 3, 3)


def planar_pose(x: float, y: float, yaw: float, z: float = 0.0) -> Array:
    """Return the transform `[4, 4]` of a planar pose: x, y, z in m, yaw in rad about +z."""
    return se3(rpy_to_matrix([0.0, 0.0, yaw]), [x, y, z])


def interpolate_pose(T0: ArrayLike, T1: ArrayLike, fraction: float) -> Array:
    """Interpolate two poses `[4, 4]`: rotation by slerp, translation linearly; fraction 0..1."""
    T0, T1 = np.asarray(T0, np.float64), np.asarray(T1, np.float64)
    rotations = Rotation.from_matrix(np.stack([T0[:3, :3], T1[:3, :3]]))
    translation = (1.0 - fraction) * T0[:3, 3] + fraction * T1[:3, 3]
    return se3(Slerp([0.0, 1.0], rotations)(fraction).as_matrix(), translation)


def pose_distance(T0: ArrayLike, T1: ArrayLike) -> tuple[float, float]:
    """Return the distance between two poses `[4, 4]`: translation, m, and rotation angle, rad."""
    delta = inverse(T0) @ np.asarray(T1, np.float64)
    angle = Rotation.from_matrix(delta[:3, :3]).magnitude()
    return float(np.linalg.norm(delta[:3, 3])), float(angle)


def look_at(eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0.0, 0.0, 1.0)) -> Array:
    """Return `camtoworld [4, 4]` of a camera at eye `[3]` that looks at target `[3]`.

    Args:
        eye: Camera centre, m.
        target: Point on the optical axis, m.
        up: Direction that is upwards in the image.

    Raises:
        ValueError: Eye and target coincide, or the view direction is parallel to `up`.
    """
    eye, target = np.asarray(eye, np.float64), np.asarray(target, np.float64)
    forward = target - eye
    right = np.cross(forward, np.asarray(up, np.float64))
    if np.linalg.norm(right) < 1e-9:
        raise ValueError(
            f"look_at: eye {eye} and target {target} must differ off the up axis {up}"
        )
    forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
    return se3(np.stack([right, np.cross(forward, right), forward], axis=-1), eye)


def pixel_centers(width: int, height: int) -> Array:
    """Return image coordinates `[H, W, 2]` (u, v) of every pixel centre, px."""
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return np.stack([u, v], axis=-1)


def backproject(depth: ArrayLike, K: ArrayLike) -> Array:
    """Return camera-frame points `[H, W, 3]`, m, of depth `[H, W]` (along z) and K `[3, 3]`."""
    depth, K = np.asarray(depth, np.float64), np.asarray(K, np.float64)
    height, width = depth.shape
    rays = (pixel_centers(width, height) - K[:2, 2]) / [K[0, 0], K[1, 1]]
    return np.concatenate([rays * depth[..., None], depth[..., None]], axis=-1)


def project(points: ArrayLike, K: ArrayLike) -> tuple[Array, Array]:
    """Project camera-frame points `[..., 3]` to image coordinates `[..., 2]` and depth z `[...]`.

    Points behind the camera, z <= 0, have coordinates NaN.
    """
    points, K = np.asarray(points, np.float64), np.asarray(K, np.float64)
    z = points[..., 2]
    safe = np.where(z > 0.0, z, np.nan)
    uv = points[..., :2] / safe[..., None] * [K[0, 0], K[1, 1]] + K[:2, 2]
    return uv, z


def scale_intrinsics(K: ArrayLike, factor_x: float, factor_y: float) -> Array:
    """Return the intrinsics `[3, 3]` of an image resized by factors, pixel centres at + 0.5."""
    return np.diag([factor_x, factor_y, 1.0]) @ np.asarray(K, np.float64)


def split_similarity(similarity: ArrayLike) -> tuple[float, Array, Array]:
    """Return scale, rotation `[3, 3]` and translation `[3]` of a similarity `[4, 4]`."""
    similarity = np.asarray(similarity, np.float64)
    scale = float(np.cbrt(np.linalg.det(similarity[:3, :3])))
    return scale, similarity[:3, :3] / scale, similarity[:3, 3]


def umeyama(source: ArrayLike, target: ArrayLike, with_scale: bool = True) -> Array:
    """Return the similarity `[4, 4]` that maps source onto target points `[N, 3]`, least squares.

    Umeyama, "Least-squares estimation of transformation parameters", PAMI 1991. The upper left
    block is scale x rotation.

    Raises:
        ValueError: Fewer than three points, or all of them on one line.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    if source.shape != target.shape or source.ndim != 2 or source.shape[-1] != 3:
        raise ValueError(
            f"umeyama: source {source.shape} and target {target.shape} must both be [N, 3]"
        )
    mean_source, mean_target = source.mean(0), target.mean(0)
    centred = source - mean_source
    if len(source) < 3 or np.linalg.matrix_rank(centred, tol=1e-9) < 2:
        raise ValueError(f"umeyama: {len(source)} points must be at least three, not on one line")
    U, singular, Vt = np.linalg.svd((target - mean_target).T @ centred / len(source))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(U @ Vt))])
    rotation = U @ np.diag(signs) @ Vt
    scale = float(singular @ signs / centred.var(0).sum()) if with_scale else 1.0
    return se3(scale * rotation, mean_target - scale * rotation @ mean_source)
