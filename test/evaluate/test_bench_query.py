"""The benchmark's judgement: what counts as inside, as absent, as noticed."""

from math import isnan, nan

import numpy as np
import pytest

from m3_ros.evaluate.bench_query import Answer, _judge, absent_labels, summarize
from m3_ros.geometry import planar_pose


def test_inside_is_measured_in_the_objects_own_box():
    truth = (planar_pose(1.0, 2.0, np.pi / 2, 0.5), np.array([0.2, 0.04, 0.1]))
    assert _judge(truth, np.array([1.0, 2.09, 0.5])) == (True, pytest.approx(0.09))
    assert not _judge(truth, np.array([1.09, 2.0, 0.5]))[0]
    assert _judge(truth, None)[0] is False
    assert isnan(_judge(None, np.zeros(3))[1])


def test_absent_things_are_absent_and_half_of_them_hard():
    present = ["red mug", "blue can", "yellow bath duck"]
    chosen = absent_labels(present, np.random.default_rng(0))
    assert len(chosen) == 6
    assert not {label for _, label in chosen} & set(present)
    colors, things = {"red", "blue", "yellow"}, {"mug", "can", "bath duck"}
    for kind, label in chosen:
        color, _, thing = label.partition(" ")
        assert (thing in things) == (kind == "hard absent")
        assert kind == "absent" or color in colors


def answer(kind, status, inside=False, error=nan, method="memory", seconds=0.1):
    return Answer(0, kind, method, "x", status, inside, error, 0.9, seconds)


def test_the_summary_counts_what_it_says():
    answers = [
        answer("present", "FOUND", True, 0.01),
        answer("present", "FOUND", False, 0.2),
        answer("present", "NOT_FOUND"),
        answer("present", "OUT_OF_VIEW", True, 0.03),
        answer("absent", "NOT_FOUND"),
        answer("absent", "AMBIGUOUS"),
        answer("hard absent", "NOT_FOUND"),
        answer("removed", "STALE"),
        answer("removed", "FOUND"),
        answer("moved", "STALE", True, 0.01),
        answer("moved", "STALE", False, 0.3),
        answer("present", "FOUND", True, 0.02, method="single view"),
    ]
    summary = summarize(answers)
    memory = summary["memory"]
    assert memory["present_inside"] == 0.5
    assert memory["error_median_cm"] == pytest.approx(2.0)
    assert (memory["false_found"], memory["false_found_hard"]) == (0.5, 0.0)
    assert (memory["gone_noticed"], memory["moved_found_again"]) == (0.75, 0.5)
    assert memory["latency_p50_ms"] == pytest.approx(100.0)
    assert summary["single view"]["present_inside"] == 1.0
    assert isnan(summary["single view"]["false_found"])
