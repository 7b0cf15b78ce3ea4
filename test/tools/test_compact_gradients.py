"""The body's quick convolutions compute what the plain ones do, forwards and backwards."""

import copy
import sys
from functools import partial
from pathlib import Path

import pytest
import timm
import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from compact_gradients import depthwise, quicken


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 1, 1), (5, 1, 2), (5, 2, 0), (3, 2, 1)]
)
def test_a_depthwise_convolution_gives_its_image_the_plain_gradient(size, stride, padding) -> None:
    torch.manual_seed(0)
    kernel, bias = torch.randn(8, 1, size, size), torch.randn(8)
    results = []
    for convolve in (depthwise, partial(F.conv2d, groups=8)):
        torch.manual_seed(1)
        image, offset = (
            torch.randn(2, 8, 12, 15, requires_grad=True),
            bias.clone().requires_grad_(),
        )
        out = convolve(image, kernel, offset, stride, padding=padding)
        out.square().sum().backward()
        results.append((out, image.grad, offset.grad))
    for quick, plain in zip(*results, strict=True):
        torch.testing.assert_close(quick, plain, rtol=1e-4, atol=1e-4)


def test_a_quick_body_computes_and_learns_as_the_plain_one() -> None:
    torch.manual_seed(0)
    plain = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(1, 3))
    for layer in plain.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.2, 0.2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
    quick = copy.deepcopy(plain)
    quicken(quick)
    image = torch.rand(2, 3, 64, 96)
    grads = []
    for body in (plain.eval(), quick.eval()):
        outs = body(image)
        sum(out.square().mean() for out in outs).backward()
        grads.append((outs, {n: p.grad for n, p in body.named_parameters()}))
    for right, found in zip(grads[0][0], grads[1][0], strict=True):
        assert (right - found).norm() < 0.02 * right.norm()  # 1 x 1 ones compute in bfloat16
    for name, gradient in grads[1][1].items():
        if gradient is not None:
            right = grads[0][1][name]
            assert torch.cosine_similarity(gradient.flatten(), right.flatten(), dim=0) > 0.97, name


def test_depthwise_kernels_and_their_scales_stay() -> None:
    body = timm.create_model("tf_efficientnet_lite0", features_only=True, out_indices=(1, 3))
    quicken(body)
    fixed = {name for name, p in body.named_parameters() if not p.requires_grad}
    assert len(fixed) == 2 * sum("conv_dw.weight" in name for name, _ in body.named_parameters())
    assert {"blocks.1.0.conv_dw.weight", "blocks.1.0.bn2.weight"} <= fixed
