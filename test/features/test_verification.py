"""`m3 models verify`: a model that sees the drawn picture, and models that do not."""

import numpy as np
import pytest

from m3_ros.features.extractor import FeatureMap
from m3_ros.features.verification import SHAPES, TEXTS, draw_picture, verify, verify_extractor


class Seer:
    """Features that are one axis a shape, the background another."""

    name, digest, dim = "seer", "0" * 64, len(TEXTS) + 1

    def __init__(self, shift: int = 0, scale: float = 1.0, texts: float = 1.0) -> None:
        self.shift, self.scale, self.texts = shift, scale, texts

    def extract(self, rgb):
        features = np.zeros((*rgb.shape[:2], self.dim), np.float32)
        features[..., -1] = 1.0
        for number, mask in enumerate(draw_picture()[1]):
            features[mask] = np.eye(self.dim)[(number + self.shift) % SHAPES]
        return FeatureMap(features[4::8, 4::8] * np.float32(self.scale), np.ones((60, 80), bool))

    def encode_text(self, texts):
        return self.texts * np.eye(len(texts), self.dim, dtype=np.float32)

    def encode_image(self, rgb):
        return np.array([0.6, 0.6, 0.5, 0.1, 0.1, 0.0], np.float32)


def test_a_model_that_sees_has_no_problems() -> None:
    found = verify_extractor(Seer())
    assert found.problems == [] and found.on_shape == (True,) * SHAPES
    assert found.grid == (60, 80) and found.heat.shape == (480, 640)
    assert found.cosines == pytest.approx((0.6, 0.6, 0.5, 0.1, 0.1))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        (Seer(shift=1), "no text is highest"),
        (Seer(scale=2.0), "not of length 1"),
        (Seer(scale=np.nan), "not of length 1"),
        (Seer(texts=0.0), "the same cosine"),
    ],
)
def test_what_is_wrong_is_said(model, problem) -> None:
    assert any(problem in text for text in verify_extractor(model).problems)


def test_a_model_without_texts_is_verified_by_its_features(monkeypatch) -> None:
    monkeypatch.delattr(Seer, "encode_text")
    found = verify_extractor(Seer())
    assert found.problems == [] and found.cosines == () and found.heat is None


def test_missing_weights_are_named_with_the_way_to_get_them(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="hf download"):
        verify(f"dinov2:{tmp_path}")
