"""Depth from colour: right where it is given, and only where it is wanted."""

from dataclasses import replace

import numpy as np

from m3_ros.splat.stereo import estimate_depth


def without_depth(frames):
    return [replace(frame, depth=np.zeros_like(frame.depth)) for frame in frames]


def test_it_is_near_the_truth(ring_frames):
    (depth,) = estimate_depth(without_depth(ring_frames), [2], 0.6)
    known = depth > 0
    assert known.mean() > 0.2
    errors = np.abs(depth - ring_frames[2].depth)[known]
    assert np.median(errors) < 0.006 and np.quantile(errors, 0.9) < 0.03


def test_measured_depth_is_left_alone(ring_frames):
    half = ring_frames[2].depth.copy()
    half[:, 160:] = 0
    frames = without_depth(ring_frames)
    frames[2] = replace(frames[2], depth=half)
    (depth,) = estimate_depth(frames, [2], 0.6)
    assert not depth[:, :160].any() and depth[:, 170:].any()
    assert not estimate_depth(frames, [2], 0.4)[0].any()


def test_a_frame_that_shares_nothing_with_others_gets_none(ring_frames):
    assert not estimate_depth(without_depth(ring_frames[:1]), [0], 0.6)[0].any()


def test_masked_pixels_get_none(ring_frames):
    mask = np.ones(ring_frames[2].depth.shape, bool)
    mask[:120] = False
    frames = without_depth(ring_frames)
    frames[2] = replace(frames[2], mask=mask)
    (depth,) = estimate_depth(frames, [2], 0.6)
    assert not depth[:118].any() and depth[122:].any()
