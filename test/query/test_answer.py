"""Every status, on a world where the truth is known."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.geometry import look_at
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.calibration import Calibration
from m3_ros.query.grammar import QueryError

EYE = (0.3, -0.35, 0.95)


@pytest.fixture(scope="module")
def localizer(toy_memory, toy):
    return Localizer(toy_memory, toy.model)


def without(places, color):
    return {name: place for name, place in places.items() if name != color}


@pytest.mark.parametrize("color", ["red", "green", "blue", "yellow"])
def test_the_memory_alone_finds_the_whole_box(localizer, toy, color):
    result = localizer.locate(f"the {color} box, please")
    assert result.status is QueryStatus.FOUND
    assert result.heatmap is None
    found = result.targets[0]
    truth = [*toy.places[color], toy.table_z + toy.box / 2]
    np.testing.assert_allclose(found.box.center, truth, atol=0.005)
    np.testing.assert_allclose(found.box.size, toy.box, atol=0.014)
    assert 0.5 <= found.score <= 1
    assert found.label == f"{color} box"
    assert found.status is QueryStatus.FOUND and not found.visible
    assert 0 < found.position_stddev < 0.005
    assert localizer.segments[found.id].id == found.id


def test_the_live_frame_confirms(localizer, toy):
    frame = toy.see(EYE)
    result = localizer.locate("red", frame)
    assert result.status is QueryStatus.FOUND
    assert result.targets[0].visible
    assert result.heatmap.shape == frame.depth.shape
    assert result.heatmap.max() <= 1
    row, column = np.unravel_index(result.heatmap.argmax(), result.heatmap.shape)
    assert frame.rgb[row, column].argmax() == 0
    assert (result.heatmap > 0.5).mean() < 0.1


@pytest.mark.parametrize("text", ["purple umbrella", "umbrella", "желтая утка"])
def test_what_is_absent_is_not_found(localizer, toy, text):
    for frame in (None, toy.see(EYE)):
        result = localizer.locate(text, frame)
        assert result.status is QueryStatus.NOT_FOUND
        assert not result.targets
        assert text in result.message


def test_a_word_that_the_model_has_not_learnt_finds_nothing_and_is_named(localizer, toy):
    assert localizer.locate("red thing", toy.see(EYE)).status is QueryStatus.FOUND
    for frame in (None, toy.see(EYE)):
        result = localizer.locate("the red gizmo", frame)
        assert result.status is QueryStatus.NOT_FOUND
        assert "has not learnt what 'gizmo' is" in result.message
        assert result.probabilities.max() < 0.01


def test_two_that_fit_are_ambiguous(localizer, toy):
    result = localizer.locate("pair")
    assert result.status is QueryStatus.AMBIGUOUS
    assert len(result.targets) == 2
    scores = [target.score for target in result.targets]
    assert scores == sorted(scores, reverse=True)
    places = {tuple(np.round(d.box.center[:2], 2)) for d in result.targets}
    assert places == {toy.places["red"], toy.places["blue"]}


def test_what_cannot_be_decided_is_uncertain_with_ranked_places(toy_memory, toy):
    doubtful = Localizer(toy_memory, toy.model, calibration=Calibration(0.05, -1.3))
    seen = doubtful.locate("red box", toy.see(EYE))
    for result in (doubtful.locate("red"), seen, doubtful.locate("the largest red box")):
        assert result.status is QueryStatus.UNCERTAIN
        best = result.targets[0]
        assert 0.2 <= best.score < 0.4 and f"{best.score:.2f}" in result.message
        assert "cannot be decided" in result.message and "0.40" in result.message
        np.testing.assert_allclose(best.box.center[:2], toy.places["red"], atol=0.01)
    assert seen.targets[0].visible
    gone = doubtful.locate("red", toy.see(EYE, without(toy.places, "red")))
    assert gone.status is QueryStatus.NOT_FOUND and not gone.targets


def test_one_of_two_that_is_gone_makes_it_clear(localizer, toy):
    frame = toy.see(EYE, without(toy.places, "red"))
    result = localizer.locate("pair", frame)
    assert result.status is QueryStatus.FOUND
    np.testing.assert_allclose(result.targets[0].box.center[:2], toy.places["blue"], atol=0.01)


def test_a_removed_box_is_stale(localizer, toy):
    result = localizer.locate("red", toy.see(EYE, without(toy.places, "red")))
    assert result.status is QueryStatus.STALE
    assert not result.targets
    assert "not seen" in result.message


def test_a_moved_box_is_stale_and_found_again(localizer, toy):
    moved = {**toy.places, "red": (-0.2, -0.2)}
    result = localizer.locate("red", toy.see(EYE, moved))
    assert result.status is QueryStatus.STALE
    np.testing.assert_allclose(result.targets[0].box.center[:2], moved["red"], atol=0.03)
    assert result.targets[0].visible


def test_a_box_that_moved_by_less_than_its_size_is_seen_whole(localizer, toy):
    x, y = toy.places["red"]
    result = localizer.locate("red", toy.see(EYE, {**toy.places, "red": (x - 0.04, y - 0.04)}))
    assert result.status is QueryStatus.STALE
    assert np.ptp(result.targets[0].points[:, 1]) > 0.095  # of 0.1 m


def test_another_box_in_its_place_is_noticed(localizer, toy):
    swapped = {**toy.places, "red": toy.places["blue"], "blue": toy.places["red"]}
    result = localizer.locate("red", toy.see(EYE, swapped))
    assert result.status is QueryStatus.STALE
    np.testing.assert_allclose(result.targets[0].box.center[:2], toy.places["blue"], atol=0.03)


def test_looking_away_or_from_behind_something(localizer, toy):
    away = localizer.locate("red", toy.see(EYE, target=(3.0, 0.0, 0.5)))
    assert away.status is QueryStatus.OUT_OF_VIEW
    assert not away.targets[0].visible
    assert len(away.targets[0].points) > 50


def test_something_new_in_front_hides_it(localizer, toy):
    frame = toy.see(EYE)
    red = (frame.rgb[..., 0] > 150) & (frame.rgb[..., 1] < 100)
    depth, rgb = frame.depth.copy(), frame.rgb.copy()
    depth[red], rgb[red] = 0.2, 128
    assert (
        localizer.locate("red", replace(frame, rgb=rgb, depth=depth)).status
        is QueryStatus.OUT_OF_VIEW
    )


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_no_depth_is_said(localizer, toy, value):
    frame = toy.see(EYE)
    result = localizer.locate("red", replace(frame, depth=np.full_like(frame.depth, value)))
    assert result.status is QueryStatus.NO_DEPTH
    assert result.targets


def test_a_camera_inside_a_box(localizer, toy):
    eye = [*toy.places["red"], toy.table_z + 0.03]
    frame = toy.see(EYE)
    inside = RgbdFrame(frame.rgb, frame.depth, frame.K, look_at(eye, (1.0, 0.3, 0.53)))
    assert localizer.locate("red", inside).status is QueryStatus.OUT_OF_VIEW


@pytest.mark.parametrize("text", ["", " ", "x" * 10_000])
def test_a_bad_text_is_refused(localizer, text):
    with pytest.raises(QueryError):
        localizer.locate(text)


def test_a_picture_is_a_query_too(localizer, toy):
    crop = np.full((32, 32, 3), (230, 25, 25), np.uint8)
    result = localizer.locate(crop, toy.see(EYE))
    assert result.status is QueryStatus.FOUND
    np.testing.assert_allclose(result.targets[0].box.center[:2], toy.places["red"], atol=0.01)


def test_the_heat_map_from_any_pose(localizer, toy):
    frame = toy.frames[0]
    heat = localizer.heatmap("green", frame.camtoworld, frame.K, (160, 120))
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    assert frame.rgb[row, column].argmax() == 1


def test_an_empty_table_answers_too(toy, toy_memory):
    keep = torch.arange(6400)  # the table's Gaussians come first
    model = toy_memory.model("color")
    bare = SpatialMemory(
        toy.gaussians.select(keep),
        {
            "color": replace(
                model, queries=model.queries[keep], reliability=model.reliability[keep]
            )
        },
        toy_memory.views,
    )
    for frame in (None, toy.see(EYE), toy.see(EYE, target=(0.4, -0.35, 5.0))):
        assert Localizer(bare, toy.model).locate("red", frame).status is QueryStatus.NOT_FOUND


def test_threads_may_ask_at_once(localizer, toy):
    frame = toy.see(EYE)
    texts = ["red", "the green box", "pair", "umbrella"] * 2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: localizer.locate(text, frame), texts))
    for text, result in zip(texts, together, strict=True):
        alone = localizer.locate(text, frame)
        assert (result.status, result.message) == (alone.status, alone.message)


def test_a_plural_lists_all_of_a_kind(localizer):
    result = localizer.locate("where are the boxes?")
    assert result.status is QueryStatus.AMBIGUOUS
    assert len(result.targets) == 4


def test_every_gaussian_has_a_probability(localizer, toy):
    values = localizer.locate("blue box").probabilities
    assert values.shape == (len(toy.gaussians),) and values.min() >= 0 and values.max() <= 1
    best = toy.gaussians.means[values.argsort()[-20:].copy()].numpy()
    assert np.abs(best[:, :2] - toy.places["blue"]).max() < 0.06


def test_nothing_of_the_memory_in_view(localizer, toy):
    frame = toy.see(EYE, target=(3.0, -3.0, 4.0))
    result = localizer.locate("red", frame)
    assert result.status is QueryStatus.OUT_OF_VIEW
    assert result.heatmap.max() == 0.0


def test_a_small_move_is_noticed_and_the_new_place_told(localizer, toy):
    x, y = toy.places["red"]
    result = localizer.locate("red", toy.see(EYE, {**toy.places, "red": (x - 0.05, y - 0.04)}))
    assert result.status is QueryStatus.STALE
    np.testing.assert_allclose(result.targets[0].box.center[:2], (x - 0.05, y - 0.04), atol=0.03)


def test_another_colour_in_its_place_does_not_pass_for_it(localizer, toy):
    """The red box is gone, a green one was put elsewhere: that is not the red one moved."""
    places = {**without(toy.places, "red"), "green": (-0.2, -0.2)}
    result = localizer.locate("red", toy.see(EYE, places))
    assert result.status is QueryStatus.STALE
    assert not result.targets


def test_boxes_that_touch_are_two_objects(toy):
    places = {"red": (0.0, -toy.box / 2), "blue": (0.0, toy.box / 2)}
    touching = Localizer(toy.remember(places), toy.model)
    for color, place in places.items():
        result = touching.locate(color)
        assert result.status is QueryStatus.FOUND
        np.testing.assert_allclose(result.targets[0].box.center[:2], place, atol=0.012)


def test_other_weights_are_refused(toy, toy_memory):
    class Other(type(toy.model)):
        digest = "other"

    with pytest.raises(ValueError, match="build the memory again"):
        Localizer(toy_memory, Other())


def test_what_hides_half_of_a_box_does_not_lend_it_its_appearance(localizer, toy):
    frame = toy.see(EYE)
    red = (frame.rgb[..., 0].astype(int) - frame.rgb[..., 1:].max(-1)) > 60
    rows, columns = np.nonzero(red)
    hidden = np.zeros_like(red)
    hidden[
        rows.min() - 5 : rows.max() + 5, int(np.quantile(columns, 0.45)) : columns.max() + 40
    ] = 1
    rgb = np.where(hidden[..., None], np.uint8([20, 20, 230]), frame.rgb)
    depth = np.where(hidden, np.float32(0.15), frame.depth)
    assert (
        localizer.locate("red", replace(frame, rgb=rgb, depth=depth)).status is QueryStatus.FOUND
    )


def forget(memory, gone):
    """The memory without the features of some Gaussians `[N]`: they belong to no segment."""
    model = memory.models["color"]
    reliability = torch.where(torch.from_numpy(gone), 0.0, model.reliability)
    return replace(memory, models={"color": replace(model, reliability=reliability)})


def test_what_the_memory_lacks_of_an_object_the_live_frame_completes(toy, toy_memory):
    x, y = toy.places["red"]
    means = toy.gaussians.means.numpy()
    gone = (np.abs(means[:, :2] - [x, y]).max(1) < 0.032) & (means[:, 0] > x - 0.012)
    localizer = Localizer(forget(toy_memory, gone & (means[:, 2] > toy.table_z)), toy.model)
    alone = localizer.locate("red").targets[0]
    assert alone.box.center[0] < x - 0.015  # a third of the box is known
    seen = localizer.locate("red", toy.see(EYE)).targets[0]
    np.testing.assert_allclose(seen.box.center[:2], [x, y], atol=0.005)
    assert seen.visible and len(seen.points) > len(alone.points)


def test_something_new_beside_an_object_does_not_complete_it(localizer, toy):
    x, y = toy.places["red"]
    frame = toy.see(EYE, {**toy.places, "blue": (x + toy.box, y)})  # touches the red one
    known, seen = localizer.locate("red").targets[0], localizer.locate("red", frame).targets[0]
    assert seen.visible
    np.testing.assert_array_equal(seen.points, known.points)


def test_targets_say_what_they_are(localizer, toy):
    red = localizer.locate("red", toy.see(EYE)).targets[0]
    members = localizer.segments[red.id].members
    assert np.abs(localizer.segments.points[members] - red.box.center).max() < 0.04
    moved = localizer.locate("red", toy.see(EYE, {**toy.places, "red": (-0.2, -0.2)})).targets[0]
    assert (moved.id, moved.status, moved.visible) == (-1, QueryStatus.STALE, True)
    assert 0.5 < moved.score <= 1.0
    away = localizer.locate("red", toy.see(EYE, target=(3.0, 0.0, 0.5))).targets[0]
    assert (away.id, away.status) == (red.id, QueryStatus.OUT_OF_VIEW)
    assert away.position_stddev < 0.003


def test_a_surface_that_is_seen_shifted_makes_the_position_less_certain(localizer, toy):
    frame = toy.see(EYE)
    exact = localizer.locate("red", frame).targets[0]
    frame.depth[frame.depth > 0] += np.float32(0.01)
    shifted = localizer.locate("red", frame).targets[0]
    assert exact.position_stddev < 0.003
    assert shifted.position_stddev == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize(
    ("query", "places", "words"),
    [
        ("red", "as remembered", "'red' is at x -?0.00., y -0.1.., z 0.5.. m"),
        ("umbrella", "as remembered", "nothing here looks like 'umbrella'"),
        ("boxes", "as remembered", "4 objects look like 'box'; say more"),
        ("red", "gone", "'red' is no longer where the memory has it; it is not seen now"),
        ("red", "moved", "'red' is no longer .* it is seen elsewhere now"),
    ],
)
def test_messages(localizer, toy, query, places, words):
    moved = {"as remembered": {}, "gone": None, "moved": {"red": (-0.2, -0.2)}}[places]
    changed = without(toy.places, "red") if moved is None else {**toy.places, **moved}
    message = localizer.locate(query, toy.see(EYE, changed)).message
    assert re.match(words, message), message


def test_messages_of_what_is_not_seen(localizer, toy):
    frame = toy.see(EYE)
    blind = replace(frame, depth=np.zeros_like(frame.depth))
    assert "the camera measures no depth there" in localizer.locate("red", blind).message
    away = toy.see(EYE, target=(3.0, 0.0, 0.5))
    assert "which the camera does not see now" in localizer.locate("red", away).message


def test_one_of_two_that_is_hidden_is_kept(localizer, toy):
    frame = toy.see(EYE)
    red = (frame.rgb[..., 0] > 150) & (frame.rgb[..., 1] < 100)
    frame.depth[red], frame.rgb[red] = 0.2, 128  # something hides the red one
    result = localizer.locate("pair", frame)
    assert result.status is QueryStatus.AMBIGUOUS
    statuses = {target.status for target in result.targets}
    assert statuses == {QueryStatus.FOUND, QueryStatus.OUT_OF_VIEW}
    assert all(t.visible == (t.status is QueryStatus.FOUND) for t in result.targets)


@pytest.mark.parametrize("text", ["the table", "floor", "shelf"])
@pytest.mark.parametrize("live", [False, True])
def test_a_surface_is_answered_as_such_and_is_no_object(localizer, toy, text, live):
    result = localizer.locate(text, toy.see(EYE) if live else None)
    assert result.status is QueryStatus.NOT_FOUND
    assert "is a surface, not an object" in result.message and "m3 place" in result.message
    (target,) = result.targets
    np.testing.assert_allclose(np.median(target.points[:, 2]), toy.table_z, atol=0.005)
    assert target.box.size[:2].min() > 0.5


def test_a_wall_that_is_not_there_is_told(localizer):
    result = localizer.locate("wall")
    assert result.status is QueryStatus.NOT_FOUND and not result.targets
    assert "none of that kind" in result.message


def test_an_adjective_that_means_nothing_to_the_model_is_told(localizer):
    plain, glossy = localizer.locate("red box"), localizer.locate("glossy red box")
    assert glossy.status is plain.status is QueryStatus.FOUND
    assert "'glossy'" in glossy.message and "not considered" in glossy.message
    assert "not considered" not in plain.message
    assert "'glossy'" in localizer.locate("box left of the glossy red box").message
