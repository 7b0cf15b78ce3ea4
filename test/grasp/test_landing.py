import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from m3_ros.geometry import rpy_to_matrix, transform
from m3_ros.grasp.collision import Scene
from m3_ros.grasp.landing import closing_heading, plan_carried, plan_landing, upright
from m3_ros.grasp.planning import PlanError
from m3_ros.grasp.robot import JointState

TABLE_Z = -0.08
SPOT = np.array([0.62, -0.12, TABLE_Z])


@pytest.fixture(scope="module")
def lifted(plan):
    """Joints after a lift, the jaws closed on the object."""
    q = np.append(plan.phases["lift"].positions[-1], -0.4)
    return JointState(q, np.zeros(7), np.zeros(7), 0.0)


def test_the_way_ends_where_the_jaws_would_meet_the_surface(planner, lifted, table):
    landing = plan_landing(planner, lifted, SPOT[None], Scene(table), 0.7)
    config, start = planner.config, planner.arm.fk(landing.motion.positions[-1])
    np.testing.assert_allclose(landing.motion.positions[0], lifted.arm)
    way = np.array(landing.way)
    np.testing.assert_allclose(way[:, :2], np.tile(start[:2, 3], (len(way), 1)), atol=1e-3)
    drops = -np.diff([start[2, 3], *way[:, 2]])
    assert (drops > 0.0).all() and drops.max() <= config.approach_distance + 1e-3
    height = config.held_reach + config.landing_distance
    assert drops.sum() == pytest.approx(height, abs=2e-3)
    last = start.copy()
    last[:3, 3] = way[-1]
    tips = transform(last, planner.gripper.tips)
    assert np.linalg.norm(tips[:2] - SPOT[:2]) < 2e-3  # the object comes over the spot
    assert config.table_clearance < tips[2] - TABLE_Z < 0.04


def test_the_object_stays_upright(planner, lifted, table):
    landing = plan_landing(planner, lifted, SPOT[None], Scene(table), 0.7)
    before, after = (planner.arm.fk(q)[:3, :3] for q in (lifted.arm, landing.motion.positions[-1]))
    turn = after @ before.T
    np.testing.assert_allclose(turn[:, 2], [0.0, 0.0, 1.0], atol=1e-3)


def test_a_spot_out_of_reach_is_left_for_the_next(planner, lifted, table):
    far = SPOT + [1.0, 0.0, 0.0]
    landing = plan_landing(planner, lifted, np.array([far, SPOT]), Scene(table), 0.7)
    np.testing.assert_array_equal(landing.spot, SPOT)


def test_only_spots_out_of_reach_are_unreachable(planner, lifted, table):
    with pytest.raises(PlanError) as caught:
        plan_landing(planner, lifted, (SPOT + [1.0, 0.0, 0.0])[None], Scene(table), 0.7)
    assert caught.value.unreachable


def test_a_blocked_way_down_is_not_taken(planner, lifted, table):
    angle = np.linspace(0.0, 2 * np.pi, 90)
    ring = [0.12 * np.cos(angle), 0.12 * np.sin(angle)]
    heights = np.arange(0.0, 0.6, 0.02)
    wall = np.concatenate(
        [np.stack([*ring, np.full(90, height)], -1) + SPOT for height in heights]
    )
    with pytest.raises(PlanError) as caught:
        plan_landing(planner, lifted, SPOT[None], Scene(np.concatenate([table, wall])), 0.7)
    assert not caught.value.unreachable


def test_a_carried_object_is_kept_farther_off_where_it_can(planner, lifted, table):
    goal = planner.robot_model.home
    motion = plan_carried(planner, lifted.arm, goal, Scene(table))
    for time in np.linspace(0.0, motion.duration, 30)[1:]:
        q = motion.sample(time)[0]
        assert planner.collision.clearance(q, Scene(table)) > planner.config.held_clearance - 0.01
    near = planner.arm.fk(lifted.arm)[:3, 3] + [[0.0, 0.0, -0.07]]  # within held_clearance
    plan_carried(planner, lifted.arm, goal, Scene(near))


def test_a_gripper_that_points_down_keeps_its_orientation():
    for lean in (0.0, 30.0):
        down = Rotation.from_euler("y", 90.0 - lean, degrees=True).as_matrix()
        np.testing.assert_array_equal(upright(down, 0.0), down)


@pytest.mark.parametrize("tilt", [0.0, 0.3])
@pytest.mark.parametrize("pitch", [0.0, -90.0, 30.0])
def test_another_gripper_turns_its_bisector_down(pitch, tilt):
    rotation = Rotation.from_euler("zy", [20.0, pitch], degrees=True).as_matrix()
    turned = upright(rotation, tilt)
    bisector = turned @ [np.cos(tilt), 0.0, np.sin(tilt)]
    np.testing.assert_allclose(bisector, [0.0, 0.0, -1.0], atol=1e-6)
    assert np.linalg.det(turned) == pytest.approx(1.0)


def test_the_heading_of_a_target_is_that_of_the_closing_direction():
    down = rpy_to_matrix([0.0, np.pi / 2, 0.0])  # x down, z ahead
    turned = rpy_to_matrix([0.0, 0.0, 0.7]) @ down
    assert closing_heading(np.eye(3)) is None
    assert closing_heading(down) == pytest.approx(0.0, abs=1e-9)
    assert closing_heading(turned) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="its z axis level, as in the result of /m3/grasp"):
        closing_heading(rpy_to_matrix([0.0, 0.0, 0.7]))  # a yaw alone: jaws that close upwards
