import numpy as np
import pytest

from m3_ros.grasp.gripper import make_gripper
from m3_ros.grasp.prism import Prism, clearance
from m3_ros.robot_model import load_robot

GRIPPER = make_gripper(load_robot())

friction_angle = GRIPPER.required_friction_angle


@pytest.mark.parametrize(
    ("width", "opening"), [(0.02, 0.23), (0.04, 0.46), (0.06, 0.72), (0.08, 1.03), (0.09, 1.26)]
)
def test_opening_for_a_width_is_the_measured_gripper_s(width, opening):
    assert GRIPPER.opening_for(width) == pytest.approx(opening, abs=0.01)


def test_closed_jaws_meet_in_one_plane():
    tips = [
        prism.polygon[prism.polygon[:, 0] > 0.13]
        for prism in (GRIPPER.fixed_jaw[1], GRIPPER.moving_jaws(0)[1])
    ]
    assert tips[0][:, 1].max() == pytest.approx(-0.009)
    assert tips[1][:, 1].min() == pytest.approx(-0.009)


def inside(prism, points):
    """Oracle: on the left of every edge of the counter-clockwise polygon, and in the slab."""
    result = np.abs(points[:, 1]) <= prism.half_width
    for a, b in zip(prism.polygon, np.roll(prism.polygon, -1, axis=0), strict=True):
        edge, offset = b - a, points[:, [0, 2]] - a
        result &= edge[0] * offset[:, 1] - edge[1] * offset[:, 0] >= 0.0
    return result


@pytest.mark.parametrize("opening", [0.0, 0.7, 1.4])
def test_distance_is_negative_exactly_inside(opening):
    points = np.random.default_rng(0).uniform([-0.05, -0.06, -0.1], [0.2, 0.06, 0.2], (4000, 3))
    for prism in (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(opening)):
        assert ((prism.distance(points) < 0.0) == inside(prism, points)).all()
        assert inside(prism, points).any()


def test_a_swept_prism_is_all_its_places_on_the_way():
    points = np.random.default_rng(1).uniform([-0.15, -0.04, -0.15], [0.2, 0.04, 0.15], (4000, 3))
    for prism in GRIPPER.fixed_jaw:
        swept = Prism(prism.polygon, prism.half_width, sweep=(-0.08, 0.05))
        on_the_way = np.zeros(len(points), bool)
        for share in np.linspace(0.0, 1.0, 200):
            on_the_way |= inside(prism, points - share * np.array([-0.08, 0.0, 0.05]))
        assert (swept.distance(points) < 1e-9)[on_the_way].all()
        assert (swept.distance(points) < -1e-3).sum() <= on_the_way.sum()


def test_contact_opening_is_where_the_moving_jaw_touches():
    rng = np.random.default_rng(2)
    for _ in range(20):
        radius, angle = rng.uniform(0.055, 0.095), rng.uniform(0.3, 1.2)
        point = np.array([[0.049 + radius * np.cos(angle), 0.0, radius * np.sin(angle)]])
        opening = GRIPPER.contact_opening(point)
        assert clearance(GRIPPER.moving_jaws(opening + 0.02), point) > 0.0
        assert abs(clearance(GRIPPER.moving_jaws(opening), point)) < 1e-3


@pytest.mark.parametrize(("tilt", "opening"), [(0.0, 0.7), (0.25, 0.7), (0.35, 0.7), (0.5, 0.8)])
def test_the_reach_of_a_tilted_gripper_is_that_of_its_lower_jaw(tilt, opening):
    approach = np.array([np.cos(tilt), 0.0, np.sin(tilt)])
    jaws = (*GRIPPER.fixed_jaw, *GRIPPER.moving_jaws(opening))
    lowest = max((jaw.corners() @ approach).max() for jaw in jaws)
    assert GRIPPER.reach_along(tilt, opening) == pytest.approx(lowest, abs=1e-3)


def test_nothing_between_the_jaws_closes_them():
    assert GRIPPER.contact_opening(np.array([[0.3, 0.0, 0.0]])) == 0.0
    assert clearance(GRIPPER.fixed_jaw, np.zeros((0, 3))) == np.inf


def jaw_points(opening, fixed_x, radius):
    """A point on the fixed jaw's pad, one on the moving jaw's, `radius` from the pivot."""
    cos, sin = np.cos(opening), np.sin(opening)
    moving = [0.049 + radius * cos + 0.009 * sin, 0.0, radius * sin - 0.009 * cos]
    return np.array([[fixed_x, 0.0, -0.009], moving])


@pytest.mark.parametrize("opening", [0.4, 0.8])
def test_contacts_that_face_each_other_share_the_opening(opening):
    facing = 0.049 + 0.088 + 2 * 0.009 * np.tan(opening / 2)  # as far from where the pads meet
    assert friction_angle(jaw_points(opening, facing, 0.088)) == pytest.approx(
        opening / 2, abs=1e-3
    )
    for offset in (-0.006, 0.006):
        pushed = friction_angle(jaw_points(opening, facing + offset, 0.088))
        assert pushed > opening / 2 + 0.03


def test_the_pocket_behind_the_tips_keeps_a_ball_from_being_pushed_out():
    rng = np.random.default_rng(3)
    surface = rng.normal(size=(4000, 3))
    surface *= 0.033 / np.linalg.norm(surface, axis=1, keepdims=True)
    near_tips, deep = (friction_angle(surface + [x, 0.0, -0.009 + 0.033]) for x in (0.136, 0.108))
    assert near_tips > 0.35 and deep < near_tips - 0.2


def test_a_jaw_inside_a_dish_does_not_hold_it():
    near_side, floor, far_side = [0.14, 0.0, -0.009], [0.142, 0.0, 0.02], [0.145, 0.0, 0.066]
    assert np.isfinite(friction_angle(np.array([near_side, floor])))
    assert friction_angle(np.array([near_side, floor, far_side])) == np.inf


def test_nothing_between_the_jaws_is_not_held():
    assert friction_angle(np.array([[0.3, 0.0, 0.0]])) == np.inf
