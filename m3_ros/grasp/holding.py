"""Whether the gripper holds something, from its joint alone: known also after a restart."""

from __future__ import annotations

import numpy as np

from m3_ros.grasp.planning import Planner
from m3_ros.grasp.robot import JointState
from m3_ros.robot_file import GripperConfig

HELD_SHARE = 2.0 / 3.0
"""Share of `closing_effort` from which jaws at rest hold something: halfway
between a squeeze of 3 N m and the dry friction of 1 N m that empty jaws may show (the URDF's)."""
REST_SHARE = 0.5
"""Share of `closing_speed` below which the jaws rest; closing jaws move at twice that."""


def closing_effort(gripper: GripperConfig, state: JointState) -> float:
    """Return the measured effort of the gripper's joint, positive in the closing direction."""
    return float(-np.sign(gripper.opening_per_position) * state.efforts[-1])


def is_holding(planner: Planner, state: JointState) -> bool:
    """Return whether the jaws are apart, at rest, and squeeze what is between them.

    A robot whose joint states carry no effort of the gripper (zero or NaN) never holds anything
    by this test.
    """
    gripper = planner.robot_model.gripper
    return (
        gripper.opening(state.gripper) >= gripper.empty_opening
        and abs(state.gripper_velocity) <= REST_SHARE * gripper.closing_speed
        and closing_effort(gripper, state) > HELD_SHARE * gripper.closing_effort
    )


def holding_message(planner: Planner, state: JointState) -> str:
    """Return the sentence with which a goal is refused while the gripper holds something."""
    gripper = planner.robot_model.gripper
    unit, effort_unit = gripper.units
    return (
        f"the gripper holds something ({gripper.joint} is {gripper.opening(state.gripper):.3f} "
        f"{unit} open and closes with {closing_effort(gripper, state):.1f} {effort_unit}): put it "
        "down with m3 place, or let go of it with m3 release"
    )


def empty_message(planner: Planner, state: JointState) -> str:
    """Return the sentence with which a goal is refused that needs something in the jaws."""
    gripper, effort = (
        planner.robot_model.gripper,
        closing_effort(planner.robot_model.gripper, state),
    )
    opening, (unit, effort_unit) = gripper.opening(state.gripper), gripper.units
    limit = HELD_SHARE * gripper.closing_effort
    if opening < gripper.empty_opening:
        why = f"{gripper.joint} is {opening:.3f} {unit} open, closed completely"
    elif abs(state.gripper_velocity) > REST_SHARE * gripper.closing_speed:
        why = f"{gripper.joint} moves"
    elif effort == 0.0 or np.isnan(effort):
        why = (
            f"the joint states have no effort of {gripper.joint}, without which nothing is known "
            "to be held; let go of it with m3 release"
        )
    else:
        why = f"{gripper.joint} closes with {effort:.1f} {effort_unit}, not more than {limit:.1f}"
    return f"the gripper holds nothing: {why}"
