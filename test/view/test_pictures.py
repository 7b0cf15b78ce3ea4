"""Pictures: what is near is red, what is missing is black, every tile is there."""

import numpy as np
import pytest

from m3_ros.capture.frame import RgbdFrame
from m3_ros.view.pictures import contact_sheet, depth_picture, draw_text, evenly
from m3_ros.view.scan import frames_sheet


def test_depth_colours_order_and_holes():
    picture = depth_picture(np.array([[0.0, 0.2, 1.0]], np.float32), near=0.2, far=1.0).astype(int)
    hole, near, far = picture[0]
    assert hole.tolist() == [0, 0, 0]
    assert near[0] > near[2] and far[2] > far[0]


def test_contact_sheet_places_tiles_row_by_row():
    tiles = [np.full((6, 8, 3), value, np.uint8) for value in (10, 20, 30)]
    sheet = contact_sheet(tiles, columns=2, width=4)
    assert sheet.shape == (6, 8, 3)
    assert [sheet[1, 1, 0], sheet[1, 6, 0], sheet[4, 1, 0], sheet[4, 6, 0]] == [10, 20, 30, 255]


def test_contact_sheet_needs_a_picture():
    with pytest.raises(ValueError, match="images is empty"):
        contact_sheet([], columns=2, width=4)


def test_evenly_keeps_both_ends():
    assert evenly(range(100), 4) == [0, 33, 66, 99]
    assert evenly([1, 2], 4) == [1, 2]


def test_titles_stand_beside_the_pictures_of_a_sheet():
    tiles = [np.full((30, 80, 3), value, np.uint8) for value in (10, 20, 30)]
    plain = contact_sheet(tiles, columns=2, width=80)
    titled = contact_sheet(tiles, 2, 80, column_titles=("camera", "depth"), row_titles=("1", "2"))
    top, left = titled.shape[0] - plain.shape[0], titled.shape[1] - plain.shape[1]
    assert top > 0 and left > 0 and (titled[top:, left:] == plain).all()
    written = titled.min(-1) < 128
    assert not written[:top, :left].any()
    first, second = written[:top, left : left + 80], written[:top, left + 80 :]
    assert first.any() and second.any() and (first != second).any()
    assert all(written[top + 30 * row : top + 30 * (row + 1), :left].any() for row in (0, 1))


def test_every_column_and_row_needs_its_title():
    tiles = [np.zeros((30, 80, 3), np.uint8)] * 4
    with pytest.raises(ValueError, match="column_titles"):
        contact_sheet(tiles, 2, 80, column_titles=("camera",))
    with pytest.raises(ValueError, match="row_titles"):
        contact_sheet(tiles, 2, 80, row_titles=("a", "b", "c"))


def test_the_outline_of_a_text_is_around_it():
    picture = np.full((40, 300, 3), 128, np.uint8)
    draw_text(picture, "yellow bath duck", (10, 25))
    letters, outline = (picture > 200).all(-1), (picture < 60).all(-1)
    for axis in (0, 1):
        white, black = (np.flatnonzero(each.any(axis))[[0, -1]] for each in (letters, outline))
        assert np.abs(white - black).max() <= 3


def test_a_scan_without_depth_has_no_rows_of_depth():
    rgb, depth = np.zeros((24, 32, 3), np.uint8), np.ones((24, 32), np.float32)
    frames = [RgbdFrame(rgb, z, np.eye(3), np.eye(4), 0.0) for z in (depth, 0 * depth)]
    assert len(frames_sheet(frames)) == 2 * len(frames_sheet(frames[1:]))
