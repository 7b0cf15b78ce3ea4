"""What the arm is about to do, as markers."""

from types import SimpleNamespace

import numpy as np
from visualization_msgs.msg import Marker

from m3_ros.nodes.motion_markers import LENGTH, MAX_CANDIDATES, MotionMarkers


def shown(tell):
    """Return the markers that are published, less the one that clears those before."""
    sent = []
    node = SimpleNamespace(create_publisher=lambda *_: SimpleNamespace(publish=sent.append))
    tell(MotionMarkers(node, "map"))
    cleared, *markers = sent[-1].markers
    assert cleared.action == Marker.DELETEALL
    assert all(marker.header.frame_id == "map" for marker in sent[-1].markers)
    return markers


def array(points):
    return np.array([[p.x, p.y, p.z] for p in points])


def test_viewpoints_are_lines_along_the_view():
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, 0, 3] = 1, 2, 3
    (lines,) = shown(lambda markers: markers.show_views(poses))
    ends = array(lines.points).reshape(3, 2, 3)
    assert np.allclose(ends[:, 0], poses[:, :3, 3])
    assert np.allclose(ends[:, 1] - ends[:, 0], [0.0, 0.0, LENGTH])
    assert shown(lambda markers: markers.show_views(poses[:0])) == []
    assert shown(lambda markers: markers.clear()) == []


def grasp(score):
    pose = np.eye(4)
    pose[0, 3] = score
    middle, down = np.array([score, 0.0, 0.1]), np.array([0.0, 0.0, -1.0])
    return SimpleNamespace(pose=pose, score=score, middle=middle, approach=down)


def test_candidates_have_their_scores_and_the_chosen_one_is_green():
    grasps = [grasp(score) for score in np.linspace(1.0, 0.5, MAX_CANDIDATES + 5)]
    preview = SimpleNamespace(candidates=grasps, chosen=grasps[1], path=np.zeros((4, 3)))
    path, *rest = shown(lambda markers: markers.show_plan(preview))
    assert path.type == Marker.LINE_STRIP and len(path.points) == 4
    lines = [marker for marker in rest if marker.type == Marker.LINE_LIST]
    texts = [marker.text for marker in rest if marker.type == Marker.TEXT_VIEW_FACING]
    assert len(lines) == len(texts) == MAX_CANDIDATES and texts[0] == "1.00"
    assert [line.color.g > line.color.r for line in lines].index(True) == 1
    assert sum(line.color.g > line.color.r for line in lines) == 1
    assert np.allclose(array(lines[0].points), [[1.0, 0.0, 0.1 + LENGTH], [1.0, 0.0, 0.1]])
