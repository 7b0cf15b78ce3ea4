"""The fused loss against its definition in PyTorch, and SSIM against its own properties."""

import pytest
import torch

from m3_ros.splat.loss import depth_loss, photometric_loss, psnr, ssim


@pytest.mark.parametrize("size", [(40, 56), (5, 3), (33, 100), (1, 1), (70, 47)])
@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_fused_matches_pytorch(size, weight):
    rng = torch.Generator().manual_seed(0)
    target = torch.rand(*size, 3, generator=rng)
    image = (target + 0.2 * torch.randn(*size, 3, generator=rng)).clamp(0, 1)
    fast = image.clone().requires_grad_()
    exact = image.double().requires_grad_()
    value = photometric_loss(fast, target, weight)
    expected = photometric_loss(exact, target.double(), weight)  # float64: the PyTorch path
    (3 * value).backward()
    (3 * expected).backward()
    assert abs(value.item() - expected.item()) < 1e-5
    error = (fast.grad - exact.grad).norm() / exact.grad.norm()
    assert error < 1e-4


def test_ssim_is_one_for_equal_images_and_less_otherwise():
    image = torch.rand(30, 30, 3, dtype=torch.float64)
    assert abs(ssim(image, image).item() - 1) < 1e-12
    assert ssim(image, 1 - image) < 0.5


def test_depth_counts_only_where_measured_and_opaque():
    depth = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    measured = torch.tensor([[1.5, 0.0], [3.0, 9.0]])
    alpha = torch.tensor([[1.0, 1.0], [1.0, 0.1]])
    assert depth_loss(depth, measured, alpha).item() == pytest.approx(0.25)
    assert depth_loss(depth, torch.zeros(2, 2), alpha).item() == 0


def test_psnr():
    assert psnr(torch.zeros(4, 4, 3), torch.full((4, 4, 3), 0.1)) == pytest.approx(20, abs=1e-4)
