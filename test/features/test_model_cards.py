"""The models' cards agree with the models."""

import pytest

from m3_ros.features.loading import load_extractor
from m3_ros.features.model_cards import CARDS, MODELS

PAPER = {
    "clip": (16, 0.80), "siglip": (32, 0.85), "dinov2": (32, 0.75),
    "seem": (16, 1.0), "llama3": (32, 1.0), "llamav": (32, 0.60),
}  # fmt: skip
OTHERS = {"compact", "siglip2", "pe", "mobileclip2", "dinov3"}


def test_the_papers_models_have_its_degrees_and_thresholds():
    assert {n: (MODELS[n].degrees, MODELS[n].threshold) for n in PAPER} == PAPER
    assert set(MODELS) - set(PAPER) == OTHERS and len(CARDS) == len(MODELS)


def test_the_shipped_model_is_as_its_card_says():
    card, extractor = MODELS["compact"], load_extractor("compact")
    for name in ("name", "dim", "degrees", "threshold"):
        assert getattr(card, name) == getattr(extractor, name), name
    assert card.present and not card.commands


def test_a_command_names_repository_and_files():
    assert MODELS["seem"].commands == ["hf download xdecoder/SEEM --include 'seem_focall_v1.pt'"]
    assert len(MODELS["llama3"].commands) == 3


@pytest.mark.parametrize("name", ["model.safetensors", "open_clip_model.safetensors"])
def test_a_snapshot_counts_only_with_its_weights(monkeypatch, tmp_path, name):
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(tmp_path))
    card = MODELS["clip"]
    assert card.snapshot("x/y") is None and not card.present
    (tmp_path / name).touch()
    assert card.present == (name == "open_clip_model.safetensors")
