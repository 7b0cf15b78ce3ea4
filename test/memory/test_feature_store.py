"""Feature maps are read as they were written, in half precision, invalid cells as NaN."""

import numpy as np
import pytest
import torch

from m3_ros.memory.feature_store import FeatureStore


def test_maps_are_read_in_any_order():
    maps = [np.random.default_rng(i).normal(size=(3 + i, 4, 5)).astype(np.float32) for i in (0, 1)]
    store = FeatureStore()
    for features in maps:
        store.append(features, np.ones(features.shape[:2], bool))
    assert len(store) == 2
    for index in (1, 0, 1):
        np.testing.assert_allclose(store.read(index), maps[index], rtol=1e-3, atol=1e-3)


def test_invalid_zero_and_huge_cells():
    features = np.array([[[1e6, 0.0], [3.0, 4.0], [0.0, 0.0]]], np.float32)
    store = FeatureStore()
    store.append(features, np.array([[True, False, True]]))
    assert torch.isnan(store.read(0)[0, 1]).all()
    unit, valid = store.read_unit(0)
    assert valid.tolist() == [[True, False, False]]
    assert unit.tolist() == [[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]


def test_cells_can_be_restricted_later():
    store, valid = FeatureStore(), np.array([[True, False, True]])
    store.append(np.ones((1, 3, 2), np.float32), valid)
    store.restrict(0, np.array([[True, True, False]]))
    assert torch.isfinite(store.read(0)).all(-1).tolist() == [[True, False, False]]
    assert valid.tolist() == [[True, False, True]]  # the caller's own mask is untouched
    assert store.size(0) == (3, 1)


def test_other_shapes_are_refused():
    store = FeatureStore()
    store.append(np.zeros((2, 2, 3), np.float32), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="dimension"):
        store.append(np.zeros((2, 2, 4), np.float32), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="valid"):
        store.append(np.zeros((2, 2, 3), np.float32), np.ones((2, 3), bool))


def test_cells_of_a_region_share_its_feature():
    regions = np.full((40, 50), -1, np.int32)
    regions[5:35, 10:30], regions[20:, 30:] = 4, 9
    values = np.random.default_rng(0).normal(size=(10, 512)).astype(np.float32)
    features, valid = values[regions], regions >= 0
    valid[6, 11] = False
    store = FeatureStore()
    store.append(features, valid, regions)
    back = store.read(0)
    assert (torch.isfinite(back).all(-1).numpy() == valid).all()
    np.testing.assert_allclose(back[valid], features[valid], rtol=1e-3, atol=1e-3)
