"""What the live frame says about remembered segments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import FeatureMap
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.observed import ObservedFrame
from m3_ros.query.verify import FrameVerifier, VerificationEvidence, depth_status

EYE = (0.3, -0.35, 0.95)


@pytest.fixture(scope="module")
def localizer(toy_memory, toy):
    return Localizer(toy_memory, toy.model)


class OneAppearance:
    """A model to which all pixels have one feature."""

    def __init__(self, feature):
        self._feature = feature

    def extract(self, rgb):
        shape = rgb.shape[0] // 2, rgb.shape[1] // 2
        features = np.broadcast_to(self._feature.astype(np.float32), (*shape, len(self._feature)))
        return FeatureMap(features, np.ones(shape, bool))


def hypothesis(localizer, text):
    query = localizer.scorer.query(text)
    (found,) = localizer.scorer.hypotheses(query, localizer.scorer.of_gaussians(query))
    return found


def verifier(localizer, frame, extractor, config=None):
    config = config or QueryConfig()
    observed = ObservedFrame(frame, extractor, config)
    return FrameVerifier(localizer.memory, localizer.segments, observed, config)


@pytest.mark.parametrize(
    ("agree", "behind", "same", "status"),
    [
        (0.9, 0.1, True, QueryStatus.FOUND),
        (0.9, 0.05, False, QueryStatus.STALE),  # something else is there
        (0.5, 0.0, True, QueryStatus.FOUND),
        (0.5, 0.4, False, QueryStatus.STALE),  # half of it is gone
        (0.1, 0.9, True, QueryStatus.STALE),
        (0.1, 0.1, True, QueryStatus.OUT_OF_VIEW),
    ],
)
def test_what_depth_and_appearance_say(agree, behind, same, status):
    none, feature = np.zeros((3, 4), bool), np.zeros(3, np.float32)
    evidence = VerificationEvidence(500, 1.0, agree, behind, 0.0, none, feature, True)
    assert depth_status(evidence, same, QueryConfig()) is status


def turned(localizer, feature, angles, towards):
    """A model that sees a feature turned by angles of the bank towards another one."""
    across = towards - (towards @ feature) * feature
    across /= np.linalg.norm(across)
    angle = angles * np.arccos(localizer.extractor.threshold)
    return OneAppearance(np.cos(angle) * feature + np.sin(angle) * across)


@pytest.mark.parametrize(
    ("angles", "min_pixels", "status"),
    [
        (0.0, 60, QueryStatus.FOUND),
        (2.6, 60, QueryStatus.FOUND),
        (2.9, 60, QueryStatus.STALE),
        (2.9, 5000, QueryStatus.FOUND),  # too few pixels to show what it is
    ],
)
def test_how_far_the_appearance_may_differ(localizer, toy, angles, min_pixels, status):
    red = hypothesis(localizer, "red")
    model = turned(localizer, red.feature, angles, toy.model.encode_text(["blue"])[0])
    config = QueryConfig(min_appearance_pixels=min_pixels)
    check = verifier(localizer, toy.see(EYE), model, config)
    (found,) = check.verify(localizer.scorer.query("umbrella"), [red], localizer.scorer)
    assert found.status is status


CORNER = (0.25, -0.05, 0.5)  # if the camera aims here, the red box is at the picture's border


@pytest.mark.parametrize(
    ("target", "towards", "angles", "status"),
    [
        ((0.0, 0.0, 0.5), "umbrella", 2.9, QueryStatus.STALE),
        (CORNER, "umbrella", 2.9, QueryStatus.FOUND),  # unlike all that is remembered
        (CORNER, "blue", 3.5, QueryStatus.STALE),  # like another box
    ],
)
def test_at_the_border_something_else_must_be_recognised(
    localizer, toy, target, towards, angles, status
):
    """Depth agrees; only the appearance differs, and at the border it is uncertain."""
    red = hypothesis(localizer, "red")
    model = turned(localizer, red.feature, angles, toy.model.encode_text([towards])[0])
    check = verifier(localizer, toy.see(EYE, target=target), model)
    (evidence,) = check.evidence([red.members])
    assert evidence.agree > 0.9 and evidence.agreeing.sum() >= 60
    unhelpful = localizer.scorer.query("green" if towards == "blue" else "yellow")
    (found,) = check.verify(unhelpful, [red], localizer.scorer)
    assert found.status is status


# Evidence


def red_pixels(frame):
    return (frame.rgb[..., 0].astype(int) - frame.rgb[..., 1:].max(-1)) > 60


def red_evidence(localizer, toy, change=None, **settings):
    """The evidence for the red box in a frame whose depth `change` alters at its pixels."""
    frame = toy.see(EYE)
    if change is not None:
        red = red_pixels(frame)
        frame.depth[red] = change(frame.depth[red])
    check = verifier(localizer, frame, toy.model, QueryConfig(**settings))
    (evidence,) = check.evidence([hypothesis(localizer, "red").members])
    return evidence


def test_evidence_of_an_unchanged_object(localizer, toy):
    evidence = red_evidence(localizer, toy)
    red = red_pixels(toy.see(EYE))
    assert evidence.pixels == pytest.approx(red.sum(), rel=0.1)
    assert evidence.measured > 0.95 and evidence.agree > 0.95 and evidence.behind < 0.02
    assert abs(evidence.shift) < 1e-4 and evidence.certain
    assert evidence.agreeing[red].mean() > 0.9 and not evidence.agreeing[~red].all()
    assert evidence.feature @ toy.model.encode_text(["red"])[0] > 0.95


def test_an_object_is_expected_where_most_light_comes_from_it(localizer, toy):
    check = verifier(localizer, toy.see(EYE), toy.model)
    members = hypothesis(localizer, "red").members
    own = torch.zeros(len(localizer.memory.gaussians), 1)
    own[localizer.segments.index[members]] = 1.0
    frame = toy.see(EYE)
    light = localizer.memory.render_values(own, frame.camtoworld, frame.K, (160, 120))
    assert check.evidence([members])[0].pixels == (light > 0.5).sum()


def test_the_appearance_is_that_of_the_interior_if_it_has_enough_pixels(localizer, toy):
    """What is painted blue lies at the border."""
    frame, config = toy.see(EYE), QueryConfig(border_share=0.35, min_appearance_pixels=5)
    observed = ObservedFrame(frame, toy.model, config)
    red = red_pixels(frame)
    inside = red & observed.interior()
    assert 5 <= inside.sum() < red.sum() / 2
    frame.rgb[red & ~inside] = (25, 25, 230)
    members = [hypothesis(localizer, "red").members]
    few = replace(config, min_appearance_pixels=int(inside.sum()) + 5)
    (certain,), (uncertain,) = (
        verifier(localizer, frame, toy.model, item).evidence(members) for item in (config, few)
    )
    red_feature = toy.model.encode_text(["red"])[0]
    assert certain.certain and certain.feature @ red_feature > 0.8
    assert not uncertain.certain and uncertain.feature @ red_feature < 0.6


@pytest.mark.parametrize(
    ("step", "agree", "behind"), [(0.019, 1.0, 0.0), (0.022, 0.0, 1.0), (-0.022, 0.0, 0.0)]
)
def test_evidence_of_a_step_in_depth(localizer, toy, step, agree, behind):
    evidence = red_evidence(localizer, toy, lambda depth: depth + np.float32(step))
    assert evidence.agree == pytest.approx(agree, abs=0.1)
    assert evidence.behind == pytest.approx(behind, abs=0.1)
    if agree:
        assert evidence.shift == pytest.approx(step, abs=0.002)


def test_evidence_of_half_the_depth(localizer, toy):
    def half(depth):
        return np.where(np.arange(len(depth)) < len(depth) / 2, depth, np.float32(0.0))

    evidence = red_evidence(localizer, toy, half)
    assert evidence.measured == pytest.approx(0.5, abs=0.07)
    assert evidence.agree > 0.9


def test_no_evidence_without_depth_or_pixels(localizer, toy):
    for evidence in (
        red_evidence(localizer, toy, np.zeros_like),
        red_evidence(localizer, toy, min_pixels=5000),
    ):
        assert (evidence.measured, evidence.agree, evidence.behind) == (0.0, 0.0, 0.0)
        assert not evidence.agreeing.any() and not evidence.feature.any()
        assert not evidence.certain
    assert verifier(localizer, toy.see(EYE), toy.model).evidence([]) == []


@pytest.mark.parametrize(
    ("pixels", "measured", "agree", "behind", "status"),
    [
        (11, 1.0, 1.0, 0.0, QueryStatus.OUT_OF_VIEW),
        (12, 1.0, 1.0, 0.0, QueryStatus.FOUND),
        (500, 0.19, 1.0, 0.0, QueryStatus.NO_DEPTH),
        (500, 0.21, 1.0, 0.0, QueryStatus.FOUND),
        (500, 1.0, 0.4, 0.6, QueryStatus.FOUND),
        (500, 1.0, 0.39, 0.5, QueryStatus.STALE),
        (500, 1.0, 0.3, 0.34, QueryStatus.OUT_OF_VIEW),  # rather hidden than gone
        (500, 1.0, 0.3, 0.36, QueryStatus.STALE),
    ],
)
def test_the_limits(pixels, measured, agree, behind, status):
    none, feature = np.zeros((3, 4), bool), np.zeros(3, np.float32)
    evidence = VerificationEvidence(pixels, measured, agree, behind, 0.0, none, feature, True)
    assert depth_status(evidence, True, QueryConfig()) is status


# Verification


def verify_red(localizer, toy, frame, **settings):
    config = QueryConfig(**settings)
    query = localizer.scorer.query("red")
    check = verifier(localizer, frame, toy.model, config)
    (found,) = check.verify(query, [hypothesis(localizer, "red")], localizer.scorer)
    return found


@pytest.mark.parametrize(
    ("least", "status"), [(0.8, QueryStatus.FOUND), (0.9, QueryStatus.OUT_OF_VIEW)]
)
def test_an_object_with_few_points_in_the_image_is_out_of_view(localizer, toy, least, status):
    frame = toy.see(EYE, target=CORNER)  # shows 85 % of its points
    found = verify_red(localizer, toy, frame, min_in_image=least)
    assert found.status is status
    assert abs(found.shift) < 1e-4


def test_something_new_apart_from_an_object_does_not_complete_it(localizer, toy):
    """Whatever its colour."""
    frame = toy.see(EYE, {**toy.places, "blue": (-0.2, -0.2)})
    blue = (frame.rgb[..., 2].astype(int) - frame.rgb[..., :2].max(-1)) > 60
    frame.rgb[blue] = (230, 25, 25)
    found = verify_red(localizer, toy, frame)
    assert found.status is QueryStatus.FOUND
    known = localizer.segments.surface(hypothesis(localizer, "red").members)
    np.testing.assert_array_equal(found.points, known)


def test_what_is_found_has_its_shift(localizer, toy):
    frame = toy.see(EYE)
    frame.depth[frame.depth > 0] += np.float32(0.01)
    assert verify_red(localizer, toy, frame).shift == pytest.approx(0.01, abs=0.002)


def test_an_appearance_that_matches_the_query_may_differ_from_the_remembered_one(localizer, toy):
    """Both boxes are "pair": blue in the place of red is one, too."""
    swapped = {**toy.places, "red": toy.places["blue"], "blue": toy.places["red"]}
    check = verifier(localizer, toy.see(EYE, swapped), toy.model)
    red, scorer = hypothesis(localizer, "red"), localizer.scorer
    assert check.verify(scorer.query("pair"), [red], scorer)[0].status is QueryStatus.FOUND
    assert check.verify(scorer.query("red"), [red], scorer)[0].status is QueryStatus.STALE


@pytest.mark.parametrize(("distance", "complete"), [(0.015, True), (0.06, False)])
def test_a_completion_is_far_from_what_is_remembered(toy, toy_memory, distance, complete):
    x, y = toy.places["red"]
    means, model = toy_memory.gaussians.means, toy_memory.models["color"]
    gone = (means[:, 0] > x - 0.012) & (means[:, 0] < x + 0.05) & (means[:, 1] < y + 0.05)
    gone &= means[:, 2] > toy.table_z
    model = replace(model, reliability=torch.where(gone, 0.0, model.reliability))
    partial = Localizer(replace(toy_memory, models={"color": model}), toy.model)
    config = QueryConfig(new_distance=distance)
    known = partial.segments.surface(hypothesis(partial, "red").members)
    check = verifier(partial, toy.see(EYE), toy.model, config)
    (found,) = check.verify(
        partial.scorer.query("red"), [hypothesis(partial, "red")], partial.scorer
    )
    assert found.status is QueryStatus.FOUND
    np.testing.assert_array_equal(found.points[: len(known)], known)
    assert (len(found.points) > len(known)) == complete


# Moved objects


def moved_red(localizer, toy, places, **settings):
    config = QueryConfig(**settings)
    check = verifier(localizer, toy.see(EYE, places), toy.model, config)
    return check.find_moved([hypothesis(localizer, "red")], localizer.scorer)


def test_a_moved_object_is_found_where_nothing_was(localizer, toy):
    found = moved_red(localizer, toy, {**toy.places, "red": (-0.2, -0.2)})
    np.testing.assert_allclose(np.median(found.points[:, :2], 0), (-0.2, -0.2), atol=0.03)
    assert found.feature @ toy.model.encode_text(["red"])[0] > 0.9


def test_what_is_remembered_elsewhere_is_not_the_moved_one(localizer, toy):
    places = {name: place for name, place in toy.places.items() if name != "red"}
    assert moved_red(localizer, toy, places) is None
    assert moved_red(localizer, toy, {**places, "green": (-0.2, -0.2)}) is None


def test_a_moved_object_may_have_taken_the_place_of_another(localizer, toy):
    places = {**toy.places, "red": toy.places["blue"]}
    del places["blue"]
    found = moved_red(localizer, toy, places)
    np.testing.assert_allclose(np.median(found.points[:, :2], 0), toy.places["blue"], atol=0.03)


def test_of_several_that_look_like_it_the_largest_is_the_moved_one(localizer, toy):
    """Parts of an object have its appearance, too: here a stripe of the other box."""
    frame = toy.see(EYE, {**toy.places, "red": (-0.2, -0.2)})
    green = (frame.rgb[..., 1].astype(int) - frame.rgb[..., [0, 2]].max(-1)) > 60
    rows = np.flatnonzero(green.any(1))
    green[rows[len(rows) // 2] :] = False
    frame.rgb[green] = (230, 25, 25)
    frame.depth[green] -= np.float32(0.06)  # in front of the green box
    check = verifier(localizer, frame, toy.model)
    found = check.find_moved([hypothesis(localizer, "red")], localizer.scorer)
    np.testing.assert_allclose(np.median(found.points[:, :2], 0), (-0.2, -0.2), atol=0.03)


def test_specks_of_the_memory_hide_nothing(toy, toy_memory):
    """A speck where the moved object is now is no segment, and the object is new there."""
    means = toy_memory.gaussians.means.clone()
    yellow = (means[:, :2] - torch.tensor(toy.places["yellow"])).abs().amax(1) < 0.04
    speck = torch.nonzero(yellow & (means[:, 2] > toy.table_z + 0.055))[::3, 0]
    where = torch.tensor([-0.2, -0.2, toy.table_z + 0.06])
    means[speck] = where + 0.001 * torch.randn(len(speck), 3, generator=torch.manual_seed(0))
    gaussians = replace(toy_memory.gaussians, means=means)
    model = toy_memory.models["color"]
    memory = SpatialMemory(gaussians, {"color": model}, toy_memory.views)
    localizer = Localizer(memory, toy.model, QueryConfig(min_segment_area=0.004))
    found = moved_red(localizer, toy, {**toy.places, "red": (-0.2, -0.2)})
    assert np.ptp(found.points[:, 0]) > 0.05


def test_one_of_two_alike_that_stands_where_it_was_is_not_the_moved_one(toy, toy_memory):
    means, model = toy_memory.gaussians.means, toy_memory.models["color"]
    on_table = means[:, 2] > toy.table_z + 0.004

    def box(color):
        near = (means[:, :2] - torch.tensor(toy.places[color])).abs().amax(1) < 0.035
        return torch.nonzero(near & on_table)[:, 0]

    queries = model.queries.clone()
    queries[box("blue")] = model.queries[box("red")[0]]  # two red boxes
    model = replace(model, queries=queries)
    localizer = Localizer(replace(toy_memory, models={"color": model}), toy.model)
    frame = toy.see(EYE, {name: at for name, at in toy.places.items() if name != "red"})
    blue = (frame.rgb[..., 2].astype(int) - frame.rgb[..., :2].max(-1)) > 60
    frame.rgb[blue] = (230, 25, 25)
    query = localizer.scorer.query("red")
    found = localizer.scorer.hypotheses(query, localizer.scorer.of_gaussians(query))
    centers = [localizer.segments.points[item.members].mean(0)[:2] for item in found]
    assert len(found) == 2
    gone = [
        item
        for item, center in zip(found, centers, strict=True)
        if np.abs(center - toy.places["red"]).max() < 0.02
    ]
    check = verifier(localizer, frame, toy.model)
    assert check.find_moved(gone, localizer.scorer) is None
