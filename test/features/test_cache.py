"""Features on disk: read instead of made, told apart by image and model, whole or not there."""

import numpy as np
import pytest

from m3_ros.features.cache import CachedExtractor, beside, fill
from m3_ros.features.extractor import FeatureMap


class Counting:
    """A model whose features are the image's own cells; counts the images it sees."""

    name, dim, degrees, threshold, digest = "counting", 3, 4, 0.9, "d" * 64
    regions = False

    def __init__(self):
        self.seen = 0

    def extract_batch(self, images):
        self.seen += len(images)
        maps = []
        for rgb in images:
            features = (rgb[::8, ::8] / np.float32(255)).astype(np.float32)
            regions = np.full(features.shape[:2], -1, np.int32)
            regions[2:, 1:], regions[4:, 3:] = 3, 8
            if self.regions:
                features[regions == 3], features[regions == 8] = 0.25, 70_000.0
                maps.append(FeatureMap(features, regions >= 0, regions))
            else:
                maps.append(FeatureMap(features, regions >= 0))
        return maps

    def extract(self, rgb):
        return self.extract_batch([rgb])[0]


@pytest.fixture
def model():
    return Counting()


def test_an_image_goes_through_the_model_once(model, make_noise, tmp_path):
    cached, image = CachedExtractor(model, tmp_path / "features"), make_noise()
    assert not cached.has(image)
    first, second = cached.extract(image), cached.extract(image.copy())
    assert model.seen == 1 and cached.has(image)
    np.testing.assert_array_equal(first.features, second.features)
    np.testing.assert_array_equal(first.valid, model.extract(image).valid)
    truth = model.extract(image).features[first.valid]
    np.testing.assert_allclose(first.features[first.valid], truth, atol=1e-3)
    for name in ("name", "dim", "degrees", "threshold", "digest"):
        assert getattr(cached, name) == getattr(model, name)


def test_a_batch_makes_only_what_is_absent(model, make_noise, tmp_path):
    cached, images = CachedExtractor(model, tmp_path), [make_noise(seed=n) for n in range(3)]
    cached.extract(images[1])
    maps = cached.extract_batch(images)
    assert model.seen == 3 and len(maps) == 3
    for found, image in zip(maps, images, strict=True):
        np.testing.assert_array_equal(found.features, cached.extract(image).features)


def test_other_images_and_other_weights_are_told_apart(model, make_noise, tmp_path):
    cached, image = CachedExtractor(model, tmp_path), make_noise(64, 64)
    cached.extract(image)
    changed = image.copy()
    changed[0, 0, 0] ^= 1
    assert not cached.has(changed) and not cached.has(image.reshape(32, 128, 3))
    model.digest = "e" * 64
    assert not CachedExtractor(model, tmp_path).has(image)


def test_regions_are_kept_once_each(model, make_noise, tmp_path):
    model.regions = True
    cached, image = CachedExtractor(model, tmp_path), make_noise(400, 400)
    found = cached.extract(image)
    assert found.regions is not None and len(found.as_rows()[0]) == 2
    assert found.features[found.regions == 0].max() == 0.25
    assert found.features.max() == np.finfo(np.float16).max  # clipped to half precision
    assert cached._path(image).stat().st_size < 4 * found.valid.size + 500


def test_a_failing_model_leaves_nothing_behind(model, make_noise, tmp_path, monkeypatch):
    cached = CachedExtractor(model, tmp_path)
    monkeypatch.setattr("m3_ros.features.cache.os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cached.extract(make_noise())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_damaged_file_is_named(model, make_noise, tmp_path):
    cached, image = CachedExtractor(model, tmp_path), make_noise()
    cached.extract(image)
    cached._path(image).write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"\.safetensors is damaged .* delete it"):
        cached.extract(image)


def test_a_scan_is_filled_in_batches_of_one_size(model, make_noise, tmp_path):
    sizes = [(64, 64)] * 3 + [(48, 80)] * 2 + [(64, 64)]
    images = [make_noise(*size, seed=number) for number, size in enumerate(sizes)]
    cached, batches, done = CachedExtractor(model, tmp_path), [], []
    extract = model.extract_batch
    model.extract_batch = lambda batch: batches.append(len(batch)) or extract(batch)
    cached.extract(images[1])
    fill(cached, iter(images), 2, done.append)
    assert batches == [1, 2, 2, 1] and sum(done) == 6
    fill(cached, images, 2, done.append)
    assert sum(done) == 12 and model.seen == 6
    with pytest.raises(ValueError, match="batch = 0"):
        fill(cached, images, 0, done.append)


def test_a_scan_without_features_leaves_the_model_as_it_is(model, make_noise, tmp_path):
    assert beside(tmp_path, model) is model
    CachedExtractor(model, tmp_path / "features").extract(make_noise())
    beside(tmp_path, model).extract(make_noise())
    assert model.seen == 1
    model.digest = "other"
    assert beside(tmp_path, model) is model
