"""A second robot, a UR5e with two sliding fingers: reaches, plans and grasps with its own file."""

import numpy as np
import pytest

from m3_ros.config import GraspConfig, RobotConfig
from m3_ros.geometry import pose_distance, rpy_to_matrix, se3, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.clearance import open_pose
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.planning import Planner
from m3_ros.robot_model import load_robot

ROBOT = load_robot(RobotConfig(model="ur5e_2f85"))
DH = (  # a, d, alpha: Universal Robots' table of the UR5e
    (0.0, 0.1625, np.pi / 2),
    (-0.425, 0.0, 0.0),
    (-0.3922, 0.0, 0.0),
    (0.0, 0.1333, np.pi / 2),
    (0.0, 0.0997, -np.pi / 2),
    (0.0, 0.0996, 0.0),
)
PLACE = np.array([0.5, 0.1])


@pytest.fixture(scope="module")
def planner():
    return Planner(ROBOT, GraspConfig())


@pytest.fixture(scope="module")
def table():
    """Points of a table top at z = 0, 0.10 m below the arm's base."""
    x, y = np.meshgrid(np.arange(0.25, 0.9, 0.008), np.arange(-0.4, 0.5, 0.008))
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1)


@pytest.fixture(scope="module")
def box():
    """Points on a box of 4 x 7 x 8 cm on the table, its narrow side turned by 0.4 rad."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (2000, 3))
    face = rng.choice([0, 1, 2], len(points))
    points[np.arange(len(points)), face] = np.where(face == 2, 0.5, rng.choice([-0.5, 0.5], 2000))
    points = points * [0.04, 0.07, 0.08] + [0.0, 0.0, 0.04]
    return points @ rpy_to_matrix([0.0, 0.0, 0.4]).T + [*PLACE, 0.0]


@pytest.fixture(scope="module")
def grasps(planner, box, table):
    return grasp_candidates(planner.gripper, box, table, planner.config, 0.2).grasps


def denavit_hartenberg(q):
    T = se3(rpy_to_matrix([0.0, 0.0, np.pi]), [0.0, 0.0, 0.10])  # how the arm is bolted
    for theta, (a, d, alpha) in zip(q, DH, strict=True):
        turn = se3(rpy_to_matrix([0.0, 0.0, theta]), [0.0, 0.0, d])
        T = T @ turn @ se3(rpy_to_matrix([alpha, 0.0, 0.0]), [a, 0.0, 0.0])
    return T


def test_forward_kinematics_are_the_maker_s_table(planner):
    for q in np.random.default_rng(0).uniform(-3.0, 3.0, (20, 6)):
        flange = planner.arm.fk(q, ROBOT.wrist_frame)
        np.testing.assert_allclose(flange, denavit_hartenberg(q), atol=1e-6)


def test_ik_brings_the_tool_back_inside_the_limits(planner):
    arm, found = planner.arm, 0
    for q in np.random.default_rng(1).uniform(-2.5, 2.5, (40, 6)):
        target = arm.fk(q)
        solution = arm.ik(target, restarts=16)
        if solution is not None:
            found += 1
            assert arm.within_limits(solution)
            metres, radians = pose_distance(arm.fk(solution), target)
            assert metres < 2e-5 and radians < 2e-4
    assert found >= 38


def test_no_posture_reaches_farther_than_the_reach(planner):
    arm = planner.arm
    postures = np.random.default_rng(2).uniform(arm.lower, arm.upper, (300, 6))
    wrists = np.array([transform(arm.fk(q), arm.wrist) for q in postures])
    distances = np.linalg.norm(wrists - arm.shoulder, axis=1)
    assert 0.8 * arm.reach < distances.max() <= arm.reach


def test_both_fingers_move_with_the_one_joint(planner):
    q = np.append(ROBOT.home, ROBOT.gripper.position(0.06))
    tool = np.linalg.inv(planner.arm.fk(q))
    for link, z in (("upper_finger", 0.03), ("lower_finger", -0.03)):
        np.testing.assert_allclose((tool @ planner.arm.fk(q, link))[:3, 3], [0, 0, z], atol=1e-6)


def test_shapes_of_the_urdf_are_those_of_the_robot_s_file(planner):
    """Fingers of the URDF, at an opening, are where the gripper's prisms are."""
    opening = 0.05
    q = np.append(ROBOT.home, ROBOT.gripper.position(opening))
    jaws = planner.gripper.moving_jaws(opening)
    points = np.random.default_rng(3).uniform([0.08, -0.02, -0.06], [0.18, 0.02, 0.06], (4000, 3))
    points = points[points[:, 0] > 0.095]  # beyond the palm
    inside = np.min([jaw.distance(points) for jaw in jaws], axis=0)
    off = planner.collision.off_robot(q, transform(planner.arm.fk(q), points), 0.0)
    clear = np.abs(inside) > 1e-4
    assert (off == (inside > 0.0))[clear].all() and not off.all()


