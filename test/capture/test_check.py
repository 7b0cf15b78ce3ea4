"""A scan is compared with itself: wrong units, axes, clocks and jumps are named."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.capture.check import Summariser, compare, consistency_problems, suspicions
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.geometry import inverse, look_at

SIZE = (240, 320)
K = np.array([[300.0, 0, 160], [0, 300.0, 120], [0, 0, 1]])
PERIOD = 0.1


def pose_at(stamp):
    """A hand-held camera: all its directions change, not at an even speed."""
    angle = 0.5 * stamp + 0.15 * np.sin(3 * stamp)
    eye = [1.4 * np.cos(angle), 1.4 * np.sin(angle), 0.8 + 0.3 * np.sin(5 * stamp)]
    return look_at(eye, [0, 0.3 * np.sin(4 * stamp), 0.2 + 0.2 * np.sin(3 * stamp + 1)])


@pytest.fixture(scope="module")
def frames(textured_room):
    poses = [pose_at(index * PERIOD) for index in range(6)]
    return [
        RgbdFrame(*textured_room(pose, K, SIZE), K, pose, index * PERIOD)
        for index, pose in enumerate(poses)
    ]


def problems(frames, metric=True):
    summariser = Summariser(len(frames))
    for frame in frames:
        summariser.add(frame)
    return suspicions(summariser.summary, compare(summariser.summary), metric)


def test_nothing_is_suspicious_in_a_good_scan(frames):
    assert problems(frames) == []


@pytest.mark.parametrize(
    ("factor", "words"),
    [(10, "its unit, which is 0.1 mm"), (0.001, "which is 1 m if"), (1.3, "depth is 1.3 times")],
)
def test_a_wrong_unit_of_depth_is_named(frames, factor, words):
    (problem,) = problems([replace(frame, depth=frame.depth * factor) for frame in frames], False)
    assert words in problem


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda T: T @ np.diag([1.0, -1, -1, 1]), "the camera axes are OpenCV's"),
        (inverse, "the matrices are of the world in the camera, not"),
    ],
)
def test_another_reading_of_the_poses_is_named(frames, change, words):
    wrong = [replace(frame, camtoworld=change(frame.camtoworld)) for frame in frames]
    assert any(words in problem for problem in problems(wrong))


def test_an_offset_of_the_clocks_is_named(frames):
    late = [replace(frame, camtoworld=pose_at(frame.stamp - 0.2)) for frame in frames]
    assert any("+0.20 s after the pictures' stamps" in problem for problem in problems(late))


def test_a_wrong_focal_length_is_named(frames):
    wrong = K * [[0.8, 1, 1], [1, 0.8, 1], [1, 1, 1]]
    (problem,) = problems([replace(frame, K=wrong) for frame in frames])
    told = float(problem.split("focal length is ")[1].split()[0])
    assert told == pytest.approx(300, rel=0.03)


def test_a_jump_and_a_world_upside_down_are_named(frames):
    far = frames[4].camtoworld.copy()
    far[0, 3] += 5.0
    jump = [*frames[:4], replace(frames[4], camtoworld=far), frames[5]]
    assert any("the camera jumps by" in problem for problem in problems(jump))
    flip = np.diag([1.0, -1, -1, 1])
    down = [replace(frame, camtoworld=flip @ frame.camtoworld) for frame in frames]
    assert any("up direction has z = -0.9" in problem for problem in problems(down))


def test_an_import_tells_what_does_not_fit(tmp_path, frames, caplog):
    with ScanWriter(tmp_path / "theirs") as writer:
        for frame in frames:
            writer.add(replace(frame, depth=frame.depth * 10))
    import_scan(tmp_path / "theirs", tmp_path / "ours")
    assert "0.1 mm" in caplog.text


def test_pictures_without_features_are_not_judged(frames):
    plain = [replace(frame, rgb=np.full_like(frame.rgb, 99)) for frame in frames]
    summariser = Summariser(len(plain))
    for frame in plain:
        summariser.add(frame)
    found = compare(summariser.summary)
    assert found.error is None and consistency_problems(found) == []
