"""Whether ROS 2 can be used here, and what to do where it cannot."""

from __future__ import annotations

from importlib import import_module

from m3_ros.errors import UnavailableError

REMEDY = (
    "source a ROS 2 Jazzy or Humble workspace in which m3_ros is built "
    "(source install/setup.bash), or run `make setup` in the repository of m3_ros and use its ./m3"
)


class RosMissingError(UnavailableError):
    """A command needs ROS 2; the message says what is missing and how to get it."""


def ros_problem() -> str | None:
    """Return in one sentence what of ROS 2 is missing and how to get it; None if nothing is."""
    try:
        import_module("rclpy")
    except ImportError as error:
        return f"ROS 2 cannot be used ({str(error).splitlines()[0]}): {REMEDY}"
    try:
        import_module("m3_ros.action")
    except ImportError:
        return f"ROS 2 is here, but the messages of m3_ros are not built: {REMEDY}"
    return None


def require_ros() -> None:
    """Do nothing where ROS 2 can be used.

    Raises:
        RosMissingError: It cannot.
    """
    problem = ros_problem()
    if problem:
        raise RosMissingError(problem)