def test_self_collision_does_not_depend_on_closed_fingers(planner):
    for q in (ROBOT.home, ROBOT.scan):
        assert not planner.collision.self_collision(q)
        assert not planner.collision.self_collision(np.append(q, 0.04))


def test_candidates_centre_the_object_between_the_pads(grasps, box, planner):
    assert len(grasps) > 5
    narrow = rpy_to_matrix([0.0, 0.0, 0.4])[:, 0]
    best = grasps[0]
    assert abs(best.pose[:3, 2] @ narrow) > 0.96 and best.tilt == 0.0
    assert best.width == pytest.approx(0.04, abs=0.006)
    assert best.opening >= best.width - 0.006 and best.pregrasp_aperture <= 0.085
    middle = transform(np.linalg.inv(best.pose), box).mean(0)
    assert abs(middle[2]) < 0.003
    assert np.linalg.norm(best.middle[:2] - PLACE) < 0.02
    tips = transform(best.pose, planner.gripper.tips)
    assert 0.0 < tips[2] < 0.08


def test_the_open_fingers_touch_nothing_on_the_way(grasps, box, planner):
    for grasp in grasps[:5]:
        jaws = planner.gripper.moving_jaws(grasp.pregrasp_aperture)
        for back in np.linspace(0.0, planner.config.approach_distance, 12):
            pose = open_pose(grasp.pose, planner.gripper.touch_distance(0.015))
            pose[:3, 3] -= back * grasp.approach
            local = transform(np.linalg.inv(pose), box)
            assert min(jaw.distance(local).min() for jaw in jaws) > 0.004


def test_it_plans_the_grasp_of_a_box(grasps, box, table, planner):
    scene = Scene(np.concatenate([table, box]))
    plan = planner.plan_grasp(ROBOT.home, grasps, scene, box)
    assert list(plan.phases) == ["pre-grasp", "approach", "touch", "lift"]
    at_object = planner.arm.fk(plan.phases["touch"].positions[-1])
    metres, radians = pose_distance(at_object, plan.grasp.pose)
    assert metres < 1e-4 and radians < 1e-3
    lifted = planner.arm.fk(plan.phases["lift"].positions[-1])
    assert lifted[2, 3] - at_object[2, 3] == pytest.approx(planner.config.lift_height, abs=1e-4)
    for phase in plan.phases.values():
        for q in phase.positions[::5]:
            assert not planner.collision.self_collision(q)


def test_no_grasp_is_wider_than_the_gripper_allows(box, planner, table):
    wide = (box - [*PLACE, 0.0]) * [2.0, 1.5, 1.0] + [*PLACE, 0.0]
    grasps = grasp_candidates(planner.gripper, wide, table, planner.config).grasps
    assert all(grasp.width <= ROBOT.gripper.max_width for grasp in grasps)
    assert all(grasp.pregrasp_aperture <= ROBOT.gripper.max_opening for grasp in grasps)
    huge = (box - [*PLACE, 0.0]) * [4.0, 4.0, 0.3] + [*PLACE, 0.0]
    assert not grasp_candidates(planner.gripper, huge, table, planner.config).grasps
