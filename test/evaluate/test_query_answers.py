"""The benchmark's judgement: what counts as inside, as absent, as noticed."""

from math import isnan, nan

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.evaluate.known_queries import KnownQuery
from m3_ros.evaluate.query_answers import Answer, inside, judge, summarize
from m3_ros.geometry import planar_pose
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import upright_box

TRUTH = (planar_pose(1.0, 2.0, np.pi / 2, 0.5), np.array([0.2, 0.04, 0.1]))
OTHER = (planar_pose(3.0, 2.0, 0.0, 0.5), np.array([0.2, 0.04, 0.1]))


def target(center, score=0.9):
    points = 0.01 * (np.mgrid[-1:2, -1:2, -1:2].reshape(3, -1).T) + center
    return TargetObject(0, "x", score, QueryStatus.FOUND, upright_box(points), 0.001, True, points)


def test_inside_is_measured_in_the_objects_own_box():
    assert inside(TRUTH, np.array([1.0, 2.09, 0.5]))
    assert not inside(TRUTH, np.array([1.09, 2.0, 0.5]))


def test_an_answer_is_judged_by_its_best_target():
    result = QueryResult(
        QueryStatus.FOUND, [target([1.0, 2.09, 0.5]), target([9, 9, 9])], None, ""
    )
    got = judge(0, KnownQuery("present", "x", ("a",)), "memory", result, [TRUTH], 0.1)
    assert (got.inside, got.hits, got.wanted) == (True, 1, 1)
    assert got.error == pytest.approx(0.09)
    nothing = QueryResult(QueryStatus.NOT_FOUND, [], None, "")
    got = judge(0, KnownQuery("present", "x", ("a",)), "memory", nothing, [TRUTH], 0.1)
    assert not got.inside and isnan(got.error) and isnan(got.score)


def test_all_that_are_meant_must_be_listed_first():
    query = KnownQuery("ambiguous", "x", ("a", "b"))
    both = [target([1.0, 2.0, 0.5]), target([3.0, 2.0, 0.5])]
    for listed, hits in ((both, 2), ([both[0], target([9, 9, 9]), both[1]], 1)):
        result = QueryResult(QueryStatus.AMBIGUOUS, listed, None, "")
        assert judge(0, query, "memory", result, [TRUTH, OTHER], 0.1).hits == hits


def answer(kind, status, within=False, error=nan, method="memory", hits=0, wanted=1):
    return Answer(0, kind, method, "x", status, hits, wanted, within, error, 0.9, 0.1)


def test_the_summary_counts_what_it_says():
    answers = [
        answer("present", "FOUND", True, 0.01),
        answer("present", "FOUND", False, 0.2),
        answer("present", "NOT_FOUND"),
        answer("present", "AMBIGUOUS", True, 0.03),
        answer("absent", "NOT_FOUND"),
        answer("absent", "AMBIGUOUS"),
        answer("hard absent", "NOT_FOUND"),
        answer("ambiguous", "AMBIGUOUS", hits=2, wanted=2),
        answer("ambiguous", "FOUND", hits=1, wanted=2),
        answer("removed", "STALE"),
        answer("removed", "FOUND"),
        answer("moved", "STALE", True, 0.01),
        answer("moved", "FOUND", False, 0.3),
        answer("present", "FOUND", True, 0.02, method="single view"),
    ]
    summary = summarize(answers)
    memory = summary["memory"]
    assert memory["present: inside"] == 0.5
    assert memory["present: elsewhere"] == memory["present: hedged (AMBIGUOUS)"] == 0.25
    assert memory["error, median cm"] == pytest.approx(2.0)
    assert (memory["absent: claimed"], memory["hard absent: claimed"]) == (0.5, 0.0)
    assert memory["ambiguous: said so"] == memory["ambiguous: all listed"] == 0.5
    assert memory["removed: seen there"] == memory["moved: seen at a wrong place"] == 0.5
    assert memory["moved: found again"] == 0.5
    assert memory["CPU ms to answer, p50"] == pytest.approx(100.0)
    assert summary["single view"]["present: inside"] == 1.0
    assert isnan(summary["single view"]["absent: claimed"])
