from itertools import pairwise

import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.planning import PlanError
from m3_ros.grasp.robot import MotionCancelled
from m3_ros.robot_model import load_robot

ROBOT = load_robot()
JAWS = ROBOT.gripper.links
GRIPPER = make_gripper(ROBOT)
HOME, SCAN = ROBOT.home, ROBOT.scan

CONFIG = GraspConfig()


@pytest.fixture(scope="module")
def scene(table):
    return Scene(table)


@pytest.fixture(scope="module")
def planned(planner, table, box_points):
    own = box_points((0.04, 0.05, 0.06), (0.7, 0.05))
    found = grasp_candidates(GRIPPER, own, table, CONFIG)
    scene = Scene(np.concatenate([table, own]))
    return planner.plan_grasp(HOME, found.grasps, scene, own), own


def test_a_free_move_is_direct(planner, scene):
    motion = planner.plan_joint_motion(HOME, SCAN, scene)
    assert np.allclose(motion.positions[[0, -1]], [HOME, SCAN])
    share = (motion.positions - HOME)[:, 1] / (SCAN - HOME)[1]
    assert np.allclose(motion.positions, HOME + share[:, None] * (SCAN - HOME), atol=1e-6)


def test_a_move_goes_around_what_is_in_the_way(planner, table):
    start, goal = SCAN + [0.9, 0, 0, 0, 0, 0], SCAN - [0.9, 0, 0, 0, 0, 0]
    tip = planner.arm.fk(SCAN)[:3, 3]
    post = np.array([tip + [0.06, 0.0, z] for z in np.arange(-0.5, 0.05, 0.02)])
    scene = Scene(np.concatenate([table, post]))
    assert not planner.is_motion_valid(start, goal, scene)
    motion = planner.plan_joint_motion(start, goal, scene)
    for time in np.arange(0.0, motion.duration, 0.02):
        assert planner.collision.clearance(motion.sample(time)[0], scene) > 0.0
    assert np.abs(motion.velocities).max() <= CONFIG.max_joint_velocity + 1e-9


def test_a_goal_inside_something_is_refused(planner):
    inside = Scene(planner.arm.fk(SCAN)[None, :3, 3])
    with pytest.raises(PlanError, match="touches"):
        planner.plan_joint_motion(HOME, SCAN, inside)


def test_the_phases_of_a_grasp_follow_each_other(planned):
    plan, _ = planned
    assert list(plan.phases) == ["pre-grasp", "approach", "touch", "lift"]
    assert np.allclose(plan.phases["pre-grasp"].positions[0], HOME)
    for before, after in pairwise(plan.phases.values()):
        assert np.allclose(before.positions[-1], after.positions[0], atol=1e-6)
    speeds = [np.abs(phase.velocities).max() for phase in plan.phases.values()]
    assert max(speeds) <= CONFIG.max_joint_velocity + 1e-6


def test_approach_touch_and_lift_are_straight(planner, planned):
    plan, _ = planned

    def tips(phase):
        return np.array([planner.arm.fk(q)[:3, 3] for q in plan.phases[phase].positions])

    for phase, way in (
        ("approach", plan.grasp.approach * CONFIG.approach_distance),
        ("touch", plan.grasp.pose[:3, 2] * CONFIG.jaw_clearance),
        ("lift", np.array([0.0, 0.0, CONFIG.lift_height])),
    ):
        path = tips(phase) - tips(phase)[0]
        assert np.allclose(path[-1], way, atol=1e-4)
        along = path @ way / (way @ way)
        assert np.abs(path - np.outer(along, way)).max() < 1e-3
    assert np.allclose(tips("lift")[0], plan.grasp.pose[:3, 3], atol=1e-4)


def test_no_link_but_the_jaws_comes_near_anything(planner, planned, table):
    plan, own = planned
    scene = Scene(np.concatenate([table, own]))
    for phase in plan.phases.values():
        for q in phase.positions[::3]:
            assert planner.collision.clearance(q, scene, JAWS) > 0.0
            assert not planner.collision.self_collision(q)


def test_what_is_too_far_is_unreachable(planner, table, box_points):
    own = box_points((0.04, 0.05, 0.06), (1.6, 0.0))
    grasps = grasp_candidates(GRIPPER, own, table, CONFIG).grasps
    with pytest.raises(PlanError) as caught:
        planner.plan_grasp(HOME, grasps, Scene(own), own)
    assert caught.value.unreachable


def test_a_wall_makes_it_impossible_but_not_unreachable(planner, table, box_points):
    own = box_points((0.04, 0.05, 0.06), (0.7, 0.0))
    y, z = np.meshgrid(np.arange(-0.3, 0.3, 0.01), np.arange(0.1, 0.5, 0.01))
    lid = np.stack([0.7 + 0 * y, y, z], axis=-1).reshape(-1, 3)
    grasps = grasp_candidates(GRIPPER, own, table, CONFIG).grasps[:6]
    with pytest.raises(PlanError) as caught:
        planner.plan_grasp(HOME, grasps, Scene(np.concatenate([table, own, lid])), own)
    assert not caught.value.unreachable


def test_a_line_out_of_reach_is_refused(planner):
    with pytest.raises(PlanError, match="reach"):
        planner.linear_path(planner.arm.fk(SCAN), np.array([0.8, 0.0, 0.0]), SCAN)


def test_the_shoulder_is_where_joint2_turns(planner):
    before, after = (planner.arm.fk(q, "z1_link02") for q in (HOME, SCAN))
    assert np.allclose(before[:3, 3], planner.arm.shoulder)
    assert np.allclose((inverse(before) @ after)[:3, 3], 0.0, atol=1e-9)


def test_a_planner_with_more_clearance_stays_farther_off(planner):
    tip = planner.arm.fk(SCAN, "z1_gripper_stator") @ [0.2, 0.0, 0.0, 1.0]
    beyond = [Scene(tip[None, :3] + [[0.0, 0.0, -d]]) for d in np.arange(0.0, 0.1, 0.002)]
    clearance = np.array([planner.collision.clearance(SCAN, scene) for scene in beyond])
    for limit in (0.01, 0.03):
        free = [planner.with_clearance(limit).is_valid(SCAN, scene) for scene in beyond]
        np.testing.assert_array_equal(free, clearance >= limit)
    assert planner.config.scene_clearance < 0.01


def test_a_search_that_is_cancelled_ends_at_its_next_check(planner, table, box_points):
    checks = iter([False] * 5)
    cancelled = planner.until(lambda: next(checks, True))
    tip = planner.arm.fk(SCAN)[:3, 3]
    with pytest.raises(MotionCancelled, match="while planning"):
        cancelled.plan_joint_motion(HOME, SCAN, Scene(tip[None] - [0.0, 0.0, 1.0]))
    assert next(checks, None) is None
    planner.plan_joint_motion(HOME, SCAN, Scene(tip[None] - [0.0, 0.0, 1.0]))


@pytest.mark.parametrize("number", [0, 1, 100])
def test_the_search_for_candidates_ends_at_its_next_check(planner, table, box_points, number):
    checks = iter([False] * number)
    cancelled = planner.until(lambda: next(checks, True))
    own = box_points((0.04, 0.05, 0.06), (0.7, 0.05))
    with pytest.raises(MotionCancelled, match="while planning"):
        grasp_candidates(GRIPPER, own, table, CONFIG, check=cancelled.check_cancelled)
    assert next(checks, None) is None
