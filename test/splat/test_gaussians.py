"""The Gaussians themselves."""

import pytest
import torch

from m3_ros.geometry import quat_to_matrix
from m3_ros.splat import Gaussians
from m3_ros.splat.spherical_harmonics import rotate_sh, sh_basis


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


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_rotated_harmonics_have_the_colours_of_the_rotated_directions(degree):
    rng = torch.Generator().manual_seed(degree)
    coefficients = torch.randn(5, (degree + 1) ** 2, 3, dtype=torch.float64, generator=rng)
    rotation = torch.from_numpy(quat_to_matrix([0.4, -0.3, 0.8, 0.1]))
    directions = torch.randn(20, 3, dtype=torch.float64, generator=rng)
    directions = torch.nn.functional.normalize(directions, dim=-1)
    rotated = rotate_sh(coefficients, rotation)
    before = torch.einsum("dk,nkc->ndc", sh_basis(degree, directions), coefficients)
    after = torch.einsum("dk,nkc->ndc", sh_basis(degree, directions @ rotation.T), rotated)
    torch.testing.assert_close(after, before)
