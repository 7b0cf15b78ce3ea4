import numpy as np
import pytest

from m3_ros.grasp import context as contexts
from m3_ros.grasp.context import ContactGuard, GraspContext, follow_until_contact
from m3_ros.grasp.robot import JointStatesLost, MotionCancelled


def test_the_guard_notices_a_change_of_torque_and_remembers_it(robot):
    guard = ContactGuard(robot, 5.0, 0.3)
    assert not guard()
    robot.efforts = np.array([0.0, -6.0, 0.0, 0.0, 0.0, 0.0, 9.0])
    assert guard()
    robot.efforts = np.zeros(7)
    assert guard() and guard.touched


def test_the_jaw_s_torque_is_not_the_arm_s(robot):
    guard = ContactGuard(robot, 5.0, 0.3)
    robot.efforts = np.array([0.0] * 6 + [9.0])
    assert not guard()


class Time:
    """A clock that the test moves."""

    now = 0.0

    def monotonic(self):
        return self.now


def test_without_new_joint_states_nobody_would_notice_a_contact(robot, monkeypatch):
    clock = Time()
    monkeypatch.setattr(contexts, "time", clock)
    guard = ContactGuard(robot, 5.0, 0.3)
    for _ in range(100):  # states at 20 Hz
        clock.now += 0.05
        robot.stamp = clock.now
        assert not guard()
    for _ in range(5):
        clock.now += 0.05
        assert not guard()
    clock.now += 0.06
    with pytest.raises(
        JointStatesLost, match=r"no new joint states for 0\.3.* s.*contact_timeout"
    ):
        guard()
        clock.now += 0.05
        guard()


def test_a_pause_of_the_process_that_checks_is_no_silence(robot, monkeypatch):
    clock = Time()
    monkeypatch.setattr(contexts, "time", clock)
    guard = ContactGuard(robot, 5.0, 0.3)
    clock.now += 2.0
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
