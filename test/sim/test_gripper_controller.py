"""The gripper controller accepts, stalls and ends as ros2_control's does."""

import pytest

from m3_ros.sim.gripper_controller import (
    GoalState,
    GripperCommand,
    GripperController,
    GripperRejected,
    Parameters,
)


def gripper(**options):
    return GripperController(Parameters("jaw", **options), 0.0)


@pytest.mark.parametrize("position", [(), (0.1, 0.2)])
def test_a_command_has_one_position(position):
    with pytest.raises(GripperRejected, match=f"{len(position)} positions"):
        gripper().start(position, 0.0)


@pytest.mark.parametrize("values", [([float("nan")],), ([0.1], [float("inf")])])
def test_a_command_is_finite(values):
    with pytest.raises(GripperRejected, match="must be finite"):
        gripper().check(*values)


def test_an_inactive_controller_accepts_and_does_nothing():
    """As in ros2_controllers, whose goal callback does not look at the controller's state."""
    jaw = gripper()
    jaw.active = False
    before = jaw.command
    jaw.start([-1.0], 0.0)
    jaw.update(before.position, 0.0, 60.0)
    assert jaw.state is None and jaw.command == before


@pytest.mark.parametrize(
    ("interfaces", "limits"), [(False, (0.1, 10.0)), (True, (0.5, 3.0))], ids=["without", "with"]
)
def test_limits_of_a_goal_need_hardware_that_takes_them(interfaces, limits):
    jaw = gripper(has_max_velocity_interface=interfaces, has_max_effort_interface=interfaces)
    jaw.start([-1.0], 0.0, [0.5], [3.0])
    assert jaw.command == GripperCommand(-1.0, *limits)


def test_the_default_limits_hold_where_a_goal_names_none():
    jaw = gripper(has_max_velocity_interface=True, has_max_effort_interface=True)
    jaw.start([-1.0], 0.0)
    assert jaw.command == GripperCommand(-1.0, 0.1, 10.0)


def test_reached_within_the_tolerance():
    jaw = gripper()
    jaw.start([-1.0], 0.0)
    jaw.update(-0.985, -0.1, 1.0)
    assert jaw.state is None
    jaw.update(-0.991, -0.1, 1.1)
    assert jaw.state is GoalState.SUCCEEDED and jaw.reached_goal and not jaw.stalled


@pytest.mark.parametrize(
    ("allowed", "state"), [(True, GoalState.SUCCEEDED), (False, GoalState.ABORTED)]
)
def test_a_stall_is_a_success_only_where_it_is_allowed(allowed, state):
    jaw = gripper(allow_stalling=allowed)
    jaw.start([0.0], 0.0)
    jaw.update(-0.5, 0.1, 0.9)  # moves
    jaw.update(-0.4, 0.0005, 1.8)  # stands for 0.9 s
    assert jaw.state is None
    jaw.update(-0.4, 0.0005, 2.0)
    assert jaw.state is state and jaw.stalled and not jaw.reached_goal
    assert jaw.command.position == 0.0  # it goes on pressing


def test_cancel_holds_where_the_jaw_is():
    jaw = gripper()
    jaw.start([0.0], 0.0)
    jaw.cancel(-0.3)
    assert jaw.state is GoalState.CANCELED and jaw.command.position == -0.3


def test_a_cancel_after_the_end_changes_nothing():
    jaw = gripper()
    jaw.start([-0.3], 0.0)
    jaw.update(-0.3, 0.0, 0.1)
    jaw.cancel(-0.2)
    assert jaw.state is GoalState.SUCCEEDED and jaw.command.position == -0.3


def test_a_new_goal_replaces_the_one_under_way():
    jaw = gripper()
    jaw.start([-1.0], 0.0)
    jaw.start([-0.2], 0.5)
    jaw.update(-0.2, 0.0, 0.6)
    assert jaw.state is GoalState.SUCCEEDED
