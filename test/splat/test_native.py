"""The libraries for the instruction sets this processor runs, and what happens without one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from m3_ros.splat import native

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"

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


def render(isa, folder):
    """Image and gradients of one scene by the library of an instruction set."""
    path = folder / f"{isa}.pt"
    script = RENDER.replace("PATH", repr(str(path)))
    environment = os.environ | {"M3_SPLAT_ISA": isa}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    return torch.load(path, weights_only=True)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    return render("baseline", tmp_path_factory.mktemp("baseline"))


@pytest.mark.parametrize("level", [3, 4])
def test_every_instruction_set_renders_what_the_baseline_does(level, baseline, tmp_path):
    if level > native.library().m3_isa_level():
        pytest.skip(f"this processor does not run {native.ISAS[level]}")
    for ours, expected in zip(render(native.ISAS[level], tmp_path), baseline, strict=True):
        assert (ours - expected).norm() <= 2e-4 * expected.norm()


def test_a_missing_library_says_how_to_build_it():
    script = "from m3_ros.splat import native; native.library()"
    environment = os.environ | {"M3_SPLAT_ISA": "none-such"}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True
    )
    assert "ImportError" in result.stderr and "none-such.so" in result.stderr
    assert "cmake -S src -B build/native" in result.stderr


def test_functions_take_no_more_threads_than_cores(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    before = len(os.listdir("/proc/self/task"))
    native.first_nonfinite(torch.ones(100_000))
    assert len(os.listdir("/proc/self/task")) == before


RUN = """
import ctypes, runpy, sys, types
sys.modules["m3_ros.nodes.node"] = types.SimpleNamespace(main=lambda: None)
runpy.run_path(SCRIPT)
ctypes.CDLL(LIBRARY)
"""


@pytest.mark.parametrize("name", ["m3", "node"])
def test_threads_of_programs_sleep_while_they_wait(name):
    script = RUN.replace("SCRIPT", repr(str(SCRIPTS / name)))
    environment = {key: value for key, value in os.environ.items() if key[:4] != "OMP_"}
    run = subprocess.run(
        [sys.executable, "-c", script.replace("LIBRARY", repr(native.library()._name))],
        check=True,
        env=environment | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
    )
    # Looks before a thread sleeps; OMP_WAIT_POLICY reads PASSIVE even where it is not set.
    assert "GOMP_SPINCOUNT = '0'" in run.stderr


def test_first_nonfinite_value_is_found():
    x = torch.ones(10_000)
    assert native.first_nonfinite(x) == -1
    x[9_000], x[7_777] = torch.inf, torch.nan
    assert native.first_nonfinite(x) == 7_777
    assert native.first_nonfinite(torch.ones(0)) == -1
