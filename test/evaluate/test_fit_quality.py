"""What is said of a fit: beside the sensor's own agreement, and the simulation's truth."""

import numpy as np
import pytest

from m3_ros.evaluate import fit_quality
from m3_ros.evaluate.fit_quality import FitResult, fit_simulated, sensor_agreement
from m3_ros.splat import schedule


def test_a_simulated_fit_is_nearer_the_truth_than_to_the_noisy_sensor(monkeypatch):
    monkeypatch.setattr(fit_quality, "VIEWS", 16)
    monkeypatch.setitem(schedule.EFFORTS, "draft", schedule.Effort(1.0, 8))
    (quality,) = fit_simulated(["draft"])
    assert quality.iterations == 14 and quality.gaussians > 1000
    assert 0 < quality.truth_mm < quality.depth_error_mm < 30
    assert 0 < quality.sensor_mm < 30


def test_agreement_of_shifted_frames_is_their_shift(flat_frames):
    result = FitResult(
        gaussians=None,
        camtoworlds=np.stack([frame.camtoworld for frame in flat_frames]),
        psnr_db=0.0,
        depth_error_m=0.0,
        test_frames=(1,),
        iterations=0,
        seconds=0.0,
    )
    assert sensor_agreement(flat_frames, result) == pytest.approx(0.004, abs=1e-6)


@pytest.fixture
def flat_frames():
    """Three looks at a wall 1 m away; the middle one measures 4 mm too much."""
    from m3_ros.capture.frame import RgbdFrame
    from m3_ros.geometry import planar_pose

    K = np.array([[50.0, 0, 32], [0, 50.0, 24], [0, 0, 1]])
    return [
        RgbdFrame(
            np.zeros((48, 64, 3), np.uint8),
            np.full((48, 64), depth, np.float32),
            K,
            planar_pose(x, 0, 0),
        )
        for x, depth in ((0.0, 1.0), (0.02, 1.004), (0.2, 1.0))
    ]
