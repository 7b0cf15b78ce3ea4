"""Our projection and spherical harmonics against gsplat's own in pure torch, with gradients."""

import pytest
import torch
from gsplat.cuda import _torch_impl as gsplat
from torch.nn.functional import normalize

from m3_ros.splat.cpu_backend import Project
from m3_ros.splat.spherical_harmonics import sh_colors

SIZE = (96, 64)


def scene(count=60):
    generator = torch.Generator().manual_seed(3)
    means = torch.randn(count, 3, generator=generator) * torch.tensor([0.3, 0.2, 0.3])
    quats = normalize(torch.randn(count, 4, generator=generator), dim=-1)
    scales = 0.02 + 0.05 * torch.rand(count, 3, generator=generator)
    viewmats = torch.eye(4).repeat(2, 1, 1)
    viewmats[:, 2, 3] = torch.tensor([2.0, 2.5])
    viewmats[1, :3, :3] = torch.linalg.qr(torch.randn(3, 3, generator=generator))[0]
    viewmats[1, :3, :3] *= torch.linalg.det(viewmats[1, :3, :3])
    Ks = torch.tensor([[80.0, 0, 48], [0, 82, 32], [0, 0, 1]]).repeat(2, 1, 1)
    return [x.requires_grad_() for x in (means, quats, scales)], viewmats, Ks


def gradients(outputs, inputs):
    generator = torch.Generator().manual_seed(4)
    loss = sum((x * torch.randn(x.shape, generator=generator)).sum() for x in outputs)
    return torch.autograd.grad(loss, inputs)


def test_the_projection_is_that_of_gsplat():
    inputs, viewmats, Ks = scene()
    covariances = gsplat._quat_scale_to_covar_preci(*inputs[1:], True, False)[0]
    radii, *expected, _ = gsplat._fully_fused_projection(
        inputs[0], covariances, viewmats, Ks, *SIZE
    )
    ours = Project.apply(*inputs, torch.ones(len(inputs[0])), viewmats, Ks, SIZE, 0.01, 1e10)
    drawn = (radii > 0).all(-1) & (ours[0] > 0).all(-1)
    assert drawn.sum() > 80 and ((radii > 0).all(-1) == (ours[0] > 0).all(-1)).all()
    ours, expected = ([x[drawn] for x in values] for values in (ours[1:4], expected))
    for a, b in zip(ours, expected, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    pairs = zip(gradients(ours, inputs), gradients(expected, inputs), strict=True)
    for a, b in pairs:
        assert (a - b).norm() < 2e-3 * b.norm()


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_the_spherical_harmonics_are_those_of_gsplat(degree):
    (means, *_), viewmats, _ = scene()
    generator = torch.Generator().manual_seed(5)
    coefficients = torch.randn(len(means), 16, 3, generator=generator).requires_grad_()
    centres = torch.linalg.inv(viewmats)[:, None, :3, 3]
    stacked = coefficients[None].expand(2, -1, -1, -1)
    expected = (gsplat._spherical_harmonics(degree, means - centres, stacked) + 0.5).clamp_min(0)
    ours = sh_colors(degree, means, coefficients, viewmats)
    assert torch.allclose(ours, expected, atol=1e-5)
    inputs = [coefficients, means] if degree else [coefficients]
    for a, b in zip(gradients([ours], inputs), gradients([expected], inputs), strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
