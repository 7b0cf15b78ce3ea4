import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, planar_pose, transform
from m3_ros.grasp.base_placement import describe_move, place_base
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.planning import PlanError
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
GRIPPER = make_gripper(ROBOT)
SCAN = ROBOT.scan

HERE = planar_pose(0.0, 0.0, 0.0, 0.58)


@pytest.fixture(scope="module")
def in_map(table, box_points):
    """A box that the arm does not reach from `HERE`, and the table it stands on, in map."""
    return transform(HERE, box_points((0.04, 0.05, 0.06), (0.72, 0.65))), transform(HERE, table)


def test_from_the_new_place_the_object_can_be_grasped(planner, in_map):
    own, others = in_map
    goal = place_base(planner, HERE, own, others)
    own, others = transform(inverse(goal), own), transform(inverse(goal), others)
    grasps = grasp_candidates(GRIPPER, own, others, GraspConfig()).grasps
    assert planner.plan_grasp(SCAN, grasps, Scene(np.concatenate([own, others])), own).phases
    assert goal[2, 3] == pytest.approx(0.58)
    assert np.linalg.norm((inverse(HERE) @ goal)[:2, 3]) < 0.9


def test_the_body_stays_off_the_table(planner, in_map):
    own, others = in_map
    local = transform(inverse(place_base(planner, HERE, own, others)), others)
    inside = (local[:, 0] > -0.55) & (local[:, 0] < 0.51) & (np.abs(local[:, 1]) < 0.25)
    assert not inside.any()


def test_no_place_is_an_error(planner, box_points):
    own = transform(HERE, box_points((0.04, 0.05, 0.06), (0.7, 0.0)))
    x, y = np.meshgrid(np.arange(-2, 3, 0.04), np.arange(-2, 2, 0.04))
    junk = np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.55)], axis=-1)
    with pytest.raises(PlanError, match="no base pose"):
        place_base(planner, HERE, own, junk)


def test_a_move_is_told_in_words():
    goal = HERE @ planar_pose(0.25, -0.1, np.radians(15.0))
    assert describe_move(HERE, goal) == "+0.25 m forward, -0.10 m left, +15 degrees"
