"""Every status, on a world where the truth is known."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.geometry import look_at
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.live import Evidence, SeenThing
from m3_ros.query.localize import Localizer, _verdict
from m3_ros.query.relevancy import QueryError

EYE = (0.3, -0.35, 0.95)


@pytest.fixture(scope="module")
def localizer(toy_memory, toy):
    return Localizer(toy_memory, toy.model)


def without(places, color):
    return {name: place for name, place in places.items() if name != color}


@pytest.mark.parametrize("color", ["red", "green", "blue", "yellow"])
def test_the_memory_alone_finds_the_whole_box(localizer, toy, color):
    result = localizer.locate(f"the {color} box, please")
    assert result.status == "FOUND"
    assert result.heatmap is None
    found = result.detections[0]
    truth = [*toy.places[color], toy.table_z + toy.box / 2]
    np.testing.assert_allclose(found.centroid, truth, atol=0.005)
    np.testing.assert_allclose(found.box.size, toy.box, atol=0.014)
    assert 0.5 <= found.score <= 1
    assert found.label == f"{color} box"
    assert np.linalg.eigvalsh(found.covariance).min() > 0


def test_the_live_frame_confirms(localizer, toy):
    frame = toy.see(EYE)
    result = localizer.locate("red", frame)
    assert result.status == "FOUND"
    assert result.detections[0].visible
    assert result.heatmap.shape == frame.depth.shape
    assert result.heatmap.max() <= 1
    row, column = np.unravel_index(result.heatmap.argmax(), result.heatmap.shape)
    assert frame.rgb[row, column].argmax() == 0
    assert (result.heatmap > 0.5).mean() < 0.1


@pytest.mark.filterwarnings("error")
def test_a_single_point_has_no_covariance(localizer):
    found = localizer.detection("speck", np.array([[0.1, 0.2, 0.3]]), score=0.5)
    assert (found.covariance == 0.0).all()


@pytest.mark.parametrize("prompt", ["purple umbrella", "umbrella", "желтая утка"])
def test_what_is_absent_is_not_found(localizer, toy, prompt):
    for frame in (None, toy.see(EYE)):
        result = localizer.locate(prompt, frame)
        assert result.status == "NOT_FOUND"
        assert not result.detections
        assert prompt in result.message


def test_a_word_that_the_model_has_not_learnt_finds_nothing_and_is_named(localizer, toy):
    assert localizer.locate("red thing", toy.see(EYE)).status == "FOUND"
    for frame in (None, toy.see(EYE)):
        result = localizer.locate("the red gizmo", frame)
        assert result.status == "NOT_FOUND"
        assert "has not learnt what 'gizmo' is" in result.message
        assert result.relevancy.max() < 0.01


@pytest.mark.parametrize(("second", "status"), [(0.88, "FOUND"), (0.92, "AMBIGUOUS")])
def test_what_is_nearly_as_likely_is_a_tie(localizer, monkeypatch, second, status):
    scores = iter([0.999, second])
    known: dict[bytes, float] = {}

    def probability(question, feature):
        return known.setdefault(feature.tobytes(), next(scores, 0.0))

    monkeypatch.setattr(localizer, "probability", probability)
    result = localizer.locate("pair")
    assert result.status == status and result.detections[0].score == 0.999


def test_two_that_fit_are_ambiguous(localizer, toy):
    result = localizer.locate("pair")
    assert result.status == "AMBIGUOUS"
    assert len(result.detections) == 2
    scores = [detection.score for detection in result.detections]
    assert scores == sorted(scores, reverse=True)
    places = {tuple(np.round(d.centroid[:2], 2)) for d in result.detections}
    assert places == {toy.places["red"], toy.places["blue"]}


def test_one_of_two_that_is_gone_makes_it_clear(localizer, toy):
    frame = toy.see(EYE, without(toy.places, "red"))
    result = localizer.locate("pair", frame)
    assert result.status == "FOUND"
    np.testing.assert_allclose(result.detections[0].centroid[:2], toy.places["blue"], atol=0.01)


def test_a_removed_box_is_stale(localizer, toy):
    result = localizer.locate("red", toy.see(EYE, without(toy.places, "red")))
    assert result.status == "STALE"
    assert not result.detections
    assert "not seen" in result.message


def test_a_moved_box_is_stale_and_found_again(localizer, toy):
    moved = {**toy.places, "red": (-0.2, -0.2)}
    result = localizer.locate("red", toy.see(EYE, moved))
    assert result.status == "STALE"
    np.testing.assert_allclose(result.detections[0].centroid[:2], moved["red"], atol=0.03)
    assert result.detections[0].visible


def test_a_box_that_moved_by_less_than_its_size_is_seen_whole(localizer, toy):
    x, y = toy.places["red"]
    result = localizer.locate("red", toy.see(EYE, {**toy.places, "red": (x - 0.04, y - 0.04)}))
    assert result.status == "STALE"
    assert np.ptp(result.detections[0].points[:, 1]) > 0.095  # of 0.1 m


def test_another_box_in_its_place_is_noticed(localizer, toy):
    swapped = {**toy.places, "red": toy.places["blue"], "blue": toy.places["red"]}
    result = localizer.locate("red", toy.see(EYE, swapped))
    assert result.status == "STALE"
    np.testing.assert_allclose(result.detections[0].centroid[:2], toy.places["blue"], atol=0.03)


def test_looking_away_or_from_behind_something(localizer, toy):
    away = localizer.locate("red", toy.see(EYE, target=(3.0, 0.0, 0.5)))
    assert away.status == "OUT_OF_VIEW"
    assert not away.detections[0].visible
    assert len(away.detections[0].points) > 50


def test_something_new_in_front_hides_it(localizer, toy):
    frame = toy.see(EYE)
    red = (frame.rgb[..., 0] > 150) & (frame.rgb[..., 1] < 100)
    depth, rgb = frame.depth.copy(), frame.rgb.copy()
    depth[red], rgb[red] = 0.2, 128
    assert localizer.locate("red", replace(frame, rgb=rgb, depth=depth)).status == "OUT_OF_VIEW"


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_no_depth_is_said(localizer, toy, value):
    frame = toy.see(EYE)
    result = localizer.locate("red", replace(frame, depth=np.full_like(frame.depth, value)))
    assert result.status == "NO_DEPTH"
    assert result.detections


def test_a_camera_inside_a_box(localizer, toy):
    eye = [*toy.places["red"], toy.table_z + 0.03]
    frame = toy.see(EYE)
    inside = RgbdFrame(frame.rgb, frame.depth, frame.K, look_at(eye, (1.0, 0.3, 0.53)))
    assert localizer.locate("red", inside).status in ("OUT_OF_VIEW", "NO_DEPTH", "STALE")


@pytest.mark.parametrize("prompt", ["", " ", "x" * 10_000])
def test_a_bad_prompt_is_refused(localizer, prompt):
    with pytest.raises(QueryError):
        localizer.locate(prompt)


def test_a_picture_is_a_question_too(localizer, toy):
    crop = np.full((32, 32, 3), (230, 25, 25), np.uint8)
    result = localizer.locate(crop, toy.see(EYE))
    assert result.status == "FOUND"
    np.testing.assert_allclose(result.detections[0].centroid[:2], toy.places["red"], atol=0.01)


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
        assert Localizer(bare, toy.model).locate("red", frame).status == "NOT_FOUND"


def test_threads_may_ask_at_once(localizer, toy):
    frame = toy.see(EYE)
    prompts = ["red", "the green box", "pair", "umbrella"] * 2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: localizer.locate(prompt, frame), prompts))
    for prompt, result in zip(prompts, together, strict=True):
        alone = localizer.locate(prompt, frame)
        assert (result.status, result.message) == (alone.status, alone.message)


def test_a_plural_lists_all_of_a_kind(localizer):
    result = localizer.locate("where are the boxes?")
    assert result.status == "AMBIGUOUS"
    assert len(result.detections) == 4


def test_every_gaussian_has_a_relevancy(localizer, toy):
    values = localizer.locate("blue box").relevancy
    assert values.shape == (len(toy.gaussians),) and values.min() >= 0 and values.max() <= 1
    best = toy.gaussians.means[values.argsort()[-20:].copy()].numpy()
    assert np.abs(best[:, :2] - toy.places["blue"]).max() < 0.06


def test_nothing_of_the_memory_in_view(localizer, toy):
    frame = toy.see(EYE, target=(3.0, -3.0, 4.0))
    result = localizer.locate("red", frame)
    assert result.status == "OUT_OF_VIEW"
    assert result.heatmap.max() == 0.0


def test_a_small_move_is_noticed_and_the_new_place_told(localizer, toy):
    x, y = toy.places["red"]
    result = localizer.locate("red", toy.see(EYE, {**toy.places, "red": (x - 0.05, y - 0.04)}))
    assert result.status == "STALE"
    np.testing.assert_allclose(result.detections[0].centroid[:2], (x - 0.05, y - 0.04), atol=0.03)


def test_another_colour_in_its_place_does_not_pass_for_it(localizer, toy):
    """The red box is gone, a green one was put elsewhere: that is not the red one moved."""
    places = {**without(toy.places, "red"), "green": (-0.2, -0.2)}
    result = localizer.locate("red", toy.see(EYE, places))
    assert result.status == "STALE"
    assert not result.detections


def test_boxes_that_touch_are_two_things(toy):
    places = {"red": (0.0, -toy.box / 2), "blue": (0.0, toy.box / 2)}
    touching = Localizer(toy.remember(places), toy.model)
    for color, place in places.items():
        result = touching.locate(color)
        assert result.status == "FOUND"
        np.testing.assert_allclose(result.detections[0].centroid[:2], place, atol=0.012)


def test_other_weights_are_refused(toy, toy_memory):
    class Other(type(toy.model)):
        digest = "other"

    with pytest.raises(ValueError, match="build the memory again"):
        Localizer(toy_memory, Other())


def test_what_hides_half_of_a_box_does_not_lend_it_its_look(localizer, toy):
    frame = toy.see(EYE)
    red = (frame.rgb[..., 0].astype(int) - frame.rgb[..., 1:].max(-1)) > 60
    rows, columns = np.nonzero(red)
    hidden = np.zeros_like(red)
    hidden[
        rows.min() - 5 : rows.max() + 5, int(np.quantile(columns, 0.45)) : columns.max() + 40
    ] = 1
    rgb = np.where(hidden[..., None], np.uint8([20, 20, 230]), frame.rgb)
    depth = np.where(hidden, np.float32(0.15), frame.depth)
    assert localizer.locate("red", replace(frame, rgb=rgb, depth=depth)).status == "FOUND"


@pytest.mark.parametrize(
    ("agree", "behind", "alike", "status"),
    [
        (0.9, 0.1, True, "FOUND"),
        (0.9, 0.05, False, "STALE"),  # something else is there
        (0.5, 0.0, True, "FOUND"),
        (0.5, 0.4, False, "STALE"),  # half of it is gone
        (0.1, 0.9, True, "STALE"),
        (0.1, 0.1, True, "OUT_OF_VIEW"),
    ],
)
def test_what_a_view_says_of_a_thing(agree, behind, alike, status):
    evidence = Evidence(500, 1.0, agree, behind, np.zeros(3, np.float32))
    assert _verdict(evidence, alike) == status


@pytest.mark.parametrize(
    ("angles", "pixels", "status"),
    [(0.0, 500, "FOUND"), (2.6, 500, "FOUND"), (2.9, 500, "STALE"), (2.9, 50, "FOUND")],
)
def test_how_unlike_itself_a_thing_may_look(localizer, toy, monkeypatch, angles, pixels, status):
    question = localizer.question("red")
    (thing,) = localizer._contenders(question, localizer.relevancy(question))
    across = np.linalg.svd(thing.feature[None])[2][-1]
    angle = angles * np.arccos(localizer._things.threshold)
    feature = (np.cos(angle) * thing.feature + np.sin(angle) * across).astype(np.float32)

    class Live:
        def look(self, things):
            return [Evidence(pixels, 1.0, 1.0, 0.0, feature) for _ in things]

    monkeypatch.setattr(localizer, "probability", lambda *_: 0.0)  # the text does not help
    ((_, found),) = localizer._check(question, [thing], toy.see(EYE), Live())
    assert found == status


def test_of_what_looks_like_a_thing_that_is_gone_the_largest_is_all_of_it(
    localizer, toy, monkeypatch
):
    """Its parts look like it, too, and a part may well look more like what was asked for."""
    (thing,) = localizer._contenders(*asked(localizer, "red"))
    mixed = thing.feature + 0.7 * localizer.extractor.encode_text(["blue"])[0]
    part = SeenThing(np.full((30, 3), 0.7), thing.feature)
    whole = SeenThing(np.full((400, 3), 0.9), mixed / np.linalg.norm(mixed))
    monkeypatch.setattr(localizer, "_unexpected", lambda *_: [whole, part])
    result = localizer.locate("red", toy.see(EYE, without(toy.places, "red")))
    question = localizer.question("red")
    assert localizer.probability(question, part.feature) > result.detections[0].score
    np.testing.assert_allclose(result.detections[0].centroid, 0.9)


def test_specks_of_the_memory_hide_nothing(localizer, monkeypatch):
    things = localizer._things
    gone, *others, _ = things.pieces  # the last is a speck now
    monkeypatch.setattr(things, "pieces", [gone, *others])
    shown = []

    class Live:
        def things(self, planes, remembered=None):
            shown.append(remembered)
            return []

    assert localizer._unexpected(Live(), gone) == []
    expected = things.points[np.sort(np.concatenate(others))]
    np.testing.assert_array_equal(shown[0], expected)


def test_an_answer_has_its_lid_on(localizer, monkeypatch):
    question, values = asked(localizer, "red")
    (bare,) = localizer._contenders(question, values)
    lid = next(piece for piece in localizer._things.pieces if piece[0] not in bare.part)
    monkeypatch.setattr(localizer._things, "whole", lambda part: np.concatenate([part, lid]))
    (covered,) = localizer._contenders(question, values)
    assert covered.detection.score == bare.detection.score
    assert len(covered.part) == len(bare.part) + len(lid)
    assert covered.detection.box.size.max() > bare.detection.box.size.max()


def asked(localizer, prompt):
    """The question, and every Gaussian's relevancy to it."""
    question = localizer.question(prompt)
    return question, localizer.relevancy(question)
