import numpy as np
import pytest

from m3_ros.grasp.context import ContactGuard, GraspContext, follow_until_contact
from m3_ros.grasp.robot import MotionCancelled


def test_the_guard_notices_a_change_of_torque_and_remembers_it(robot):
    guard = ContactGuard(robot, 5.0)
    assert not guard()
    robot.efforts = np.array([0.0, -6.0, 0.0, 0.0, 0.0, 0.0, 9.0])
    assert guard()
    robot.efforts = np.zeros(7)
    assert guard() and guard.touched


def test_the_jaw_s_torque_is_not_the_arm_s(robot):
    guard = ContactGuard(robot, 5.0)
    robot.efforts = np.array([0.0] * 6 + [9.0])
    assert not guard()


def test_a_contact_ends_a_motion_and_a_cancel_is_none(robot, planner, plan, found):
    cancelled = []
    context = GraspContext(robot, planner, lambda: found, lambda *_: None, lambda: bool(cancelled))
    way = plan.phases["pre-grasp"]
    assert not follow_until_contact(context, way)
    robot.reset()
    robot.resists = 1
    assert follow_until_contact(context, way) and robot.log == ["hold"]
    robot.reset()
    cancelled.append(True)
    with pytest.raises(MotionCancelled):
        follow_until_contact(context, way)
