"""What grasping needs of a gripper's shape: one interface for jaws that rotate or slide.

Everything is in the tool frame: x points out of the palm, z from the lower to the upper jaw, y
along the jaws' width. An opening is an angle in rad where a jaw rotates and a distance in m where
the jaws slide, 0 when closed.
"""

from __future__ import annotations

from typing import Protocol

from m3_ros.grasp.parallel_gripper import ParallelGripper
from m3_ros.grasp.pivot_gripper import PivotGripper
from m3_ros.grasp.prism import Prism
from m3_ros.robot_file import GripperConfig
from m3_ros.robot_model import RobotModel
from m3_ros.types import Array


class Gripper(Protocol):
    """Shape of a gripper at its openings, for candidates, scoring, clearance and planning.

    Attributes:
        config: numbers of the robot's file.
        palm: shapes that do not move, without the jaws.
        fixed_jaw: shapes of a jaw that does not move; empty when both move.
        pad_half_width: of the pads along y, m.
        hold_x: x of the middle of the pads, m.
        finger_length: from the palm to the tips along x, m.
        tips: where the closed jaws meet `[3]`, m.
    """

    config: GripperConfig
    palm: tuple[Prism, ...]
    fixed_jaw: tuple[Prism, ...]
    pad_half_width: float
    hold_x: float
    finger_length: float
    tips: Array

    def moving_jaws(self, opening: float) -> tuple[Prism, ...]:
        """Return the shapes that move, at an opening."""
        ...

    def lower_pad(self, opening: float) -> float:
        """Return z of the lower jaw's pad at an opening, m."""
        ...

    def touch_distance(self, clearance: float) -> float:
        """Return how far the open gripper moves along its z to touch the object, m.

        Args:
            clearance: free space between object and jaws before, m.
        """
        ...

    def tilts(self, opening: float) -> tuple[float, ...]:
        """Return the angles between approach and tool x to try at an opening, best first, rad."""
        ...

    def opening_for(self, width: float) -> float:
        """Return the opening at which the middles of the pads stand `width` m apart."""
        ...

    def reach_along(self, tilt: float, opening: float) -> float:
        """Return the distance from the tool's origin to the tip farther along the approach, m.

        Args:
            tilt: angle between approach and tool x, towards the upper jaw, rad.
            opening: of the jaws.
        """
        ...

    def contact_opening(self, points: Array) -> float:
        """Return the opening at which closing jaws touch the first of points `[N, 3]`.

        Only points between the jaws count; 0 when there are none.
        """
        ...

    def required_friction_angle(self, points: Array) -> float:
        """Return the friction angle that holds points `[N, 3]` in the closed jaws, rad.

        The larger of two angles, one for each jaw: from the line between the contacts to the
        direction in which the jaw pushes. Friction holds the object when its coefficient exceeds
        the tangent; negative, the jaws draw the object in. Infinite when the jaws do not close
        around the points.
        """
        ...


def make_gripper(robot: RobotModel) -> Gripper:
    """Return the shape of a robot's gripper."""
    config = robot.gripper
    if config.parallel is not None:
        return ParallelGripper(config)
    return PivotGripper(config, robot.gripper_pivot)
