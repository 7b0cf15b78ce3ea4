from dataclasses import replace

import numpy as np
import pytest

from m3_ros.geometry import planar_pose, se3
from m3_ros.grasp.history import EMPTY_RADIUS, SAME_GRASP, AttemptHistory

HERE = np.eye(4)


@pytest.fixture
def moved(plan):
    """Makes a grasp beside the planned one: `distance` m along x, turned by `angle` about z."""

    def make(distance, angle=0.0):
        turned = plan.grasp.pose.copy()
        turned[:3, :3] = planar_pose(0.0, 0.0, angle)[:3, :3] @ turned[:3, :3]
        return replace(plan.grasp, pose=se3(np.eye(3), [distance, 0.0, 0.0]) @ turned)

    return make


def test_what_has_not_been_attempted_remains(moved):
    grasps = [moved(0.0), moved(0.1)]
    assert AttemptHistory().remaining(grasps, HERE) == grasps


@pytest.mark.parametrize(
    ("distance", "angle", "remains"),
    [
        (0.9 * SAME_GRASP[0], 0.9 * SAME_GRASP[1], False),
        (1.1 * SAME_GRASP[0], 0.0, True),
        (0.0, 1.1 * SAME_GRASP[1], True),
    ],
)
def test_a_grasp_like_an_attempted_one_does_not_remain(moved, distance, angle, remains):
    history = AttemptHistory(grasps=[moved(0.5), moved(0.0)])
    assert bool(history.remaining([moved(distance, angle)], HERE)) == remains


def test_grasps_where_the_jaws_found_nothing_come_last(moved):
    empty, near, far = moved(0.0), moved(0.8 * EMPTY_RADIUS), moved(1.2 * EMPTY_RADIUS)
    history = AttemptHistory(empty=[empty.middle])
    assert history.remaining([empty, near, far], HERE) == [far, empty, near]


def test_attempts_stay_where_they_were_when_the_base_drives(moved):
    history = AttemptHistory(grasps=[moved(0.0)], empty=[moved(0.0).middle])
    ahead = planar_pose(0.3, 0.0, 0.0)
    assert history.remaining([moved(-0.3)], ahead) == []
    assert len(history.remaining([moved(0.0)], ahead)) == 1
