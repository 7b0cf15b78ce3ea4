"""Targets of a grasp from the answers of /m3/query."""

from types import SimpleNamespace

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.task import Future
from std_msgs.msg import Header

from m3_ros.codes import GraspErrorCode, PlaceErrorCode, QueryErrorCode, QueryStatus
from m3_ros.config import M3Config
from m3_ros.msg import TargetObject
from m3_ros.nodes.holding import without_surface
from m3_ros.nodes.images import cloud_message
from m3_ros.nodes.targets import TargetFinder
from m3_ros.srv import Query


class FakeNode:
    """A node whose client gets one answer at once."""

    def __init__(self, answer):
        self.answer = answer

    def create_client(self, *_, **__):
        future = Future()
        future.set_result(self.answer)
        return SimpleNamespace(service_is_ready=lambda: True, call_async=lambda request: future)

    def resolve_service_name(self, name):
        return name


def finder(answer):
    return TargetFinder(FakeNode(answer), None, M3Config())


def asked(**fields):
    answer = Query.Response(**fields)
    answer.status.value = int(QueryStatus.NOT_FOUND)
    return finder(answer).named("red box")


def test_a_memory_without_metric_scale_is_refused_by_name():
    target = asked(metric=False)
    assert target.error_code is GraspErrorCode.NOT_METRIC and "m3 align" in target.message

    assert without_surface(target) is PlaceErrorCode.NOT_METRIC


def test_a_metric_one_is_answered():
    target = asked(metric=True)
    assert without_surface(target) is PlaceErrorCode.NO_SPACE
    assert target.error_code is not GraspErrorCode.NOT_METRIC
    assert target.status is QueryStatus.NOT_FOUND


@pytest.mark.parametrize(
    ("verified", "expected"),
    [(QueryStatus.FOUND, True), (QueryStatus.OUT_OF_VIEW, False), (QueryStatus.NO_DEPTH, False)],
)
def test_an_uncertain_object_is_a_target_only_when_accepted(verified, expected):
    answer = Query.Response(metric=True, error_msg="perhaps")
    answer.status.value = int(QueryStatus.UNCERTAIN)
    for x in (0.0, 1.0):
        points = cloud_message(np.full((4, 3), x), Header())
        answer.targets.append(TargetObject(points=points))
        answer.targets[-1].status.value = int(verified)
    refused = finder(answer).named("red box")
    assert refused.status is QueryStatus.UNCERTAIN and not refused.located
    accepted = finder(answer).of("red box", PoseStamped(), accept_uncertain=True)()
    assert accepted.located and accepted.seen is expected
    assert not accepted.points.any()  # the likeliest


@pytest.mark.parametrize("metric", [True, False])
def test_no_memory_is_told_as_such(metric):
    target = asked(metric=metric, error_code=int(QueryErrorCode.NO_MEMORY), error_msg="none")
    assert target.error_code is GraspErrorCode.NO_MEMORY and target.message == "none"
