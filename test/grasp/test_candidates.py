import re

import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.candidates import grasp_candidates
from m3_ros.grasp.clearance import open_pose
from m3_ros.grasp.directions import grasp_directions
from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.scoring import WEIGHTS
from m3_ros.robot_model import load_robot

GRIPPER = make_gripper(load_robot())
CONFIG = GraspConfig()
PLACE = (0.7, 0.05)
TABLE_Z = -0.08
AZIMUTH = 0.3
EVERY = 5000  # more candidates than there are


def block(size, step=0.008, place=PLACE):
    """Grid points on top and sides of a box on the table, at most about `step` apart."""
    counts = [max(round(side / step), 1) + 1 for side in size]
    axes = [
        np.linspace(low, low + 1.0, n) for low, n in zip((-0.5, -0.5, 0.0), counts, strict=True)
    ]
    unit = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 3)
    on_surface = (np.abs(unit[:, :2]) == 0.5).any(1) | (unit[:, 2] == 1.0)
    return unit[on_surface] * size + [*place, TABLE_Z]


def grasps_of(points, scene=(), limit=EVERY):
    """All grasps of an object on the table, without a support among the points."""
    scene = np.reshape(scene, (-1, 3))
    return grasp_candidates(GRIPPER, points, scene, CONFIG, AZIMUTH, table_z=TABLE_Z, limit=limit)


def jaws_at(opening):
    return (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(opening))


def lowest(grasp):
    """Height of the lowest point of the jaws as they meet the object."""
    corners = np.concatenate([jaw.corners() for jaw in jaws_at(grasp.opening)])
    return transform(grasp.pose, corners)[:, 2].min()


def from_above(grasps):
    return [grasp for grasp in grasps if grasp.approach[2] < -0.999]


def depths(points, grasps):
    """How far the jaws of vertical grasps reach below the top of the object."""
    return np.array([points[:, 2].max() - lowest(grasp) for grasp in from_above(grasps)])


def closing(grasp):
    """Direction in which the moving jaw lies, perpendicular to the approach."""
    z = grasp.pose[:3, 2]
    across = z - (z @ grasp.approach) * grasp.approach
    return across / np.linalg.norm(across)


@pytest.fixture(scope="module")
def post():
    """A post of 15 cm, which may be held at any depth from any side."""
    return block((0.03, 0.03, 0.15))


@pytest.fixture(scope="module")
def post_grasps(post):
    return grasps_of(post).grasps


@pytest.fixture(scope="module")
def rod():
    """24 points of a rod: 10 of them within 2 cm of its top."""
    heights = TABLE_Z + 0.01 + 0.0045 * np.arange(12)
    return np.array([[PLACE[0] + x, PLACE[1], z] for x in (-0.01, 0.01) for z in heights])


def test_a_low_object_is_held_just_above_the_table_or_a_little_higher():
    low = block((0.04, 0.04, 0.02))
    reached = depths(low, grasps_of(low).grasps)
    deepest = 0.02 - CONFIG.table_clearance - 0.001
    assert deepest - 1e-4 < reached.max() < deepest + 4e-4
    assert deepest - 0.0043 < reached.min() < deepest - 0.003


def test_an_object_of_fifteen_millimetres_is_held_by_ten():
    flat = block((0.04, 0.04, 0.015))
    reached = depths(flat, grasps_of(flat).grasps)
    assert len(reached) and reached.min() > 0.0098 and reached.max() < 0.0112


def test_twenty_points_are_enough_for_an_object(rod):
    assert grasps_of(rod[2:22], limit=1).grasps
    assert "19 points on the object" in grasps_of(rod[:19]).reason


def test_bad_points_are_named():
    with pytest.raises(ValueError, match="object_points"):
        grasp_candidates(GRIPPER, np.zeros((5, 2)), np.zeros((0, 3)), CONFIG)
    with pytest.raises(ValueError, match="scene_points"):
        grasp_candidates(GRIPPER, np.zeros((30, 3)), np.full((3, 3), np.nan), CONFIG)


