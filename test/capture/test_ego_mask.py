"""The robot's own pixels are masked, and no others."""

import numpy as np
import pytest

from m3_ros.capture.ego_mask import _quantiles, apply_ego_mask, estimate_ego_mask
from m3_ros.capture.frame import RgbdFrame, apply_mask
from m3_ros.geometry import planar_pose

SIZE = (96, 128)
GRIPPER = np.s_[70:96, 40:90]
K = np.array([[100.0, 0, 64], [0, 100.0, 48], [0, 0, 1]])


def scan(count=16, moving=True, gripper_depth=0.12, seed=0):
    """Frames of a changing scene behind a gripper that is always at one place."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        rgb = rng.integers(0, 255, (SIZE[0] // 16, SIZE[1] // 16, 3), dtype=np.uint8)
        rgb = np.kron(rgb, np.ones((16, 16, 1), np.uint8))
        depth = rng.uniform(0.2, 0.5) + rng.uniform(0, 0.1, SIZE).astype(np.float32)
        rgb[GRIPPER], depth[GRIPPER] = 25, gripper_depth
        pose = planar_pose(0.02 * index if moving else 0.0, 0, 0)
        frames.append(RgbdFrame(rgb, depth.astype(np.float32), K, pose))
    return frames


@pytest.mark.parametrize("depth", [0.12, 0.0], ids=["with depth", "without depth"])
def test_the_gripper_is_masked_and_little_else(depth):
    mask = estimate_ego_mask(scan(gripper_depth=depth))
    assert not mask[GRIPPER].any()
    outside = np.ones(SIZE, bool)
    outside[60:, 30:100] = False  # the margin around it
    assert mask[outside].mean() > 0.99


def test_a_gripper_under_changing_light_is_masked_whole():
    frames = scan(gripper_depth=0.0)
    for index, frame in enumerate(frames):  # its left half is lit more in some poses
        frame.rgb[70:96, 40:65] += np.uint8(2 * (index % 12))
    assert not estimate_ego_mask(frames)[GRIPPER].any()


def test_what_is_always_overexposed_belongs_to_the_scene():
    frames = scan()
    for frame in frames:
        frame.rgb[:20], frame.depth[:20] = 255, 0.0
    assert estimate_ego_mask(frames)[:20].all()


def test_a_scene_without_a_gripper_is_whole():
    frames = scan(gripper_depth=0.12)
    for frame in frames:
        frame.rgb[GRIPPER], frame.depth[GRIPPER] = frame.rgb[:26, :50], frame.depth[:26, :50]
    assert estimate_ego_mask(frames) is None


def test_a_still_camera_tells_nothing():
    assert estimate_ego_mask(scan(moving=False)) is None


def test_few_frames_tell_nothing():
    assert estimate_ego_mask(scan(count=5)) is None


def test_masked_frames_have_no_depth_off_the_scene():
    for frame in apply_ego_mask(scan()):
        assert not frame.depth[~frame.mask].any() and frame.depth[frame.mask].all()


def test_a_frame_keeps_the_mask_it_brought():
    frames = scan()
    own = np.ones(SIZE, bool)
    own[0] = False
    frames[3] = apply_mask(frames[3], own)
    np.testing.assert_array_equal(apply_ego_mask(frames)[3].mask, own)


def test_quantiles_are_numpys_without_the_loop_over_pixels():
    rng = np.random.default_rng(0)
    depth = rng.random((9, 6, 7)) * (rng.random((9, 6, 7)) > 0.4)
    depth[:, 0, 0], depth[1:, 0, 1] = 0.0, 0.0
    found = _quantiles(np.where(depth > 0, depth, np.inf), (depth > 0).sum(0))
    with pytest.warns(RuntimeWarning, match="All-NaN"):
        wanted = np.nanquantile(np.where(depth > 0, depth, np.nan), [0.1, 0.5, 0.9], axis=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
