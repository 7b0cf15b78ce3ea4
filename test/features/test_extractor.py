"""Names of encoders, feature maps and relevancy."""

import numpy as np
import pytest

from m3_ros.features.extractor import FeatureMap, load_extractor, relevancy


def test_relevancy_is_a_share_of_a_softmax() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4, 5, 8)).astype(np.float32)
    texts = rng.normal(size=(3, 8)).astype(np.float32)
    shares = [
        relevancy(features, texts[i], np.delete(texts, i, axis=0), logit_scale=7.0)
        for i in range(3)
    ]
    assert shares[0].shape == (4, 5)
    np.testing.assert_allclose(sum(shares), 1, atol=1e-5)
    best = (features @ texts.T).argmax(-1)
    np.testing.assert_array_equal(np.stack(shares).argmax(0), best)


def test_relevancy_survives_large_scales() -> None:
    one = np.eye(2, dtype=np.float32)
    assert relevancy(one[0], one[0], one[1:], 1e4) == pytest.approx(1.0)
    assert relevancy(one[0], one[1], one[:1], 1e4) == pytest.approx(0.0)


def test_a_feature_map_checks_its_arrays() -> None:
    FeatureMap(np.zeros((2, 3, 4), np.float32), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="features"):
        FeatureMap(np.zeros((2, 3, 4), np.float64), np.ones((2, 3), bool))
    with pytest.raises(ValueError, match="valid"):
        FeatureMap(np.zeros((2, 3, 4), np.float32), np.ones((3, 2), bool))


@pytest.mark.parametrize("name", ["", "dino", ":openai", "ViT-B-16"])
def test_an_unknown_name_is_refused(name) -> None:
    with pytest.raises(ValueError, match="encoder is"):
        load_extractor(name)


def test_compact_ships_with_the_package() -> None:
    extractor = load_extractor("compact")
    assert extractor.name == "compact" and len(extractor.digest) == 64
