"""Corrections of poses and exposures."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from m3_ros.geometry import look_at
from m3_ros.splat.poses import CameraCorrections, so3_exp


def test_exponential_matches_scipy_and_is_smooth_at_zero():
    vectors = np.random.default_rng(0).normal(size=(5, 3))
    matrices = so3_exp(torch.from_numpy(vectors)).numpy()
    assert np.allclose(matrices, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-12)
    zero = torch.zeros(3, requires_grad=True)
    so3_exp(zero)[0, 1].backward()
    assert torch.allclose(zero.grad, torch.tensor([0.0, 0.0, -1.0]))


def test_without_corrections_poses_and_images_are_as_given():
    pose = look_at([1.0, 2.0, 1.0], [0.0, 0.0, 0.0])
    cameras = CameraCorrections(torch.from_numpy(np.linalg.inv(pose)).float()[None])
    assert np.allclose(cameras.camtoworlds()[0].numpy(), pose, atol=1e-6)
    image = torch.rand(4, 5, 3)
    assert torch.equal(cameras.expose(0, image), image)
