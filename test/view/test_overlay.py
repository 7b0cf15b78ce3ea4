"""Heat is where the relevancy is; a box's corners are drawn where they project."""

import numpy as np
import pytest

from m3_ros.query.shape import OrientedBox
from m3_ros.view.overlay import BOX_COLOR, draw_box, draw_overlay


def test_heat_changes_only_relevant_pixels():
    rgb = np.full((20, 30, 3), 100, np.uint8)
    heat = np.zeros((20, 30), np.float32)
    heat[5:10, 5:10] = 1.0
    picture = draw_overlay(rgb, heat)
    assert picture.shape == rgb.shape
    assert picture.dtype == np.uint8
    flat = picture[0, 0]
    assert (picture[15:] == flat).all()
    assert np.abs(picture[7, 7].astype(int) - flat).max() > 40
    with pytest.raises(ValueError, match="heatmap"):
        draw_overlay(rgb, heat[:5])


def test_a_box_is_drawn_where_it_projects():
    box = OrientedBox(np.array([0.0, 0.0, 2.0]), np.eye(3), np.array([1.0, 1.0, 0.5]))
    K = np.array([[50.0, 0, 50], [0, 50.0, 50], [0, 0, 1]])
    black = np.zeros((100, 100, 3), np.uint8)
    drawn = draw_box(black, box.corners(), np.eye(4), K)
    rows, columns = np.nonzero((drawn == BOX_COLOR).all(-1))
    near = 50 + 0.5 / 1.75 * 50
    assert abs(rows.max() - near) < 2
    assert abs(columns.min() - (100 - near)) < 2
    assert not black.any()
    assert (draw_box(black, box.corners(), np.eye(4), K, "duck") > 0).sum() > (drawn > 0).sum()


def test_a_box_behind_the_camera_is_not_drawn():
    box = OrientedBox(np.array([0.0, 0.0, -2.0]), np.eye(3), np.ones(3))
    assert not draw_box(np.zeros((9, 9, 3), np.uint8), box.corners(), np.eye(4), np.eye(3)).any()
