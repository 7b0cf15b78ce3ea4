"""Our Adam against torch.optim's."""

import torch

from m3_ros.splat.optimizer import Adam


def test_steps_like_torch_optim():
    rng = torch.Generator().manual_seed(0)
    ours = torch.nn.Parameter(torch.randn(37, 3, generator=rng))
    theirs = torch.nn.Parameter(ours.detach().clone())
    optimizer = Adam(ours, 1e-2)
    expected = torch.optim.Adam([theirs], lr=1e-2, eps=1e-15)
    for _ in range(20):
        target = torch.randn(37, 3, generator=rng)
        for x, optim in ((ours, optimizer), (theirs, expected)):
            (x - target).square().sum().backward()
            optim.step()
            optim.zero_grad()
    assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_does_nothing_without_a_gradient():
    x = torch.nn.Parameter(torch.ones(4))
    Adam(x, 0.1).step()
    assert (x == 1).all()
