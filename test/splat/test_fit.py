"""Fitting a small table whose truth is known."""

import time
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse
from m3_ros.splat import Fitter, fit
from m3_ros.splat.result import held_out
from m3_ros.splat.scale import scaled

QUICK = dict(voxel_size=0.008, max_iterations=80, refine_poses=False)


@pytest.fixture
def one_thread():
    """Sums of floats then have one order, so equal inputs give equal bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def equal(a, b):
    return all(torch.equal(x, b.tensors[name]) for name, x in a.tensors.items())


def test_held_out_frames_are_rendered_well(table_frames):
    reports = []
    result = fit(table_frames, SplatConfig(**QUICK), lambda *report: reports.append(report))
    assert result.test_frames == (4, 12)
    assert result.psnr_db > 27
    assert result.depth_error_m < 0.003
    assert result.iterations == 80 and result.seconds > 0
    assert result.camtoworlds.shape == (16, 4, 4)
    assert {stage for stage, _ in reports} == {"fit"}
    shares = [share for _, share in reports]
    assert shares == sorted(shares) and 0 < shares[-1] < 1


def test_more_steps_render_held_out_frames_better(table_frames):
    few = fit(table_frames, SplatConfig(**QUICK | {"max_iterations": 5}))
    many = fit(table_frames, SplatConfig(**QUICK))
    assert many.psnr_db > few.psnr_db + 0.5


def test_same_seed_same_result(table_frames, one_thread):
    config = SplatConfig(**QUICK | {"max_iterations": 10})
    assert equal(fit(table_frames, config).gaussians, fit(table_frames, config).gaussians)


def test_a_slow_machine_gives_the_same_result(table_frames, one_thread, monkeypatch):
    config = SplatConfig(**QUICK | {"max_iterations": 10})
    quick = fit(table_frames, config)
    monkeypatch.setattr(time, "perf_counter", count(step=60.0).__next__)
    slow = fit(table_frames, config)
    assert slow.seconds > 600
    assert equal(quick.gaussians, slow.gaussians)


def test_a_fit_that_takes_too_long_ends_and_says_so(table_frames, monkeypatch, caplog):
    fitter = Fitter(SplatConfig(**QUICK | {"max_seconds": 150.0}))
    fitter.add(table_frames[:3])
    monkeypatch.setattr(time, "perf_counter", count(step=60.0).__next__)
    fitter.run()
    assert fitter.iteration == 3
    assert "ended after 3 of 80 steps" in caplog.text and "splat.max_seconds" in caplog.text


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
    assert fitter.step().isfinite()
    assert len(fitter.result().camtoworlds) == 16


def test_a_capped_budget_leaves_the_rest(table_frames):
    config = SplatConfig(**QUICK | {"max_iterations": 10})
    fitter = Fitter(config)
    fitter.add(table_frames[:3])
    fitter.run()
    assert fitter.budget_used == 1.0
    fitter.cap_budget_used(0.75)
    assert fitter.iteration == 8
    fitter.cap_budget_used(0.9)  # less is used already
    assert fitter.iteration == 8
    fitter.run()
    assert fitter.iteration == 10
    fitter.cap_budget_used(0.0)
    assert fitter.budget_used == 0.0


def test_exposure_of_each_frame_is_found(table_frames):
    dark = [
        replace(f, rgb=(f.rgb * (0.7 if i % 2 else 1.0)).astype(np.uint8))
        for i, f in enumerate(table_frames)
    ]
    config = SplatConfig(**QUICK | {"test_every": 0})
    with_exposure = fit(dark, config)
    without = fit(dark, SplatConfig(**QUICK | {"test_every": 0, "refine_exposure": False}))
    assert with_exposure.psnr_db > without.psnr_db + 2


def test_without_frames_it_says_so():
    with pytest.raises(ValueError, match="at least one frame"):
        fit([], SplatConfig(**QUICK))


def test_a_single_frame_without_depth_is_fitted(table_frames):
    result = fit(without_depth(table_frames[:1]), SplatConfig(**QUICK | {"max_iterations": 30}))
    assert result.psnr_db > 18 and np.isnan(result.depth_error_m)


def test_colour_alone_is_enough(ring_frames):
    result = fit(
        without_depth(ring_frames), SplatConfig(**QUICK | {"test_every": 3, "max_iterations": 40})
    )
    assert result.test_frames == (1, 4)
    assert result.psnr_db > 18
    error = np.abs(rendered(result, ring_frames[1])[..., 3] - ring_frames[1].depth)
    assert np.median(error[60:180, 80:240]) < 0.02  # where several frames look


@pytest.mark.parametrize("factor", [0.01, 100.0])
@pytest.mark.parametrize("depth", [True, False])
def test_a_scan_of_any_scale_gives_the_same_pictures(ring_frames, one_thread, factor, depth):
    frames = ring_frames if depth else without_depth(ring_frames)
    config = SplatConfig(**QUICK | {"max_iterations": 6})
    result, other = fit(frames, config), fit([scaled(f, factor) for f in frames], config)
    np.testing.assert_allclose(other.psnr_db, result.psnr_db, atol=0.05)
    shown = rendered(result, frames[2])
    pictured = rendered(other, scaled(frames[2], factor), factor)
    assert np.abs(pictured - shown)[..., :3].mean() < 0.002
    assert np.median(np.abs(pictured[..., 3] / factor - shown[..., 3])) < 1e-3


def without_depth(frames):
    return [replace(frame, depth=np.zeros_like(frame.depth)) for frame in frames]


def rendered(result, frame, factor=1.0):
    viewmat, K = (torch.from_numpy(x).float()[None] for x in (inverse(frame.camtoworld), frame.K))
    size = frame.width, frame.height
    return result.gaussians.render(viewmat, K, *size, near_plane=0.01 * factor)[0][0].numpy()


def test_held_out_frames_are_every_nth_from_the_middle():
    assert held_out(20, 8) == [4, 12]
    assert held_out(5, 8) == []
    assert held_out(20, 0) == []
