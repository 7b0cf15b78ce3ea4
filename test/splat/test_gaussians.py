"""The Gaussians themselves."""

import pytest
import torch

from m3_ros.splat import Gaussians


def make(n=4, rest=3):
    return Gaussians(
        means=torch.zeros(n, 3),
        quats=torch.ones(n, 4),
        scales=torch.full((n, 3), -2.0),
        opacities=torch.zeros(n),
        sh0=torch.zeros(n, 1, 3),
        shN=torch.zeros(n, rest, 3),
    )


def test_activation_and_degree():
    _, _, scales, opacities = make().activated()
    assert torch.allclose(scales, torch.tensor(-2.0).exp())
    assert torch.allclose(opacities, torch.tensor(0.5))
    assert [make(rest=r).sh_degree for r in (0, 3, 8, 15)] == [0, 1, 2, 3]
    assert make().sh.shape == (4, 4, 3)


def test_selection_keeps_rows_together():
    gaussians = make()
    gaussians.means[2] = 7
    chosen = gaussians.select(torch.tensor([2]))
    assert len(chosen) == 1 and (chosen.means == 7).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("quats", torch.ones(4, 3)), ("opacities", torch.ones(4, 1)), ("shN", torch.ones(4, 2, 3))],
)
def test_wrong_shapes_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=name):
        Gaussians(**(make().tensors | {name: value}))
