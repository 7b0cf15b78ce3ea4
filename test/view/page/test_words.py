"""What the page says."""

import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.memory.spatial_memory import Trace
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import OrientedBox
from m3_ros.view.page.words import answer_html, click_html, refusal_html

SCRIPT = "<img src=x onerror=alert(1)>"


def test_what_a_user_typed_is_text_and_no_markup():
    box = OrientedBox(np.array([0.1, 0.2, 0.3]), np.eye(3), np.array([0.1, 0.2, 0.05]))
    target = TargetObject(
        0, SCRIPT, 0.91, QueryStatus.OUT_OF_VIEW, box, 0.0, False, np.zeros((0, 3))
    )
    said = answer_html(QueryResult(QueryStatus.FOUND, [target], None, SCRIPT), metric=True)
    assert "<img" not in said + refusal_html(SCRIPT)
    assert "0.91" in said and "(OUT_OF_VIEW)" in said and "10.0 x 20.0 x 5.0 cm" in said


def test_a_click_names_place_and_source(toy_memory):
    traces = {"color": [Trace(3, 0.75, 2, 5, 6)]}
    said = click_html(np.array([0.1, 0.2, 0.3]), None, traces, toy_memory)
    assert "0.100, 0.200, 0.300 m" in said and "no object" in said
    assert "component 3 (weight 0.75) of keyframe 2" in said
    assert "nothing" in click_html(None, None, {}, toy_memory)
