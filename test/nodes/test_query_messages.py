import numpy as np
import pytest

from m3_ros.capture.messages import to_depth, to_pose
from m3_ros.codes import QueryStatus
from m3_ros.nodes.conversions import header
from m3_ros.nodes.images import to_points
from m3_ros.nodes.memory_messages import gaussians_message
from m3_ros.nodes.query_messages import (
    Headers,
    fill_description,
    fill_response,
    topic_messages,
)
from m3_ros.query.answer import Localizer
from m3_ros.query.describe import describe
from m3_ros.query.inventory import Inventory
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import upright_box
from m3_ros.srv import Describe, Query

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


def respond(result, **request):
    response = Query.Response()
    fill_response(response, Query.Request(text="duck", **request), result, HEADS)
    return response


def test_the_response_lists_every_object_best_first(result):
    response = respond(result)
    assert response.status.value == QueryStatus.FOUND
    assert response.header.frame_id == "map" and response.header.stamp.sec == 2
    assert [target.id for target in response.targets] == [0, 1]
    assert [target.label for target in response.targets] == ["duck", "duck"]
    assert [target.score for target in response.targets] == pytest.approx([0.9, 0.4])
    assert [target.visible for target in response.targets] == [True, False]
    target, box = response.targets[0], result.targets[0].box
    assert target.status.value == QueryStatus.FOUND
    assert np.allclose(to_pose(target.pose)[:3, 3], box.center)
    assert np.allclose([target.size.x, target.size.y, target.size.z], box.size)
    assert target.position_stddev == pytest.approx(0.01)


def test_points_and_heat_map_come_only_on_request(result):
    response = respond(result)
    assert not response.targets[0].points.data and not response.heatmap.data
    response = respond(result, with_points=True)
    assert np.allclose(to_points(response.targets[1].points), result.targets[1].points)
    assert response.targets[0].points.header.frame_id == "map" and not response.heatmap.data
    response = respond(result, with_heatmap=True)
    assert np.allclose(to_depth(response.heatmap), result.heatmap)
    assert not response.targets[0].points.data


def test_an_answer_with_three_targets_prints_in_three_kilobytes(result):
    three = QueryResult(
        QueryStatus.AMBIGUOUS, [*result.targets, result.targets[0]], None, "x" * 100
    )
    response = respond(three)
    response.memory_revision = "0" * 64
    assert len(response.targets) == 3
    assert len(str(response)) < 3000
    assert len(as_yaml(response)) < 3000


def test_a_description_has_a_target_for_each_sentence(toy, toy_memory):
    inventory, response = Inventory(Localizer(toy_memory, toy.model)), Describe.Response()
    fill_description(response, inventory, describe(inventory))
    assert response.metric and response.header.frame_id == "map"
    for text, target in zip(response.sentences, response.targets, strict=True):
        place = toy.places[target.label.split()[0]]
        assert text.startswith(f"a {target.label}, ")
        assert np.allclose(to_pose(target.pose)[:2, 3], place, atol=0.005)
        assert target.status.value == QueryStatus.FOUND and target.score > 0.5
        assert target.position_stddev > 0


def as_yaml(message, depth=0):
    """A message as `ros2 service call` and `ros2 topic echo` print it, one field a line."""
    lines = []
    for name in message.get_fields_and_field_types():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            lines += [f"{'  ' * depth}{name}:", as_yaml(value, depth + 1)]
        elif len(items := list(value) if isinstance(value, list) else []):
            lines += [f"{'  ' * depth}{name}:", *(as_yaml(item, depth + 1) for item in items)]
        else:
            lines.append(f"{'  ' * depth}{name}: {value}")
    return "\n".join(lines)


@pytest.mark.parametrize("status", [item for item in QueryStatus if item])
def test_only_found_gives_a_grasp_target(result, toy, toy_memory, status):
    answer = QueryResult(status, result.targets, result.heatmap, "")
    assert respond(answer).status.value == status
    messages = topic_messages(answer, toy.frames[0], toy_memory, HEADS)
    assert ("m3/grasp_target" in messages) == (status is QueryStatus.FOUND)


def test_pictures_belong_to_the_frame_and_clouds_to_the_memory(result, toy, toy_memory):
    frame = toy.frames[0]
    messages = topic_messages(result, frame, toy_memory, HEADS)
    assert (messages["m3/heatmap"].width, messages["m3/heatmap"].height) == (
        frame.width,
        frame.height,
    )
    assert messages["m3/heatmap"].header.frame_id == "camera_color_optical_frame"
    cloud = messages["m3/relevancy"]
    assert cloud.header.frame_id == "map" and cloud.header.stamp.sec == 2
    assert np.allclose(to_points(cloud), toy_memory.gaussians.means.numpy())
    scores = np.frombuffer(cloud.data, np.float32).reshape(len(result.probabilities), -1)[:, -1]
    assert np.allclose(scores, result.probabilities)
    assert len(messages["m3/detections"].detections) == 2


def test_without_a_frame_there_is_no_picture(result, toy_memory):
    blind = QueryResult(QueryStatus.FOUND, result.targets, None, "", result.probabilities)
    messages = topic_messages(blind, None, toy_memory, HEADS)
    assert "m3/heatmap" not in messages and "m3/relevancy" in messages


def test_gaussians_become_coloured_points(toy_memory):
    message = gaussians_message(toy_memory, HEADS.world)
    assert np.allclose(to_points(message), toy_memory.gaussians.means.numpy())
    assert [field.name for field in message.fields] == ["x", "y", "z", "rgb", "opacity"]
