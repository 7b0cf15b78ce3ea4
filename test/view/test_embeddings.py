"""Maps of a model's raw features and of its bank."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from m3_ros.view.embeddings import SIDE, draw_maps, embeddings_picture, flatten


def clusters():
    """Return two tight clusters in 16 dimensions, and one row of each."""
    rng = np.random.default_rng(0)
    centers = np.linalg.qr(rng.normal(size=(16, 16)))[0][:2]
    raw = np.repeat(centers, 50, axis=0) + 0.02 * rng.normal(size=(100, 16))
    return raw.astype(np.float32), centers.astype(np.float32)


def test_the_bank_lies_on_the_features_that_it_stands_for():
    raw, bank = clusters()
    places, components = flatten(raw, bank)
    assert places.shape == (100, 2) and components.shape == (2, 2)
    means = places[:50].mean(0), places[50:].mean(0)
    apart = np.linalg.norm(means[0] - means[1])
    assert apart == pytest.approx(np.sqrt(2), abs=0.1)  # the first axis has all of it
    np.testing.assert_allclose(components, means, atol=0.1 * apart)


def test_a_length_does_not_move_a_feature():
    raw, bank = clusters()
    places, components = flatten(raw, bank)
    longer = flatten(3.0 * raw, 5.0 * bank)
    np.testing.assert_allclose(np.abs(longer[0]), np.abs(places), atol=1e-4)
    np.testing.assert_allclose(np.abs(longer[1]), np.abs(components), atol=1e-4)


def test_umap_is_asked_where_it_is_installed_and_named_where_not(monkeypatch):
    class Umap:
        def __init__(self, **settings):
            assert settings["metric"] == "cosine"

        def fit_transform(self, rows):
            return rows[:, :2]

        transform = fit_transform

    raw, bank = clusters()
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    assert flatten(raw, bank, "umap")[1].shape == (2, 2)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        flatten(raw, bank, "umap")


def test_points_have_the_colour_of_their_picture():
    points = np.array([[0.0, 0.0], [1.0, 1.0]])
    image = draw_maps([("a", points, np.array([0, 9])), ("b", points[:1], np.array([9]))], 10)
    left, right = image[-SIDE:, :SIDE], image[-SIDE:, SIDE:]
    first, last, other = left[16, 16], left[-17, -17], right[16, 16]
    assert (last == other).all() and (first != last).any()
    assert (right[-17, -17] == 255).all()


def test_picture_of_a_memory(toy, toy_memory):
    image = embeddings_picture(toy_memory, toy.frames, toy.model)
    assert image.shape[1] == 2 * SIDE and (image[-SIDE:] < 255).any()
    other = SimpleNamespace(name="color", digest="others")
    with pytest.raises(ValueError, match="built with weights none"):
        embeddings_picture(toy_memory, toy.frames, other)
