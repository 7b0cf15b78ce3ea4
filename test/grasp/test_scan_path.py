import numpy as np
import pytest

from m3_ros.grasp.collision import Scene
from m3_ros.grasp.planning import PlanError
from m3_ros.grasp.robot import MotionCancelled
from m3_ros.grasp.scan_path import (
    ScanPath,
    enough_views,
    follow_scan,
    scan_path,
    view_from,
    viewpoint,
)
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
CAMERA_FRAME, HOME, SCAN = ROBOT.camera_frame, ROBOT.home, ROBOT.scan

CENTER = np.array([0.75, 0.0, -0.05])


@pytest.fixture(scope="module")
def path(planner, table):
    return scan_path(planner, CENTER, Scene(table), HOME)


def test_the_table_is_seen_from_at_least_forty_viewpoints(path):
    assert len(path.positions) >= 40
    assert path.wanted == 60


def test_every_view_looks_at_its_middle_from_its_distance(planner, path):
    looks = {0.3: CENTER, 0.45: CENTER - [0.15, 0.0, 0.0]}
    counts = dict.fromkeys(looks, 0)
    for q in path.positions:
        T = planner.arm.fk(q, CAMERA_FRAME)
        for distance, middle in looks.items():
            counts[distance] += np.allclose(T[:3, 3] + distance * T[:3, 2], middle, atol=1e-3)
    assert sum(counts.values()) == len(path.positions) and counts[0.45] >= 5


def test_the_first_views_show_a_tall_thing_beside_the_arm(planner, path):
    top = np.array([0.62, -0.03, 0.06])  # of a can of 14 cm, in base_link
    shown = 0
    for q in path.positions[:8]:
        x, y, z = np.linalg.inv(planner.arm.fk(q, CAMERA_FRAME))[:3] @ np.append(top, 1.0)
        shown += z > 0.1 and abs(x / z) < 0.8 and -0.6 < y / z < 0.2  # below, the gripper hides
    assert shown >= 3


def test_views_surround_the_middle(planner, path):
    eyes = np.array([planner.arm.fk(q, CAMERA_FRAME)[:2, 3] for q in path.positions]) - CENTER[:2]
    azimuths = np.sort(np.arctan2(eyes[:, 1], eyes[:, 0]))
    assert np.diff(np.append(azimuths, azimuths[0] + 2 * np.pi)).max() < np.radians(30.0)


def test_every_view_is_free_and_inside_the_limits(planner, path, table):
    assert planner.arm.within_limits(path.positions)
    assert all(planner.is_valid(q, Scene(table)) for q in path.positions)


def test_the_path_begins_from_above_and_moves_in_small_steps(planner, path):
    heights = [planner.arm.fk(q, CAMERA_FRAME)[2, 3] for q in path.positions]
    assert heights[0] > max(heights) - 1e-4 and heights[-1] < heights[0] - 0.05
    steps = np.abs(np.diff(path.positions, axis=0)).max(1)
    assert np.median(steps) < 0.4


def test_a_middle_out_of_reach_is_refused(planner):
    with pytest.raises(PlanError, match="of 60 viewpoints") as caught:
        scan_path(planner, np.array([2.0, 0.0, 0.0]), Scene(np.zeros((0, 3))), HOME)
    assert caught.value.unreachable


def test_a_viewpoint_on_an_object(planner, table):
    center = np.array([0.68, 0.12, -0.04])
    q = viewpoint(planner, center, Scene(table), SCAN, 0.28)
    T = planner.arm.fk(q, CAMERA_FRAME)
    assert np.allclose(T[:3, 3] + 0.28 * T[:3, 2], center, atol=1e-3)
    with pytest.raises(PlanError):
        viewpoint(planner, np.array([2.0, 0.0, 0.0]), Scene(table), SCAN, 0.28)


def test_view_from_stands_on_the_sphere():
    T = view_from(CENTER, 0.3, np.radians(60.0), 1.0)
    out = T[:3, 3] - CENTER
    assert np.linalg.norm(out) == pytest.approx(0.3)
    assert np.degrees(np.arcsin(out[2] / 0.3)) == pytest.approx(60.0)
    assert np.arctan2(out[1], out[0]) == pytest.approx(1.0)


def test_blocked_viewpoints_are_counted_as_skipped_and_not_visited(planner, robot):
    here = robot.joint_state().arm
    near, beyond = here + 0.1, planner.arm.upper + 0.5
    path = ScanPath(np.array([near, beyond, here]), 3)
    assert list(follow_scan(robot, planner, path)) == [(1, 0), (1, 1), (2, 1)]
    assert np.allclose(robot.joint_state().arm, here)


def test_a_cancel_between_motions_ends_a_scan_whose_viewpoints_are_blocked(planner, robot):
    """No motion that looks at the cancel itself begins any more."""
    beyond = planner.arm.upper + 0.5
    counts, answers = [], iter([False, True])
    path = ScanPath(np.tile(beyond, (5, 1)), 5)
    with pytest.raises(MotionCancelled):
        for count in follow_scan(robot, planner, path, lambda: next(answers)):
            counts.append(count)
    assert counts == [(0, 1)]


def test_the_search_for_viewpoints_can_be_cancelled(planner):
    answers = iter([False, False, True])
    with pytest.raises(MotionCancelled):
        scan_path(planner, CENTER, Scene(np.zeros((0, 3))), HOME, cancelled=lambda: next(answers))


def test_a_scan_needs_two_thirds_of_its_viewpoints():
    assert enough_views(40, 60) and not enough_views(39, 60)