def test_slanted_jaws_reach_down_to_the_table_too():
    """The height is measured along the approach."""
    low = block((0.04, 0.04, 0.03))
    slanted = [grasp for grasp in grasps_of(low).grasps if grasp.approach[2] > -0.99]
    heights = np.array([lowest(grasp) - TABLE_Z for grasp in slanted])
    assert len(slanted) > 20
    assert heights.min() > CONFIG.table_clearance - 1e-9
    assert heights.min() < CONFIG.table_clearance + 0.002


def test_a_short_bar_is_held_at_its_middle():
    bar = block((0.03, 0.08, 0.025))
    across = [g for g in from_above(grasps_of(bar).grasps) if abs(closing(g)[0]) > 0.999]
    assert {round(float(grasp.middle[1] - PLACE[1]), 3) for grasp in across} == {0.0}


def test_ten_points_are_enough_to_close_on(rod):
    shallowest = min(grasp.terms["deep"] for grasp in grasps_of(rod).grasps)
    assert shallowest == pytest.approx(0.02 / 0.045, abs=1e-6)


def test_the_jaws_come_from_all_directions(post_grasps):
    """A post has room on all sides: nothing but the directions limits them."""
    tried = list(grasp_directions(AZIMUTH))
    for approach, _ in tried:
        assert any(np.allclose(grasp.approach, approach) for grasp in post_grasps)
    found = [np.append(grasp.approach, closing(grasp)) for grasp in post_grasps]
    for directions in tried:
        assert np.abs(found - np.concatenate(directions)).max(1).min() < 1e-9
    for grasp in post_grasps:
        assert np.linalg.det(grasp.pose[:3, :3]) == pytest.approx(1.0)


def test_tips_reach_past_the_near_side_in_steps_of_one_centimetre(post, post_grasps):
    shares = {round(grasp.terms["deep"] * 0.045, 3) for grasp in post_grasps}
    assert shares == {0.02, 0.03, 0.04, 0.045}  # deeper than 4.5 cm is not better
    reached = depths(post, post_grasps)
    for depth in (0.02, 0.03, 0.04, 0.05, 0.06):  # the moving jaw, not yet on the pads, a bit less
        assert ((reached > depth - 0.0048) & (reached < depth + 0.0005)).any()


def test_the_middle_of_a_grasp_is_that_of_what_it_holds(post, post_grasps):
    top = np.array([*PLACE, post[:, 2].max()])
    for grasp in from_above(post_grasps):
        x, y, z = grasp.middle - top
        assert np.hypot(x, y) < 0.002
        held = top[2] - lowest(grasp)  # from the top to the tips, in grid steps of 8 mm
        assert -z == pytest.approx(held / 2, abs=0.0065)


def test_the_palm_limits_the_depth():
    """6.4 cm below its top the tips are 5 mm above the table, and the palm 3 mm off the top."""
    box = block((0.03, 0.03, 0.069))
    assert 0.0638 < depths(box, grasps_of(box).grasps).max() < 0.0645


def test_a_bar_is_held_at_its_middle_and_toward_both_ends():
    """Halfway to where the pads, 6.4 cm wide, would be flush with the ends."""
    bar = block((0.03, 0.088, 0.025))
    across = [g for g in from_above(grasps_of(bar).grasps) if abs(closing(g)[0]) > 0.999]
    for side in (-1.0, 1.0):  # wherever the moving jaw is
        those = [grasp for grasp in across if side * closing(grasp)[0] > 0.0]
        offsets = {round(float(grasp.middle[1] - PLACE[1]), 3) for grasp in those}
        assert offsets == {-0.006, 0.0, 0.006}


def test_the_width_is_that_of_the_part_between_the_pads():
    wedge = block((0.02, 0.12, 0.025))
    wedge[:, 0] += (wedge[:, 0] - PLACE[0]) * (wedge[:, 1] - PLACE[1]) / 0.06  # 0 to 4 cm wide
    across = [g for g in from_above(grasps_of(wedge).grasps) if abs(closing(g)[0]) > 0.999]
    offsets = np.array([grasp.middle[1] - PLACE[1] for grasp in across])
    widths = np.array([grasp.width for grasp in across])
    assert widths[offsets > 0.005].min() > widths[offsets < -0.005].max() + 0.005


