"""Scores of held-out frames: wrong poses and exposures count as they are, and are corrected."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import SplatConfig
from m3_ros.geometry import inverse, se3
from m3_ros.splat import Fitter
from m3_ros.splat.held_out import score_frames
from m3_ros.splat.poses import CameraCorrections
from m3_ros.splat.tracking import track
from m3_ros.splat.training_view import TrainingView


@pytest.fixture(scope="module")
def fitted(ring_frames):
    fitter = Fitter(SplatConfig(max_iterations=40, test_every=0, refine_poses=False))
    fitter.add(ring_frames)
    fitter.run()
    return fitter.gaussians


def scores(gaussians, frame):
    viewmat = torch.from_numpy(inverse(frame.camtoworld)).float()[None]
    views = [TrainingView(frame, 320, "cpu")]
    return score_frames(gaussians, CameraCorrections(viewmat), views, [0], held_out=True)


def moved(frame):
    angle = np.radians(0.7)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    return replace(frame, camtoworld=frame.camtoworld @ se3(turn, [0.004, -0.003, 0.002]))


def test_a_wrong_pose_is_corrected(fitted, ring_frames):
    right, wrong = scores(fitted, ring_frames[2]), scores(fitted, moved(ring_frames[2]))
    assert wrong.as_is.psnr_db < right.as_is.psnr_db - 2
    assert wrong.corrected.psnr_db > right.corrected.psnr_db - 0.1
    assert wrong.corrected.ssim > wrong.as_is.ssim


def test_tracking_finds_the_pose(fitted, ring_frames):
    frame = ring_frames[2]
    start = inverse(moved(frame).camtoworld)
    everything = np.ones(frame.depth.shape, bool)
    found, _ = track(fitted, start, frame.K, frame.rgb, everything)
    before, after = (np.linalg.inv(T)[:3, 3] - frame.camtoworld[:3, 3] for T in (start, found))
    assert np.linalg.norm(after) < 0.5 * np.linalg.norm(before)


def test_another_exposure_is_corrected(fitted, ring_frames):
    frame = ring_frames[2]
    right = scores(fitted, frame)
    dark = scores(fitted, replace(frame, rgb=np.uint8(frame.rgb * 0.6)))
    assert dark.as_is.psnr_db < right.as_is.psnr_db - 5
    assert dark.corrected.psnr_db > right.as_is.psnr_db


def test_the_wrong_scene_is_not_corrected(fitted, ring_frames):
    other = replace(ring_frames[2], rgb=np.ascontiguousarray(ring_frames[2].rgb[::-1, ::-1]))
    assert (
        scores(fitted, other).corrected.psnr_db < scores(fitted, ring_frames[2]).as_is.psnr_db - 5
    )


def test_what_is_fitted_is_not_what_is_scored(fitted, ring_frames):
    """An offset of one half of the picture cannot be fitted to the other half."""
    frame = ring_frames[2]
    rgb = frame.rgb.astype(int)
    rgb[:, :160] += 40
    split = scores(fitted, replace(frame, rgb=np.uint8(rgb.clip(0, 255))))
    assert split.corrected.psnr_db <= split.as_is.psnr_db
