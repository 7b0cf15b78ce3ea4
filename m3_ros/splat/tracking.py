"""Pose and exposure of a frame relative to the Gaussians, by its colour alone.

Direct alignment with the forward compositional Gauss-Newton method (Baker and Matthews, IJCV
2004): the rendered image is moved by the camera's motion until it equals the frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from m3_ros.geometry import backproject, se3
from m3_ros.splat.gaussians import Gaussians
from m3_ros.types import Array, Image, Mask

STEPS = (4.0, 4.0, 1.5, 1.5, 0.0, 0.0)
"""Gauss-Newton steps with the deviation, px, of the blur of both images: a motion of up to about
twice the deviation is found, the last steps are exact."""
PRIOR = (0.035, 0.02)
"""Standard deviation of a correction, rad and m at the nominal distance: 2 degrees and 2 cm, what
hand-eye and odometry errors are expected to be at most."""
NOISE = 0.05
"""Standard deviation of a residual, 0..1, where a Huber loss turns linear: model error exceeds the
sensor's noise of 2/255."""
CORRELATED = 25.0
"""Pixels whose residuals count as one: model errors extend over about 5 x 5 px."""
GRAY = np.array([0.299, 0.587, 0.114], np.float32)
"""Luma of ITU-R BT.601."""


@dataclass(frozen=True, eq=False)
class Exposure:
    """Gain and offset `[3]` of the colour channels, applied to a rendered image in 0..1."""

    gain: Array
    offset: Array

    def apply(self, image: Array) -> Array:
        """Return an image `[H, W, 3]` with this exposure."""
        return image * self.gain + self.offset


def track(
    gaussians: Gaussians, viewmat: Array, K: Array, rgb: Image, mask: Mask
) -> tuple[Array, Exposure]:
    """Return the corrected world-to-camera transform `[4, 4]` of a frame, and its exposure.

    Args:
        gaussians: Of the scene.
        viewmat: World to camera `[4, 4]`, off by about 2 degrees and 5 % of the distance at most.
        K: Intrinsics `[3, 3]`, px.
        rgb: The frame `[H, W, 3]`.
        mask: Pixels `[H, W]` to use.
    """
    target = rgb.astype(np.float32) / 255
    viewmat = viewmat.astype(np.float64)
    for blur in STEPS:
        image, depth, alpha = render(gaussians, viewmat, K, mask.shape[::-1])
        used = mask & (alpha > 0.5)
        exposed = fit_exposure(image, target, used).apply(image)
        viewmat = _step(exposed @ GRAY, target @ GRAY, depth, K, used, blur) @ viewmat
    image, _, alpha = render(gaussians, viewmat, K, mask.shape[::-1])
    return viewmat, fit_exposure(image, target, mask & (alpha > 0.5))


@torch.no_grad()
def render(
    gaussians: Gaussians, viewmat: Array, K: Array, size: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Return colour `[H, W, 3]`, depth `[H, W]` and alpha `[H, W]` from a pose."""
    device = gaussians.means.device
    views = (torch.from_numpy(x).float()[None].to(device) for x in (viewmat, K))
    renders, alphas, _ = gaussians.render(*views, *size)
    channels = renders[0].cpu().numpy()
    return channels[..., :3], channels[..., 3], alphas[0, ..., 0].cpu().numpy()


def fit_exposure(image: Array, target: Array, mask: Mask) -> Exposure:
    """Return the exposure that brings a rendered image nearest to a frame (least squares)."""
    if mask.sum() < 2:
        return Exposure(np.ones(3), np.zeros(3))
    x, y = image[mask].astype(np.float64), target[mask].astype(np.float64)
    mean_x, mean_y = x.mean(0), y.mean(0)
    variance = np.square(x - mean_x).mean(0)
    # An image without contrast does not tell gain from offset.
    gain = ((x - mean_x) * (y - mean_y)).mean(0) / variance.clip(NOISE**2 / 10)
    gain = np.where(variance > NOISE**2 / 10, gain, 1.0).clip(0.25, 4.0)
    return Exposure(gain, mean_y - gain * mean_x)


def _step(image: Array, target: Array, depth: Array, K: Array, mask: Mask, blur: float) -> Array:
    """Return the camera motion `[4, 4]` that brings a rendered intensity nearer to the frame's."""
    if blur:
        image, target = (cv2.GaussianBlur(x, (0, 0), blur) for x in (image, target))
    gradients = np.stack([np.gradient(image, axis=1), np.gradient(image, axis=0)], -1)
    points = backproject(depth, K)[mask]
    gradient = gradients[mask] * [K[0, 0], K[1, 1]] / points[:, 2:]
    # Intensity gained where a scene point moves by dX: -gradient . d(pixel) = direction . dX.
    along = -(gradient * points[:, :2]).sum(1, keepdims=True) / points[:, 2:]
    direction = -np.concatenate([gradient, along], 1)
    J = np.concatenate([np.cross(points, direction), direction], 1)
    residuals = (image - target)[mask]
    weights = 1 / np.maximum(1, np.abs(residuals) / NOISE) / (NOISE**2 * CORRELATED)
    H = J.T @ (J * weights[:, None]) + np.diag(np.repeat(np.square(PRIOR), 3) ** -1.0)
    twist = -np.linalg.solve(H, J.T @ (weights * residuals))
    return se3(Rotation.from_rotvec(twist[:3]).as_matrix(), twist[3:])