def test_a_few_points_above_an_object_do_not_raise_it():
    box = block((0.03, 0.03, 0.04), step=0.004)
    stray = np.array([[*PLACE, box[:, 2].max() + 0.02 + 0.005 * i] for i in range(5)])
    reached = depths(box, grasps_of(np.concatenate([box, stray])).grasps)
    assert len(reached) and reached.min() > 0.015


@pytest.mark.parametrize(("gap", "apart"), [(0.048, False), (0.056, True)])
def test_parts_are_held_one_by_one_where_a_jaw_fits_between(gap, apart):
    """A jaw of 2 cm and `jaw_clearance` on both of its sides."""
    offset = [gap / 2 + 0.005, 0.0, 0.0]
    wall = block((0.01, 0.03, 0.06))
    grasps = grasps_of(np.concatenate([wall - offset, wall + offset]), limit=300).grasps
    widths = np.array([grasp.width for grasp in grasps if abs(closing(grasp)[0]) > 0.999])
    assert (widths > gap).any() or apart
    assert (widths < 0.02).any() == apart


@pytest.mark.parametrize(("height", "blocked"), [(0.008, False), (0.013, True)])
def test_what_rises_a_centimetre_from_the_table_is_in_the_way(height, blocked):
    grid = np.stack(np.meshgrid(np.arange(-0.12, 0.13, 0.006), np.arange(-0.12, 0.13, 0.006)), -1)
    grid = grid.reshape(-1, 2)
    around = grid[np.abs(grid).max(1) > 0.03]
    scene = np.c_[around + PLACE, np.full(len(around), TABLE_Z + height)]
    grasps = grasps_of(block((0.04, 0.04, 0.03)), scene).grasps
    assert (len(from_above(grasps)) == 0) == blocked


def test_few_grasps_are_the_best_ones(post, post_grasps):
    few = grasps_of(post, limit=5).grasps
    assert len(few) == 5
    middling = np.median([grasp.score for grasp in post_grasps])
    assert min(grasp.score for grasp in few) > middling
    default = grasp_candidates(GRIPPER, post, np.zeros((0, 3)), CONFIG)
    assert len(default.grasps) == 60 and default.reason == ""
    assert {tuple(grasp.approach.round(3)) for grasp in default.grasps} >= {(0.0, 0.0, -1.0)}


def test_a_part_almost_as_wide_as_the_jaws_open_is_closed_on():
    square = block((0.08, 0.1, 0.03), step=0.01)
    assert max(grasp.width for grasp in grasps_of(square, limit=60).grasps) > 0.078


def test_surfaces_that_slope_toward_the_palm_are_not_enclosed():
    rng = np.random.default_rng(0)
    ball = rng.normal(size=(400, 3))
    ball = 0.03 * ball / np.linalg.norm(ball, axis=1, keepdims=True)
    grasps = grasps_of(ball + [*PLACE, TABLE_Z + 0.03], limit=300).grasps
    shallow, deep = ([], [])
    for grasp in from_above(grasps):
        (shallow if grasp.terms["deep"] < 0.5 else deep).append(grasp.terms["enclosed"])
    assert shallow and deep
    assert max(shallow) < min(max(deep), 0.7)


@pytest.mark.parametrize("yaw", [0.0, 1.2])
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
    own = box_points((0.04, 0.06, 0.04), PLACE, count=600)
    neighbour = box_points((0.05, 0.05, 0.10), (0.7, 0.14), count=600)
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
    sparse = block((0.24, 0.3, 0.03), step=0.06)
    wide = grasps_of(sparse[sparse[:, 2] > TABLE_Z + 0.02])
    assert not wide.grasps and "(24 x 30 x 0 cm) is narrower than 8.5 cm" in wide.reason
    wall = [block((0.12, 0.02, 0.2), place=(0.7, y)) for y in (0.005, 0.095)]
    wall += [block((0.02, 0.12, 0.2), place=(x, 0.05)) for x in (0.655, 0.745)]
    walled = grasps_of(block((0.04, 0.04, 0.03)), np.concatenate(wall))
    assert not walled.grasps and re.search(r"in the way \([1-9]\d*\)", walled.reason)


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
