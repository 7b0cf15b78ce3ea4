import numpy as np
import pytest

from m3_ros.config import GraspConfig
from m3_ros.geometry import se3
from m3_ros.grasp.clearance import GraspInCollision, open_pose, smallest_opening
from m3_ros.grasp.gripper import make_gripper
from m3_ros.robot_model import load_robot

GRIPPER = make_gripper(load_robot())
CONFIG = GraspConfig()
DOWN = np.array([0.0, 0.0, -1.0])
NOTHING = np.zeros((0, 3))
OPENING = 0.46  # about a 4 cm thing


def top_down(tip_height):
    """Stator pose that points down, its closed tips at a height."""
    rotation = np.stack([DOWN, [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], axis=-1)
    return se3(rotation, [0.0, 0.0, tip_height + 0.149])


def thing(width=0.04):
    """Points on a thin plate's two faces between the pads of `top_down`, the near one touching."""
    y, z = np.meshgrid(np.linspace(-0.02, 0.02, 15), np.linspace(0.0, 0.03, 15))
    faces = [np.stack([np.full(y.size, x), y.ravel(), z.ravel()], -1) for x in (0.0, width)]
    return np.concatenate(faces) + [-0.009, 0.0, 0.005]


def smallest(pose, approach, opening, own, others=NOTHING):
    """Smallest opening on a support at z = 0."""
    return smallest_opening(GRIPPER, pose, approach, opening, own, others, 0.0, CONFIG)


def test_a_free_thing_is_reached_with_a_little_more_than_its_own_opening():
    opening = smallest(top_down(0.01), DOWN, OPENING, thing())
    assert OPENING + 0.1 <= opening < OPENING + 0.7


def test_a_wider_thing_needs_a_wider_opening():
    narrow, wide = (
        smallest(top_down(0.01), DOWN, opening, thing(width))
        for width, opening in ((0.02, 0.23), (0.06, 0.72))
    )
    assert wide > narrow + 0.2


def test_the_table_is_in_the_way():
    with pytest.raises(GraspInCollision, match="table"):
        smallest(top_down(0.001), DOWN, OPENING, thing())


@pytest.mark.parametrize("place", [[-0.035, 0.0, 0.02], [0.05, 0.0, 0.07], [-0.03, 0.0, 0.14]])
def test_something_else_is_in_the_way(place):
    with pytest.raises(GraspInCollision, match="else"):
        smallest(top_down(0.01), DOWN, OPENING, thing(), np.array([place]))


def test_a_tall_thing_meets_the_palm():
    tall = np.concatenate([thing(), thing() + [0.0, 0.0, 0.07]])
    with pytest.raises(GraspInCollision, match="palm|first"):
        smallest(top_down(0.01), DOWN, OPENING, tall)


def test_the_open_pose_is_off_by_the_clearance_along_closing():
    pose = top_down(0.01)
    shift = open_pose(pose, 0.015)[:3, 3] - pose[:3, 3]
    assert np.allclose(shift, -0.015 * pose[:3, 2])
