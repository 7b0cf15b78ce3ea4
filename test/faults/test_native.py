"""Calls of native code with one argument wrong: each is refused by name, none ends the process."""

import math

import numpy as np
import pytest
import torch

from m3_ros.splat import native, rasterization
from m3_ros.splat.loss import photometric_loss, ssim
from m3_ros.splat.optimizer import Adam
from m3_ros.splat.spherical_harmonics import sh_colors

IMAGE = torch.rand(8, 9, 3)


def arguments():
    return {
        "means": torch.rand(5, 3) + torch.tensor([0.0, 0, 2]), "quats": torch.rand(5, 4) + 0.1,
        "scales": torch.rand(5, 3), "opacities": torch.rand(5), "colors": torch.rand(5, 16, 3),
        "viewmats": torch.eye(4)[None], "width": 20, "height": 16, "sh_degree": 1,
        "Ks": torch.tensor([[[20.0, 0, 10], [0, 20, 8], [0, 0, 1]]]),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sh_degree", 1.0, "sh_degree must be an integer from 0 to 3 or None, got 1.0"),
        ("sh_degree", True, "sh_degree must be an integer from 0 to 3 or None, got true"),
        ("sh_degree", "1", 'got "1"'),
        ("sh_degree", 3, None),
        ("sh_degree", 4, "sh_degree must be an integer"),
        ("colors", torch.rand(5, 1, 3), "colors must have 4 coefficients for sh_degree 1, got 1"),
        ("colors", torch.rand(5, 16, 4), "colors must have shape [5, 16, 3], got [5, 16, 4]"),
        ("colors", [1, 2], "colors must have shape [5, C], got list"),
        ("width", 20.0, "width must be an integer from 1 to 16384, got 20.0"),
        ("width", np.float32(20), "width must be an integer from 1 to 16384"),
        ("height", True, "height must be an integer from 1 to 16384, got true"),
        ("height", 10**400, "got a number of more than 80 digits"),
        ("near_plane", "x", 'near_plane must be a number, got "x"'),
        ("near_plane", math.nan, "near_plane must be at least 1e-18"),
        ("near_plane", 1e-30, "near_plane must be at least 1e-18"),
        ("far_plane", 10**400, "got 0.01, a number of more than 80 digits"),
        ("far_plane", math.inf, None),
        ("render_mode", ["RGB"], "render_mode must be one of"),
        ("means", None, "means must be a tensor of shape [N, 3], got null"),
        ("means", torch.zeros(5, 3, device="meta"), "means must be on a CPU or CUDA device"),
        ("quats", torch.ones(5, 4).to_sparse(), "quats must be dense and floating point"),
        ("quats", torch.ones(5, 4, dtype=torch.complex64), "quats must be dense and floating"),
        ("quats", torch.ones(4, 5).T, None),
        ("scales", torch.full((5, 3), 1e300, dtype=torch.float64), "scales must be finite"),
        ("scales", torch.full((5, 3), 1e30), None),
        ("opacities", torch.ones(5, 1), "opacities must have shape [5], got [5, 1]"),
        ("viewmats", torch.zeros(0, 4, 4), "viewmats must hold at least one view"),
    ],
)
def test_an_argument_of_the_rasterizer(name, value, words):
    if words is None:
        rasterization(**arguments() | {name: value})
        return
    with pytest.raises(ValueError) as error:
        rasterization(**arguments() | {name: value})
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("image", "target", "weight", "words"),
    [
        (IMAGE, torch.rand(4, 4, 3), 0.2, "target must have shape [8, 9, 3], got [4, 4, 3]"),
        (IMAGE, IMAGE[..., :2], 0.2, "target must have shape [8, 9, 3], got [8, 9, 2]"),
        (IMAGE[0], IMAGE[0], 0.2, "image must have shape [H, W, C], got [9, 3]"),
        (IMAGE, IMAGE.double(), 0.2, "target must be torch.float32 on cpu as image is"),
        (IMAGE.int(), IMAGE.int(), 0.2, "image must be dense and floating point"),
        (IMAGE[:0], IMAGE[:0], 0.2, "image must have pixels, got [0, 9, 3]"),
        (IMAGE, None, 0.2, "target must have shape [8, 9, 3], got null"),
        (IMAGE, IMAGE, math.nan, "ssim_weight must be a number from 0 to 1"),
        (IMAGE, IMAGE, 2, "ssim_weight must be a number from 0 to 1, got 2"),
        (IMAGE, IMAGE, "x", "ssim_weight must be a number"),
    ],
)
def test_an_argument_of_the_loss(image, target, weight, words):
    with pytest.raises(ValueError) as error:
        photometric_loss(image, target, weight)
    assert words in str(error.value)
    if "ssim_weight" not in words:
        with pytest.raises(ValueError):
            ssim(image, target)


def test_a_loss_of_images_with_nan_is_nan():
    assert math.isnan(photometric_loss(IMAGE * math.nan, IMAGE).item())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"degree": 1.0}, "degree must be an integer from 0 to 3, got 1.0"),
        ({"degree": 3}, "coefficients must be at least 16 for degree 3, got 4"),
        ({"coefficients": torch.rand(4, 4, 3)}, "coefficients must have shape [5, K, 3]"),
        ({"coefficients": torch.rand(5, 4, 3).double()}, "must be torch.float32 on cpu"),
        ({"means": torch.rand(5, 2)}, "means must have shape [N, 3], got [5, 2]"),
        ({"viewmats": torch.eye(4)}, "viewmats must have shape [B, 4, 4], got [4, 4]"),
    ],
)
def test_an_argument_of_the_colours(changed, words):
    right = {"degree": 1, "means": torch.rand(5, 3), "coefficients": torch.rand(5, 4, 3)}
    right |= {"viewmats": torch.eye(4)[None]}
    with pytest.raises(ValueError) as error:
        sh_colors(**right | changed)
    assert words in str(error.value)


def test_an_optimizer_of_another_type_is_refused():
    x = torch.zeros(4, dtype=torch.float64)
    optimizer = Adam(x, 0.1)
    x.grad = torch.ones_like(x)
    with pytest.raises(ValueError, match="m3_adam: x must be a contiguous torch.float32 tensor"):
        optimizer.step()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((torch.zeros(4), 5), r"x must be a contiguous torch.float32 tensor of \[5\] on the CPU"),
        ((torch.zeros(4), -1), "m3_first_nonfinite: "),
        ((torch.zeros(4), 4.0), "n must be int, got 4.0"),
        ((torch.zeros(4, 2)[:, 0], 4), "x must be a contiguous"),
        ((torch.zeros(4, device="meta"), 4), "x must be a contiguous"),
        ((None, 4), "x must be a contiguous"),
    ],
)
def test_no_call_reads_past_an_array(arguments, words):
    with pytest.raises(ValueError, match=words):
        native.call("m3_first_nonfinite", *arguments)
