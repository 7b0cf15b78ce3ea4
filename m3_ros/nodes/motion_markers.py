"""Shows on a topic what the arm is about to do: viewpoints, grasps, the tool's path."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from m3_ros.grasp.preview import Preview
from m3_ros.nodes.conversions import header
from m3_ros.nodes.qos import LATCHED
from m3_ros.types import Array

LENGTH = 0.06  # m, of a candidate's approach and of a viewpoint's direction
LINE = 0.002  # m
TEXT = 0.02  # m
MAX_CANDIDATES = 20  # the best ones; a hundred hide each other
CHOSEN, VIEW, PATH = (0.1, 0.9, 0.2, 1.0), (0.4, 0.6, 1.0, 0.8), (1.0, 1.0, 1.0, 0.8)


class MotionMarkers:
    """Publishes `m3/motion_markers`: each message replaces the one before.

    Args:
        node: that publishes.
        frame: world frame.
    """

    def __init__(self, node: Node, frame: str) -> None:
        self._publisher = node.create_publisher(MarkerArray, "m3/motion_markers", LATCHED)
        self._frame = frame

    def clear(self) -> None:
        """Show nothing: the motion has ended."""
        self._publish([])

    def show_views(self, poses: Array) -> None:
        """Show viewpoints that are left: poses `[N, 4, 4]` of the camera in the world frame."""
        ends = poses[:, :3, 3] + LENGTH * poses[:, :3, 2]
        lines = np.stack([poses[:, :3, 3], ends], 1).reshape(-1, 3)
        self._publish([_line("views", 0, Marker.LINE_LIST, lines, VIEW)] if len(poses) else [])

    def show_plan(self, preview: Preview) -> None:
        """Show the candidates by score from red to yellow, the chosen one green, and the path."""
        markers = [_line("path", 0, Marker.LINE_STRIP, preview.path, PATH)]
        for index, grasp in enumerate(preview.candidates[:MAX_CANDIDATES]):
            chosen = np.allclose(grasp.pose, preview.chosen.pose)
            color = CHOSEN if chosen else (1.0, float(grasp.score), 0.0, 0.6)
            ends = np.array([grasp.middle - LENGTH * grasp.approach, grasp.middle])
            markers.append(_line("candidates", index, Marker.LINE_LIST, ends, color))
            text = Marker(ns="scores", id=index, type=Marker.TEXT_VIEW_FACING)
            text.pose.position = _point(ends[0])
            text.scale.z, text.color = TEXT, ColorRGBA(**dict(zip("rgba", color, strict=True)))
            text.text = f"{grasp.score:.2f}"
            markers.append(text)
        self._publish(markers)

    def _publish(self, markers: list[Marker]) -> None:
        for marker in markers:
            marker.header = header(self._frame)
        cleared = Marker(header=header(self._frame), action=Marker.DELETEALL)
        self._publisher.publish(MarkerArray(markers=[cleared, *markers]))


def _line(
    name: str, index: int, kind: int, points: Array, color: tuple[float, float, float, float]
) -> Marker:
    """Return lines through points `[N, 3]`."""
    marker = Marker(ns=name, id=index, type=kind)
    marker.pose.orientation.w, marker.scale.x = 1.0, LINE
    marker.color = ColorRGBA(**dict(zip("rgba", color, strict=True)))
    marker.points = [_point(point) for point in points]
    return marker


def _point(place: Array) -> Point:
    x, y, z = map(float, place)
    return Point(x=x, y=y, z=z)
