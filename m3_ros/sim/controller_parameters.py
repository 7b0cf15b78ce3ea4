"""Parameters of the simulated controllers, from the file that real ones are started with."""

from __future__ import annotations

from pathlib import Path

from m3_ros.robot_model import RobotModel
from m3_ros.settings import ConfigError, read_yaml
from m3_ros.sim import gripper_controller, trajectory_rules


def arm_parameters(robot: RobotModel) -> trajectory_rules.Parameters:
    """Read the arm's joint_trajectory_controller.

    Raises:
        ConfigError: the file has no such controller, or it moves other joints.
    """
    given = _of(robot.controllers, robot.arm.controller.name)
    constraints = given.get("constraints", {})
    joints = tuple(given.get("joints", ()))
    if joints != robot.arm.joints:
        raise ConfigError(
            f"{robot.controllers}: joints of {robot.arm.controller.name} are {list(joints)}; they "
            f"must be {list(robot.arm.joints)}, in this order"
        )
    names = ("allow_partial_joints_goal", "allow_nonzero_velocity_at_trajectory_end")
    return trajectory_rules.Parameters(
        joints,
        trajectory={name: constraints.get(name, {}).get("trajectory", 0.0) for name in joints},
        goal={name: constraints.get(name, {}).get("goal", 0.0) for name in joints},
        **{name: given[name] for name in names if name in given},
        goal_time=constraints.get("goal_time", 0.0),
    )


def gripper_parameters(robot: RobotModel) -> gripper_controller.Parameters:
    """Read the gripper's GripperActionController.

    Raises:
        ConfigError: the file has no such controller, or it moves another joint.
    """
    given = _of(robot.controllers, robot.gripper.controller.name)
    if given.get("joint") != robot.gripper.joint:
        raise ConfigError(
            f"{robot.controllers}: joint of {robot.gripper.controller.name} is "
            f"{given.get('joint')!r}; it must be {robot.gripper.joint!r}"
        )
    names = (
        "goal_tolerance", "allow_stalling", "stall_velocity_threshold", "stall_timeout",
        "max_effort", "max_velocity",
    )  # fmt: skip
    return gripper_controller.Parameters(
        robot.gripper.joint,
        has_max_velocity_interface=bool(given.get("max_velocity_interface")),
        has_max_effort_interface=bool(given.get("max_effort_interface")),
        **{name: given[name] for name in names if name in given},
    )


def _of(path: Path, controller: str) -> dict:
    """Return the ROS parameters of a controller in a parameter file."""
    content = read_yaml(path, "controllers' parameter file")
    try:
        return content[controller.strip("/")]["ros__parameters"]
    except (KeyError, TypeError):
        raise ConfigError(f"{path}: it has no ros__parameters of {controller}") from None
