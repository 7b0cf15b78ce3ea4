"""Scores become probabilities that mean what they say, and only for the weights they belong to."""

import json

import numpy as np
import pytest

from m3_ros.features.loading import load_extractor
from m3_ros.query import calibration
from m3_ros.query.calibration import Calibration, calibration_file, fit_calibration, log_odds


def test_the_identity_keeps_scores():
    scores = np.array([0.0, 0.01, 0.5, 0.99, 1.0])
    np.testing.assert_allclose(Calibration()(scores), scores, atol=1e-6)


def test_a_known_mapping_is_recovered():
    rng = np.random.default_rng(0)
    logit = rng.normal(0.0, 2.0, 20_000)
    right = rng.random(len(logit)) < 1.0 / (1.0 + np.exp(-(1.5 * logit + 0.0)))
    attributes = rng.integers(1, 3, len(logit))
    logit -= 0.8 * (attributes - 1)
    found = fit_calibration(1.0 / (1.0 + np.exp(-logit)), attributes, right)
    assert found.attribute_weight == pytest.approx(1.2, abs=0.15)
    assert found.slope == pytest.approx(1.5, abs=0.1)
    assert found.offset == pytest.approx(0.0, abs=0.1)


def test_right_and_wrong_weigh_the_same_whatever_their_numbers():
    rng = np.random.default_rng(0)
    logit = np.concatenate([rng.normal(-1.0, 1.0, 20_000), rng.normal(1.0, 1.0, 1000)])
    right = np.arange(len(logit)) >= 20_000
    ones = np.ones(len(logit), int)
    found = fit_calibration(1.0 / (1.0 + np.exp(-logit)), ones, right)
    assert found(np.array([0.5]))[0] == pytest.approx(0.5, abs=0.03)


def test_many_queries_of_one_attribute_say_nothing_of_those_of_two():
    rng = np.random.default_rng(0)
    sizes, middles = (200, 200, 20_000, 200), (1.0, -1.0, -3.0, 3.0)
    logit = np.concatenate([rng.normal(m, 1.0, n) for m, n in zip(middles, sizes, strict=True)])
    attributes = np.repeat([2, 2, 1, 1], sizes)
    right = np.repeat([True, False, False, True], sizes)
    found = fit_calibration(1.0 / (1.0 + np.exp(-logit)), attributes, right)
    assert found(np.array([0.5]), 2)[0] == pytest.approx(0.5, abs=0.05)
    assert found(np.array([0.5]), 1)[0] == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("right", [[True, True], [False, False]])
def test_one_sided_answers_are_refused(right):
    with pytest.raises(ValueError, match="both"):
        fit_calibration(np.array([0.3, 0.6]), np.array([1, 1]), np.array(right))


def test_certain_scores_stay_finite():
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()


class Model:
    name, digest = "color", "weights"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "calibration_file", lambda model: tmp_path / model)
    return tmp_path / "color"


def test_it_belongs_to_the_weights_it_names(file):
    assert Calibration.of(Model()) == Calibration()
    file.write_text(
        json.dumps({"slope": 2.0, "offset": -1.0, "attribute_weight": 0.5, "digest": "weights"})
    )
    assert Calibration.of(Model()) == Calibration(2.0, -1.0, 0.5)
    file.write_text(
        json.dumps({"slope": 2.0, "offset": -1.0, "attribute_weight": 0.5, "digest": "other"})
    )
    assert Calibration.of(Model()) == Calibration()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not JSON"),
        ("[]", r"\$ is \[\]; it must be an object"),
        ('{"slope": 1}', r"\$.digest is missing"),
        ('{"digest": "weights"}', r"\$.slope is missing"),
    ],
)
def test_a_damaged_file_is_named(file, text, problem):
    file.write_text(text)
    with pytest.raises(ValueError, match=f"{file.name}:? {problem}"):
        Calibration.of(Model())


def test_the_shipped_one_belongs_to_the_shipped_weights():
    values = json.loads(calibration_file("compact").read_text())
    assert values["digest"] == load_extractor("compact").digest
    assert values["slope"] > 0


def test_scores_that_separate_right_from_wrong_leave_the_slope_finite():
    scores = np.array([0.1, 0.2, 0.7, 0.8])
    calibration = fit_calibration(scores, np.ones(4, int), scores > 0.5)
    assert 0.0 < calibration.slope < 3.0
    assert calibration(np.float32(0.8)) > 0.6 and calibration(np.float32(0.1)) < 0.4
