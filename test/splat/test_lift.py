"""Closed-form lifting against sums of explicit blending weights."""

import pytest
import torch

from m3_ros.splat import Gaussians, lift, rasterization


def make(n=40, seed=0):
    rng = torch.Generator().manual_seed(seed)
    means = torch.rand(n, 3, generator=rng) * 2 - 1
    means[:, 2] += 3
    gaussians = Gaussians(
        means=means,
        quats=torch.randn(n, 4, generator=rng),
        scales=torch.rand(n, 3, generator=rng) - 3,
        opacities=torch.randn(n, generator=rng),
        sh0=torch.randn(n, 1, 3, generator=rng),
        shN=torch.zeros(n, 0, 3),
    )
    viewmats = torch.eye(4).repeat(3, 1, 1)
    viewmats[:, 0, 3] = torch.tensor([-0.2, 0.0, 0.2])
    Ks = torch.tensor([[40.0, 0, 20], [0, 40, 15], [0, 0, 1]]).repeat(3, 1, 1)
    return gaussians, (viewmats, Ks), torch.randn(3, 30, 40, 5, generator=rng)


def blending_weights(gaussians, views):
    """alpha T of every Gaussian at every pixel, `[B, H, W, N]`: the render of one-hot colours."""
    one_hot = torch.eye(len(gaussians))
    return rasterization(*gaussians.activated(), one_hot, *views, 40, 30)[0]


def test_is_the_weighted_mean_of_the_maps():
    gaussians, views, maps = make()
    weights = blending_weights(gaussians, views)
    features, weight = lift(gaussians, views, iter(maps))
    assert torch.allclose(weight, weights.sum((0, 1, 2)), rtol=1e-4, atol=1e-5)
    summed = torch.einsum("bhwn,bhwc->nc", weights, maps)
    assert torch.allclose(features * weight[:, None], summed, rtol=1e-3, atol=1e-4)


def test_masked_cells_do_not_count():
    gaussians, views, maps = make()
    valid = torch.rand(3, 30, 40) > 0.5
    corrupted = torch.where(valid[..., None], maps, torch.full_like(maps, 1e3))
    features, weight = lift(gaussians, views, corrupted, valid)
    want = torch.einsum("bhwn,bhw->n", blending_weights(gaussians, views), valid.float())
    assert torch.allclose(weight, want, rtol=1e-4, atol=1e-5)
    assert features.abs().max() < 10


def test_unseen_gaussians_have_no_weight_and_no_feature():
    gaussians, views, maps = make()
    gaussians.means[0, 2] = -5
    features, weight = lift(gaussians, views, maps)
    assert weight[0] == 0 and not features[0].any()


def test_the_mean_of_agreeing_unit_features_is_the_longest():
    """Its length is the reliability that the memory stores."""
    gaussians, views, maps = make()
    same = torch.zeros_like(maps)
    same[..., 0] = 1
    noise = torch.nn.functional.normalize(maps, dim=-1)
    (agreed, weight), (disagreed, _) = (lift(gaussians, views, m) for m in (same, noise))
    seen = weight > 1
    torch.testing.assert_close(agreed[seen].norm(dim=1), torch.ones(int(seen.sum())))
    assert disagreed[seen].norm(dim=1).median() < 0.5


def test_wrong_number_of_maps_is_refused():
    gaussians, views, maps = make()
    with pytest.raises(ValueError):
        lift(gaussians, views, maps[:2])
    with pytest.raises(ValueError, match="channels"):
        lift(gaussians, views, [maps[0], maps[1][..., :2], maps[2]])
