"""Random features: of any size, always the same, and near for what looks alike."""

import numpy as np
import pytest

from m3_ros.evaluate.random_model import RandomModel


def picture(seed):
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return blocks.repeat(20, 0).repeat(20, 1)


def test_shape_and_repetition():
    one, two = (RandomModel(768).extract(picture(0)) for _ in range(2))
    assert one.features.shape == (30, 40, 768) and one.valid.all()
    np.testing.assert_array_equal(one.features, two.features)
    np.testing.assert_allclose(np.linalg.norm(one.features, axis=-1), 1.0, atol=1e-5)
    assert RandomModel(768).digest != RandomModel(768, seed=1).digest
    assert not np.allclose(RandomModel(768, seed=1).extract(picture(0)).features, one.features)


def test_what_looks_alike_is_near_and_what_does_not_is_far():
    model = RandomModel(1024)
    features = model.extract(picture(1)).features
    again = model.extract(np.clip(picture(1) + 1, 1, 255).astype(np.uint8)).features
    assert (features * again).sum(-1).mean() > 0.95
    inside = features[2::5, 2::5].reshape(48, -1)  # a cell within each block
    cosines = (inside @ inside.T)[~np.eye(48, dtype=bool)]
    assert np.median(cosines) < 0.8


def test_a_size_is_needed():
    with pytest.raises(ValueError, match="dim = 0"):
        RandomModel(0)
