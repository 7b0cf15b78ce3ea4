"""The libraries for the instruction sets this processor runs, and what happens without one."""

import os
import subprocess
import sys

import pytest
import torch

from m3_ros.splat import native

RENDER = """
import torch
from m3_ros.splat import rasterization
rng = torch.Generator().manual_seed(0)
rand = lambda *shape: torch.rand(*shape, generator=rng)
inputs = [rand(300, 3) * 2 - torch.tensor([1.0, 1.0, -1.0]), rand(300, 4) - 0.5,
          rand(300, 3) * 0.1 + 0.01, rand(300), rand(300, 21)]
inputs = [x.requires_grad_() for x in inputs]
K = torch.tensor([[[60.0, 0, 40], [0, 60, 30], [0, 0, 1]]])
image, alpha, _ = rasterization(*inputs, torch.eye(4)[None], K, 81, 63, render_mode="RGB+D")
(image.square().sum() + alpha.sum()).backward()
torch.save([image.detach(), *(x.grad for x in inputs)], PATH)
"""


@pytest.mark.parametrize("level", [1, 3, 4])
def test_every_instruction_set_renders_the_same(level, tmp_path):
    if level > native.library().m3_isa_level():
        pytest.skip(f"this processor does not run {native.ISAS[level]}")
    results = []
    for name in (native.ISAS[level], "baseline"):
        path = tmp_path / f"{name}.pt"
        environment = os.environ | {"M3_SPLAT_ISA": name}
        script = RENDER.replace("PATH", repr(str(path)))
        subprocess.run([sys.executable, "-c", script], check=True, env=environment)
        results.append(torch.load(path, weights_only=True))
    for ours, baseline in zip(*results, strict=True):
        assert (ours - baseline).norm() <= 2e-4 * baseline.norm()


def test_a_missing_library_says_how_to_build_it():
    script = "from m3_ros.splat import native; native.library()"
    environment = os.environ | {"M3_SPLAT_ISA": "none-such"}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert "ImportError" in result.stderr and "none-such.so" in result.stderr
    assert "cmake -S src -B build/native" in result.stderr


def test_first_nonfinite_value_is_found():
    x = torch.ones(10_000)
    assert native.first_nonfinite(x) == -1
    x[9_000], x[7_777] = torch.inf, torch.nan
    assert native.first_nonfinite(x) == 7_777
    assert native.first_nonfinite(torch.ones(0)) == -1
