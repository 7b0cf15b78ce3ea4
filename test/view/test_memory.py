"""The sheet of a memory names its columns and rows."""

from dataclasses import replace

import pytest

from m3_ros.splat.held_out import HeldOutScores, ViewScore
from m3_ros.view.memory import compare_view, describe_scores, memory_sheet


def test_a_sheet_has_a_title_for_each_column_and_row(toy, toy_memory):
    sheet = memory_sheet(toy_memory, toy.frames[:9], count=2)
    top, left = sheet.shape[0] - 2 * 216, sheet.shape[1] - 5 * 288
    assert top > 0 and left > 0
    written = sheet.min(-1) < 128
    columns = [written[:top, left + 288 * i : left + 288 * (i + 1)].tobytes() for i in range(5)]
    rows = [written[top + 216 * i : top + 216 * (i + 1), :left].tobytes() for i in range(2)]
    blanks = [bytes(len(columns[0])), bytes(len(rows[0]))]
    assert len({*columns, blanks[0]}) == 6 and len({*rows, blanks[1]}) == 3


def test_comparison_has_five_pictures_of_one_size(toy, toy_memory):
    frame = toy.frames[0]
    assert [image.shape for image in compare_view(toy_memory, frame)] == [frame.rgb.shape] * 5


GOOD, BAD = ViewScore(25.0, 0.9), ViewScore(12.0, 0.3)


def test_scores_are_told_as_what_they_are(toy_memory):
    text = describe_scores(toy_memory, HeldOutScores(4, True, BAD, GOOD, 0.0035))
    assert "4 held-out views, as they are: PSNR 12.00 dB" in text and "3.5 mm" in text
    assert "fitted to one half of the picture, the other half scored: PSNR 25.00 dB" in text
    assert "warning" not in text
    text = describe_scores(toy_memory, HeldOutScores(4, False, GOOD, GOOD, float("nan")))
    assert "views of the fit itself" in text and "no depth is measured" in text
    relative = replace(toy_memory, metric=False, working_distance=2.0)
    assert "1.0%" in describe_scores(relative, HeldOutScores(4, True, GOOD, GOOD, 0.02))


@pytest.mark.parametrize(
    ("frames", "depth_error", "cause"),
    [(5, 0.01, "5 frames are few"), (40, float("nan"), "have no depth"), (40, 0.01, "the poses")],
)
def test_a_bad_result_is_told_with_its_cause(toy_memory, frames, depth_error, cause):
    memory = replace(toy_memory, views=toy_memory.views[:1] * frames)
    text = describe_scores(memory, HeldOutScores(2, True, BAD, BAD, depth_error))
    assert "warning: that is a bad result" in text and cause in text
