"""Recovery of poses with hand-eye and odometry errors of a centimetre and a degree."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import inverse, look_at, pose_distance, se3
from m3_ros.splat.alignment import align_frames


def error_pose(rng):
    """A motion of 1 cm and 1 degree in a random direction."""
    axis, shift = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    return se3(Rotation.from_rotvec(axis * np.radians(1)).as_matrix(), 0.01 * shift)


def errors(poses, truth):
    """Median distance (m, degrees) to the truth, apart from a motion of the whole world."""
    rotation = Rotation.from_matrix((poses @ inverse(truth))[:, :3, :3]).mean().as_matrix()
    shift = poses[:, :3, 3].mean(0) - rotation @ truth[:, :3, 3].mean(0)
    poses = inverse(se3(rotation, shift)) @ poses
    distances = [pose_distance(a, b) for a, b in zip(poses, truth, strict=True)]
    metres, radians = np.median(distances, axis=0)
    return metres, np.degrees(radians)


@pytest.mark.parametrize("kind", ["odometry", "hand-eye"])
def test_errors_of_a_centimetre_and_a_degree_are_recovered(table_frames, kind):
    rng = np.random.default_rng(3)
    common = error_pose(rng)
    moved = [
        replace(f, camtoworld=f.camtoworld @ (common if kind == "hand-eye" else error_pose(rng)))
        for f in table_frames
    ]
    truth = np.stack([f.camtoworld for f in table_frames])
    before = errors(np.stack([f.camtoworld for f in moved]), truth)
    after = errors(align_frames(moved), truth)
    assert before[0] > 0.004 and before[1] > 0.5
    assert after[0] < 0.002 and after[1] < 0.2


def test_right_poses_stay(table_frames):
    poses = align_frames(table_frames)
    assert np.array_equal(poses, np.stack([f.camtoworld for f in table_frames]))


def test_errors_of_rotation_alone_are_recovered(table_frames):
    """Half a degree moves a picture by 3 px at 640 px, and the camera not at all."""
    rng, frames = np.random.default_rng(3), table_frames[::2]
    moved = []
    for frame in frames:
        axis = rng.normal(size=3)
        half = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.radians(0.5))
        turn = se3(half.as_matrix(), np.zeros(3))
        moved.append(replace(frame, camtoworld=frame.camtoworld @ turn))
    truth = np.stack([f.camtoworld for f in frames])
    assert errors(align_frames(moved), truth)[1] < 0.15


def test_one_wrong_pose_among_right_ones_is_recovered(table_frames):
    wrong, frames = error_pose(np.random.default_rng(3)), table_frames[::2]
    moved = list(frames)
    moved[5] = replace(moved[5], camtoworld=moved[5].camtoworld @ wrong)
    metres, radians = pose_distance(align_frames(moved)[5], frames[5].camtoworld)
    assert metres < 0.003 and np.degrees(radians) < 0.2


def test_fixed_frames_stay_and_the_new_one_joins_them(table_frames):
    rng = np.random.default_rng(0)
    new = replace(table_frames[9], camtoworld=table_frames[9].camtoworld @ error_pose(rng))
    poses = align_frames([*table_frames[:9], new], fixed=9)
    truth = np.stack([f.camtoworld for f in table_frames[:10]])
    assert np.array_equal(poses[:9], truth[:9])
    metres, radians = pose_distance(poses[9], truth[9])
    assert metres < 0.003 and np.degrees(radians) < 0.4


def test_depth_at_every_other_pixel_is_enough(large_table_frames):
    rng = np.random.default_rng(5)
    dots = np.zeros((240, 320), bool)
    dots[::2, ::2] = True
    moved = [
        replace(f, camtoworld=f.camtoworld @ error_pose(rng), depth=f.depth * dots)
        for f in large_table_frames
    ]
    truth = np.stack([f.camtoworld for f in large_table_frames])
    after = errors(align_frames(moved), truth)
    assert after[0] < 0.003 and after[1] < 0.3


def test_a_frame_that_shows_next_to_nothing_does_not_move_the_others(table_frames):
    """Sixteen noisy pixels do not determine a pose; its motion must not count in the mean."""
    rng = np.random.default_rng(3)
    moved = [replace(f, camtoworld=f.camtoworld @ error_pose(rng)) for f in table_frames]
    depth = moved[4].depth + rng.normal(0, 0.01, moved[4].depth.shape)
    few = np.zeros_like(depth)
    few[45:49, 60:64] = depth[45:49, 60:64]
    moved[4] = replace(moved[4], depth=few.astype(np.float32))
    given, poses = np.stack([f.camtoworld for f in moved]), align_frames(moved)
    assert np.array_equal(poses[4], given[4])
    rest = np.delete(np.arange(len(poses)), 4)
    together = (poses - given)[rest, :3, 3].mean(0)
    assert np.linalg.norm(together) < 0.001
    truth = np.stack([f.camtoworld for f in table_frames])
    metres, degrees = errors(poses[rest], truth[rest])
    assert metres < 0.002 and degrees < 0.2


def test_sparse_depth_corrects_nothing():
    rng = np.random.default_rng(0)
    K = np.array([[100.0, 0, 32], [0, 100.0, 24], [0, 0, 1]])
    frames = []
    for x in (0.0, 0.1, 0.2):
        rgb = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        depth = np.where(rng.random((48, 64)) < 0.3, 0.5, 0.0).astype(np.float32)
        frames.append(RgbdFrame(rgb, depth, K, look_at([x, 0.1, 0.5], [0, 0, 0])))
    given = np.stack([frame.camtoworld for frame in frames])
    np.testing.assert_array_equal(align_frames(frames), given)


def test_a_correction_that_other_points_do_not_confirm_is_not_kept(table_frames, monkeypatch):
    from m3_ros.splat import alignment

    rng = np.random.default_rng(3)
    wrong = iter([error_pose(rng) for _ in range(10_000)])
    monkeypatch.setattr(alignment, "_gauss_newton_step", lambda *_: next(wrong))
    monkeypatch.setattr(alignment, "LEVELS", ((160, 1),))
    given = np.stack([frame.camtoworld for frame in table_frames])
    poses = align_frames(table_frames)
    assert np.array_equal(poses, given)
