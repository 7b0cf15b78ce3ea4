"""View scores: what is held out, and what a perfect and a wrong memory score."""

import numpy as np
import pytest
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.evaluate.views import psnr, score_view
from m3_ros.geometry import look_at
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat import Gaussians
from m3_ros.view.memory import compare_view

K = np.array([[60.0, 0, 32], [0, 60.0, 24], [0, 0, 1]])
POSE = look_at([0.0, -0.5, 0.5], [0, 0, 0])


@pytest.fixture(scope="module")
def memory():
    """A flat grey wall of Gaussians in front of the camera."""
    side = torch.linspace(-0.6, 0.6, 40)
    means = torch.stack([*torch.meshgrid(side, side, indexing="ij"), torch.zeros(40, 40)], -1)
    means = means.reshape(-1, 3)
    n = len(means)
    gaussians = Gaussians(
        means,
        torch.tensor([[1.0, 0, 0, 0]]).expand(n, 4).contiguous(),
        torch.full((n, 3), 0.02).log(),
        torch.full((n,), 6.0),
        torch.zeros(n, 1, 3),
        torch.zeros(n, 0, 3),
    )
    bank = MemoryBank(4, 0.8)
    bank.add(torch.eye(4), 0, torch.zeros(4, 2, dtype=torch.long))
    model = ModelMemory(torch.rand(n, 2), torch.rand(2, 4), torch.ones(n), bank, "digest")
    return SpatialMemory(gaussians, {"tiny": model}, ())


def seen(memory, depth_shift=0.0):
    place = (POSE, K, (64, 48))
    rgb = np.uint8(np.rint(memory.render(*place, what="rgb") * 255))
    depth = memory.render(*place, what="depth")
    depth[depth > 0] += np.float32(depth_shift)
    return RgbdFrame(rgb, depth, K, POSE)


def test_a_memory_explains_its_own_rendering(memory):
    score = score_view(memory, seen(memory))
    assert score.psnr_db > 50 and score.depth_error < 1e-4


def test_a_depth_shift_is_the_depth_error(memory):
    assert score_view(memory, seen(memory, 0.01)).depth_error == pytest.approx(0.01, abs=1e-4)


def test_no_depth_has_no_depth_error(memory):
    frame = seen(memory)
    blind = RgbdFrame(frame.rgb, np.zeros_like(frame.depth), K, POSE)
    assert np.isnan(score_view(memory, blind).depth_error)


def test_psnr_of_a_known_error():
    assert psnr(np.zeros((2, 2)), np.full((2, 2), 0.1)) == pytest.approx(20.0)


def test_comparison_has_five_pictures_of_one_size(memory):
    frame = seen(memory)
    assert [image.shape for image in compare_view(memory, frame)] == [frame.rgb.shape] * 5
