"""A jump of odometry is told from noise and from drift."""

import re
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.geometry import se3
from m3_ros.splat.alignment import align_frames
from m3_ros.splat.pose_jump import find_jump, warn_of_jump


def poses(shifts):
    result = np.tile(np.eye(4), (len(shifts), 1, 1))
    result[:, :3, 3] = shifts
    return result


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.002, (60, 3))


def test_a_jump_is_found(noise):
    jump = np.where(np.arange(60)[:, None] >= 37, [0.03, 0.0, -0.01], 0.0)
    index, size = find_jump(poses(noise * 0), poses(noise + jump))
    assert abs(index - 37) <= 1 and size == pytest.approx(np.hypot(0.03, 0.01), abs=0.005)


def test_noise_and_drift_are_no_jump(noise):
    drift = np.linspace(0, 0.05, 60)[:, None] * [1.0, 0.5, 0.0]
    for shifts in (noise, drift, noise + drift, noise * 0):
        assert find_jump(poses(noise * 0), poses(shifts)) is None


def test_few_frames_show_no_jump(noise):
    assert find_jump(poses(noise[:8] * 0), poses(noise[:8] + np.arange(8)[:, None])) is None


def test_a_scan_with_a_jump_is_told_so(table_frames, caplog):
    given = [
        replace(f, camtoworld=se3(np.eye(3), [0.02, 0.0, 0.0]) @ f.camtoworld) if i >= 8 else f
        for i, f in enumerate(table_frames)
    ]
    warn_of_jump(given, align_frames(given))
    assert "jump by" in caplog.text and re.search(r"at frame [789] ", caplog.text)
    caplog.clear()
    warn_of_jump(table_frames, align_frames(table_frames))
    assert not caplog.text
