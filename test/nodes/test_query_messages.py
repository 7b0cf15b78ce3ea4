import numpy as np
import pytest

from m3_ros.capture.messages import to_depth, to_pose
from m3_ros.codes import QueryStatus
from m3_ros.nodes.conversions import header
from m3_ros.nodes.images import to_points
from m3_ros.nodes.query_messages import Headers, fill_response, gaussians_message, topic_messages
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import upright_box
from m3_ros.srv import Query

HEADS = Headers(header("map", 2.0), header("camera_color_optical_frame", 2.0))


@pytest.fixture
def result(toy):
    points = np.random.default_rng(0).random((50, 3)) * [0.1, 0.2, 0.3]
    box = upright_box(points)
    duck = TargetObject(0, "duck", 0.9, QueryStatus.FOUND, box, 0.01, True, points)
    goose = TargetObject(1, "duck", 0.4, QueryStatus.FOUND, box, 0.01, False, points)
    heatmap = np.linspace(0, 1, toy.frames[0].depth.size, dtype=np.float32)
    score = np.linspace(0, 1, len(toy.gaussians), dtype=np.float32)
    heatmap = heatmap.reshape(toy.frames[0].depth.shape)
    return QueryResult(QueryStatus.FOUND, [duck, goose], heatmap, "here", score)


def test_the_response_lists_every_object_best_first(result):
    response = Query.Response()
    fill_response(response, result, HEADS)
    assert response.status == Query.Response.FOUND
    assert list(response.scores) == pytest.approx([0.9, 0.4])
    assert list(response.visible) == [True, False]
    center = to_pose(response.targets[0].pose)[:3, 3]
    assert np.allclose(center, result.targets[0].box.center)
    assert np.allclose(to_points(response.points[0]), result.targets[0].points)
    assert np.allclose(to_depth(response.heatmap), result.heatmap)
    assert response.targets[0].header.frame_id == "map"


@pytest.mark.parametrize(
    "status", [status for status in QueryStatus if status is not QueryStatus.UNKNOWN]
)
def test_every_status_has_its_constant_and_only_found_gives_a_target(
    result, toy, toy_memory, status
):
    answer = QueryResult(status, result.targets, result.heatmap, "")
    response = Query.Response()
    fill_response(response, answer, HEADS)
    assert response.status == getattr(Query.Response, status.name)
    messages = topic_messages(answer, toy.frames[0], toy_memory, HEADS)
    assert ("grasp_target" in messages) == (status is QueryStatus.FOUND)


def test_pictures_belong_to_the_frame_and_clouds_to_the_memory(result, toy, toy_memory):
    frame = toy.frames[0]
    messages = topic_messages(result, frame, toy_memory, HEADS)
    assert (messages["heatmap"].width, messages["heatmap"].height) == (frame.width, frame.height)
    assert messages["heatmap"].header.frame_id == "camera_color_optical_frame"
    cloud = messages["relevancy"]
    assert cloud.header.frame_id == "map" and cloud.header.stamp.sec == 2
    assert np.allclose(to_points(cloud), toy_memory.gaussians.means.numpy())
    scores = np.frombuffer(cloud.data, np.float32).reshape(len(result.probabilities), -1)[:, -1]
    assert np.allclose(scores, result.probabilities)
    assert len(messages["detections"].detections) == 2


def test_without_a_frame_there_is_no_picture(result, toy_memory):
    blind = QueryResult(QueryStatus.FOUND, result.targets, None, "", result.probabilities)
    messages = topic_messages(blind, None, toy_memory, HEADS)
    assert "heatmap" not in messages and "relevancy" in messages


def test_gaussians_become_coloured_points(toy_memory):
    message = gaussians_message(toy_memory, HEADS.world)
    assert np.allclose(to_points(message), toy_memory.gaussians.means.numpy())
    assert [field.name for field in message.fields] == ["x", "y", "z", "rgb", "opacity"]
