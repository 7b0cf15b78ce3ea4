"""Feature maps come back as they went in, half precision, invalid cells as NaN."""

import numpy as np
import pytest
import torch

from m3_ros.memory.store import FeatureStore


def test_maps_come_back_in_any_order():
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
    unit, valid = store.unit(0)
    assert valid.tolist() == [[True, False, False]]
    assert unit.tolist() == [[[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]]


def test_other_shapes_are_refused():
    store = FeatureStore()
    store.append(np.zeros((2, 2, 3), np.float32), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="dimension"):
        store.append(np.zeros((2, 2, 4), np.float32), np.ones((2, 2), bool))
    with pytest.raises(ValueError, match="valid"):
        store.append(np.zeros((2, 2, 3), np.float32), np.ones((2, 3), bool))
