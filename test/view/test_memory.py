"""The sheet of a memory names its columns and rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from m3_ros.geometry import transform
from m3_ros.query.shape import OrientedBox
from m3_ros.view.memory import best_view, memory_sheet


def test_a_sheet_has_a_title_for_each_column_and_row(toy, toy_memory):
    sheet = memory_sheet(toy_memory, toy.frames[:9], count=2)
    top, left = sheet.shape[0] - 2 * 216, sheet.shape[1] - 5 * 288
    assert top > 0 and left > 0
    written = sheet.min(-1) < 128
    columns = [written[:top, left + 288 * i : left + 288 * (i + 1)].tobytes() for i in range(5)]
    rows = [written[top + 216 * i : top + 216 * (i + 1), :left].tobytes() for i in range(2)]
    blanks = [bytes(len(columns[0])), bytes(len(rows[0]))]
    assert len({*columns, blanks[0]}) == 6 and len({*rows, blanks[1]}) == 3


@pytest.mark.parametrize("index", [0, 3])
def test_the_best_view_is_the_one_that_looks_at_the_target_from_near(toy_memory, index):
    camtoworld = toy_memory.views[index].camtoworld
    box = OrientedBox(transform(camtoworld, [0.0, 0.0, 0.3]), np.eye(3), np.full(3, 0.1))
    assert best_view(toy_memory, SimpleNamespace(box=box)) is toy_memory.views[index]
