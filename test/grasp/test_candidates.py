import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.clearance import open_pose
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.scoring import WEIGHTS
from m3_ros.robot_model import load_robot

GRIPPER = make_gripper(load_robot())
CONFIG = GraspConfig()
PLACE = (0.7, 0.05)


@pytest.mark.parametrize("yaw", [0.0, 0.5, 1.2])
def test_a_box_is_held_across_its_narrow_side_from_both_sides(box_points, table, yaw):
    points = box_points((0.03, 0.08, 0.05), PLACE, yaw=yaw)
    found = grasp_candidates(GRIPPER, points, table, CONFIG)
    best = found.grasps[:6]
    narrow = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    along = np.array([grasp.pose[:3, 2] @ narrow for grasp in best])
    assert (np.abs(along) > 0.9).all()
    assert along.min() < 0.0 < along.max()
    assert all(0.028 < grasp.width < 0.06 for grasp in best)


def test_the_open_jaws_touch_nothing_on_the_way(box_points, table):
    own = box_points((0.04, 0.06, 0.07), PLACE)
    neighbour = box_points((0.05, 0.05, 0.10), (0.7, 0.14))
    found = grasp_candidates(GRIPPER, own, np.concatenate([table, neighbour]), CONFIG)
    assert found.grasps
    everything = np.concatenate([own, neighbour])
    for grasp in found.grasps:
        jaws = (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(grasp.pregrasp_aperture))
        for back in np.linspace(0.0, CONFIG.approach_distance, 12):
            pose = open_pose(grasp.pose, CONFIG.jaw_clearance)
            pose[:3, 3] -= back * grasp.approach
            local = transform(inverse(pose), everything)
            assert all((jaw.distance(local) > 0.0).all() for jaw in jaws)


def test_jaws_stay_above_the_table(box_points, table):
    found = grasp_candidates(GRIPPER, box_points((0.04, 0.04, 0.03), PLACE), table, CONFIG)
    for grasp in found.grasps:
        corners = np.concatenate(
            [jaw.corners() for jaw in (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(0.5))]
        )
        assert transform(grasp.pose, corners)[:, 2].min() > -0.08


def test_the_bisector_of_the_opening_points_along_the_approach(box_points, table):
    found = grasp_candidates(GRIPPER, box_points((0.04, 0.04, 0.07), PLACE), table, CONFIG)
    tilted = [grasp for grasp in found.grasps if abs(grasp.tilt - grasp.opening / 2) < 0.06]
    assert tilted and all(grasp.tilt > 0.1 for grasp in tilted)
    for grasp in tilted:
        x, z = grasp.pose[:3, 0], grasp.pose[:3, 2]
        bisector = np.cos(grasp.tilt) * x + np.sin(grasp.tilt) * z
        assert np.allclose(bisector, grasp.approach, atol=1e-9)


def test_a_low_wide_thing_is_held_by_jaws_that_share_their_angle(box_points, table):
    """Where one jaw must push farther from the level than the other, it slides out sooner."""
    book = box_points((0.066, 0.09, 0.025), PLACE)
    best = grasp_candidates(GRIPPER, book, table, CONFIG).grasps[0]
    assert best.tilt > 0.45 * best.opening
    jaws = (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(best.opening))
    corners = np.concatenate([jaw.corners() for jaw in jaws])
    above = transform(best.pose, corners)[:, 2].min() - table[0, 2]
    assert CONFIG.table_clearance <= above < CONFIG.table_clearance + 0.01


def test_a_bowl_s_rim_is_not_trusted_to_the_edge_of_the_pocket(table):
    """As the jaws rise a little it slides onto the pads, which push it out unless both alike."""
    rng = np.random.default_rng(0)
    angle, height = rng.uniform(0, 2 * np.pi, 2500), rng.uniform(0, 1, 2500)
    radius = 0.019 * (1 + np.sqrt(height))
    x, y = radius * np.cos(angle) + PLACE[0], radius * np.sin(angle) + PLACE[1]
    bowl = np.stack([x, y, table[0, 2] + 0.031 * height], axis=-1)
    best = grasp_candidates(GRIPPER, bowl, table, CONFIG).grasps[0]
    assert 0.45 < best.tilt / best.opening < 0.55


def test_the_score_is_what_its_terms_say_and_ranks(box_points, table):
    grasps = grasp_candidates(GRIPPER, box_points((0.03, 0.05, 0.06), PLACE), table, CONFIG).grasps
    for grasp in grasps:
        assert grasp.score == pytest.approx(sum(WEIGHTS[k] * v for k, v in grasp.terms.items()))
        assert all(0.0 <= value <= 1.0 + 1e-9 for value in grasp.terms.values())
    assert [g.score for g in grasps] == sorted((g.score for g in grasps), reverse=True)
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_no_grasp_is_an_answer_with_a_reason(box_points, table):
    flat = grasp_candidates(GRIPPER, box_points((0.06, 0.06, 0.004), PLACE), table, CONFIG)
    assert not flat.grasps and "6 mm" in flat.reason
    few = grasp_candidates(GRIPPER, box_points((0.03, 0.03, 0.06), PLACE, count=10), table, CONFIG)
    assert not few.grasps and "20 are needed" in few.reason
    wall = [box_points((0.12, 0.02, 0.2), (0.7, y)) for y in (0.005, 0.095)]
    wall += [box_points((0.02, 0.12, 0.2), (x, 0.05)) for x in (0.655, 0.745)]
    scene = np.concatenate([table, *wall])
    walled = grasp_candidates(GRIPPER, box_points((0.04, 0.04, 0.05), PLACE), scene, CONFIG)
    assert not walled.grasps and "in the way" in walled.reason


def test_too_wide_for_the_jaws(table):
    rng = np.random.default_rng(0)
    angle, height = rng.uniform(0, 2 * np.pi, 3000), rng.uniform(0, 0.1, 3000)
    drum = np.stack([0.7 + 0.08 * np.cos(angle), 0.08 * np.sin(angle), height - 0.08], axis=-1)
    disc = rng.uniform(-0.08, 0.08, (6000, 2))
    disc = disc[np.linalg.norm(disc, axis=1) < 0.08]
    lid = np.c_[disc + [0.7, 0.0], np.full(len(disc), 0.02)]
    found = grasp_candidates(GRIPPER, np.concatenate([drum, lid]), table, CONFIG)
    assert all(grasp.terms["enclosed"] < 0.5 for grasp in found.grasps)


def test_a_grasp_moves_with_its_frame(box_points, table):
    grasp = grasp_candidates(GRIPPER, box_points((0.03, 0.05, 0.06), PLACE), table, CONFIG).grasps[
        0
    ]
    T = np.array([[0.0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]])
    moved = grasp.in_frame(T)
    assert np.allclose(moved.pose, T @ grasp.pose)
    assert np.allclose(moved.approach, T[:3, :3] @ grasp.approach)


def test_bad_points_are_named():
    with pytest.raises(ValueError, match="object_points"):
        grasp_candidates(GRIPPER, np.zeros((5, 2)), np.zeros((0, 3)), CONFIG)
    with pytest.raises(ValueError, match="scene_points"):
        grasp_candidates(GRIPPER, np.zeros((30, 3)), np.full((3, 3), np.nan), CONFIG)
