"""Fitting a small table whose truth is known."""

import numpy as np
import pytest
import torch

from m3_ros.config import SplatConfig
from m3_ros.splat import Fitter, fit
from m3_ros.splat.checkpoint import load_fit, save_fit
from m3_ros.splat.fit import held_out

QUICK = dict(voxel_size=0.008, max_iterations=80, max_seconds=0.0, refine_poses=False)


@pytest.fixture
def one_thread():
    """Sums of floats then have one order, so equal inputs give equal bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def equal(a, b):
    return all(torch.equal(x, b.tensors[name]) for name, x in a.tensors.items())


def test_explains_frames_it_was_not_shown(table_frames):
    seen = []
    result = fit(table_frames, SplatConfig(**QUICK), lambda done, _: seen.append(done))
    assert result.test_frames == (4, 12)
    assert result.psnr_db > 27
    assert result.depth_error_m < 0.003
    assert result.iterations == 80 and result.seconds > 0
    assert result.camtoworlds.shape == (16, 4, 4)
    assert seen == sorted(seen) and 0 < seen[-1] < 1


def test_more_steps_explain_more(table_frames):
    few = fit(table_frames, SplatConfig(**QUICK | {"max_iterations": 5}))
    many = fit(table_frames, SplatConfig(**QUICK))
    assert many.psnr_db > few.psnr_db + 0.5


def test_same_seed_same_result(table_frames, one_thread):
    config = SplatConfig(**QUICK | {"max_iterations": 10})
    assert equal(fit(table_frames, config).gaussians, fit(table_frames, config).gaussians)


def test_frames_can_be_added_while_it_runs(table_frames):
    config = SplatConfig(**QUICK | {"test_every": 0, "max_iterations": 20})
    fitter = Fitter(config)
    fitter.add(table_frames[:2])
    few = len(fitter.gaussians)
    fitter.run()
    before = fitter.gaussians.means[:few].clone()
    fitter.add(table_frames[2:])
    assert len(fitter.gaussians) > few
    assert torch.equal(fitter.gaussians.means[:few], before)
    assert fitter.step(7, 0.5).isfinite()
    assert len(fitter.result().camtoworlds) == 16


def test_a_killed_fit_goes_on_where_it_was(table_frames, one_thread, tmp_path):
    config = SplatConfig(**QUICK | {"max_iterations": 12})
    whole = fit(table_frames, config)
    first = Fitter(config)
    first.add(table_frames)
    for _ in range(7):
        first.advance()
    save_fit(tmp_path / "fit.safetensors", first)
    second = Fitter(config)
    second.add(table_frames)
    load_fit(tmp_path / "fit.safetensors", second)
    second.run()
    assert second.iteration == 12
    assert equal(second.gaussians, whole.gaussians)
    other = Fitter(config)
    other.add(table_frames[:3])
    with pytest.raises(ValueError, match="fit of"):
        load_fit(tmp_path / "fit.safetensors", other)


def test_a_rewound_fit_has_the_rest_of_its_budget():
    fitter = Fitter(SplatConfig(max_iterations=10, max_seconds=5.0))
    fitter.iteration, fitter.seconds = 10, 1.0
    assert fitter.used == 1.0
    fitter.rewind(0.75)
    assert (fitter.iteration, fitter.seconds) == (8, 4.0)
    fitter.iteration = 3
    fitter.rewind(0.75)
    assert (fitter.iteration, fitter.seconds) == (3, 1.5)
    fitter.rewind(0.0)
    assert fitter.used == 0.0


def test_exposure_of_each_frame_is_found(table_frames):
    from dataclasses import replace

    dark = [
        replace(f, rgb=(f.rgb * (0.7 if i % 2 else 1.0)).astype(np.uint8))
        for i, f in enumerate(table_frames)
    ]
    config = SplatConfig(**QUICK | {"test_every": 0})
    with_exposure = fit(dark, config)
    without = fit(dark, SplatConfig(**QUICK | {"test_every": 0, "refine_exposure": False}))
    assert with_exposure.psnr_db > without.psnr_db + 2


def test_without_frames_or_depth_it_says_so(table_frames):
    from dataclasses import replace

    with pytest.raises(ValueError, match="at least one frame"):
        fit([], SplatConfig(**QUICK))
    blind = replace(table_frames[0], depth=np.zeros_like(table_frames[0].depth))
    with pytest.raises(ValueError, match="must have depth"):
        fit([blind], SplatConfig(**QUICK))


def test_held_out_frames_are_every_nth_from_the_middle():
    assert held_out(20, 8) == [4, 12]
    assert held_out(5, 8) == []
    assert held_out(20, 0) == []
