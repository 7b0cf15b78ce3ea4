"""What a memory keeps of keyframes besides features of cells: grids, captions, summaries."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.features.cache import CachedExtractor
from m3_ros.features.extractor import FeatureMap
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.sources import SourceCollector
from m3_ros.memory.spatial_memory import SpatialMemory

INDEX = np.array([[0, 0, 1], [2, -1, 1]], np.int32)
WORDS = ("a duck", "a mug", "the table")


def captioned(seed: int, words=WORDS) -> FeatureMap:
    rows = np.random.default_rng(seed).normal(size=(3, 24)).astype(np.float32)
    found = FeatureMap.of_rows(rows, INDEX, captions=words)
    return replace(found, summary=rows[: 1 + seed])


def collected() -> tuple[MemoryBank, SourceCollector]:
    bank, sources = MemoryBank(24, 0.99), SourceCollector()
    for frame in range(2):
        found = captioned(frame, tuple(f"{word} {frame}" for word in WORDS))
        valid = torch.from_numpy(found.valid)
        features = torch.from_numpy(found.features)[valid]
        bank.add(features, frame, torch.nonzero(valid))
        sources.add(found)
    return bank, sources


def test_a_component_has_the_caption_of_the_region_it_is_from():
    bank, collector = collected()
    sources = collector.of(bank)
    assert sorted(sources.captions) == sorted(f"{w} {f}" for w in WORDS for f in range(2))
    for caption, (frame, row, column) in zip(sources.captions, bank.origins.tolist(), strict=True):
        assert caption == f"{WORDS[INDEX[row, column]]} {frame}"
    assert sources.grids.tolist() == [[2, 3], [2, 3]]
    assert [len(sources.summary(frame)) for frame in range(2)] == [1, 2]


def test_sources_are_saved_with_the_memory(toy_memory, tmp_path):
    bank, collector = collected()
    model = toy_memory.models["color"]
    kept = replace(model, bank=bank, sources=collector.of(bank))
    memory = replace(toy_memory, models={"color": kept}, views=toy_memory.views[:2])
    memory.save(tmp_path / "memory")
    loaded = SpatialMemory.load(tmp_path / "memory").models["color"].sources
    assert loaded.captions == kept.sources.captions
    np.testing.assert_array_equal(loaded.grids, kept.sources.grids)
    np.testing.assert_array_equal(loaded.summary(1), kept.sources.summary(1))
    toy_memory.save(tmp_path / "older")  # without any
    assert SpatialMemory.load(tmp_path / "older").models["color"].sources is None


def test_captions_and_summaries_go_through_files(tmp_path):
    class Model:
        name, dim, digest, degrees, threshold = "words", 24, "0" * 64, 4, 0.9

        def extract_batch(self, images):
            found = captioned(1)
            hidden = np.array([[True, True, True], [False, True, True]])  # the table's only cell
            return [replace(found, valid=found.valid & hidden) for _ in images]

    cached = CachedExtractor(Model(), tmp_path)
    found = cached.extract(np.zeros((32, 32, 3), np.uint8))
    assert found.captions == WORDS[:2]
    assert [found.captions[found.regions[0, column]] for column in (0, 2)] == list(WORDS[:2])
    np.testing.assert_allclose(found.summary, captioned(1).summary, atol=1e-2)


@pytest.mark.parametrize("frame", [0, 1])
def test_a_model_without_captions_has_none(frame):
    bank, collector = MemoryBank(4, 0.9), SourceCollector()
    bank.add(torch.eye(4)[:2], 0, torch.tensor([[0, 0], [0, 1]]))
    for _ in range(2):
        collector.add(FeatureMap(np.ones((1, 2, 4), np.float32), np.ones((1, 2), bool)))
    sources = collector.of(bank)
    assert sources.captions == () and sources.summary(frame).size == 0
