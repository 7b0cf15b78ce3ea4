"""What the live frame says about remembered segments."""

import numpy as np
import pytest

from m3_ros.codes import QueryStatus
from m3_ros.config import QueryConfig
from m3_ros.features.extractor import FeatureMap
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
