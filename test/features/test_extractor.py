"""Feature maps and probabilities."""

from dataclasses import replace

import numpy as np
import pytest

from m3_ros.features.extractor import FeatureMap, probability


def test_probability_is_a_softmax() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 5, 8)).astype(np.float32)
    texts = rng.normal(size=(3, 8)).astype(np.float32)
    shares = [
        probability(features, texts[i], np.delete(texts, i, axis=0), logit_scale=7.0)
        for i in range(3)
    ]
    assert shares[0].shape == (4, 5)
    np.testing.assert_allclose(sum(shares), 1, atol=1e-5)
    best = (features @ texts.T).argmax(-1)
    np.testing.assert_array_equal(np.stack(shares).argmax(0), best)


def test_probability_survives_large_scales() -> None:
    one = np.eye(2, dtype=np.float32)
    assert probability(one[0], one[0], one[1:], 1e4) == pytest.approx(1.0)
    assert probability(one[0], one[1], one[:1], 1e4) == pytest.approx(0.0)


def test_a_feature_map_checks_its_arrays() -> None:
    FeatureMap(np.zeros((2, 3, 4), np.float32), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="features"):
        FeatureMap(np.zeros((2, 3, 4), np.float64), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="valid"):
        FeatureMap(np.zeros((2, 3, 4), np.float32), np.ones((3, 2), bool))
    with pytest.raises(ValueError, match="regions"):
        FeatureMap(np.zeros((2, 3, 4), np.float32), np.ones((2, 3), bool), np.zeros((2, 3)))


def test_rows_are_the_valid_cells_and_come_back():
    rng = np.random.default_rng(0)
    features, valid = rng.normal(size=(4, 5, 3)).astype(np.float32), rng.random((4, 5)) < 0.6
    rows, index = FeatureMap(features, valid).as_rows()
    assert len(rows) == valid.sum() and ((index >= 0) == valid).all()
    back = FeatureMap.of_rows(rows, index, regions=False)
    np.testing.assert_array_equal(back.valid, valid)
    np.testing.assert_array_equal(back.features[valid], features[valid])
    assert back.regions is None and not back.features[~valid].any()


def test_a_region_is_one_row_even_where_part_of_it_is_hidden():
    regions = np.array([[4, 4, -1], [7, 7, 4]], np.int32)
    found = FeatureMap.of_rows(np.eye(8, dtype=np.float32), regions)
    hidden = replace(found, valid=found.valid & np.array([[0, 1, 1], [1, 1, 1]], bool))
    rows, index = hidden.as_rows()
    assert index.tolist() == [[-1, 0, -1], [1, 1, 0]]
    np.testing.assert_array_equal(rows, np.eye(8, dtype=np.float32)[[4, 7]])


def test_nothing_valid_is_no_row():
    none = FeatureMap(np.ones((2, 3, 4), np.float32), np.zeros((2, 3), bool))
    rows, index = none.as_rows()
    assert rows.shape == (0, 4) and (index == -1).all()
    assert not FeatureMap.of_rows(rows, index).valid.any()
